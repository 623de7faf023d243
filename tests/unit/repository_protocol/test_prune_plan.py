"""What a prune may take, decided purely (invariant 18, B4, A17)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from strongroom.repository.protocol.prune import PruneCandidate, plan_prune


def _point(seq: int, *, remove: bool = True, machine: str = "m", **facts: bool) -> PruneCandidate:
    return PruneCandidate(f"snap/{machine}/{seq:010d}", machine, "expired" if remove else None, **facts)


def test_the_newest_point_and_the_newest_verified_one_stay() -> None:
    """Invariant 18."""
    plan = plan_prune([_point(1, verified=True), _point(2, verified=True), _point(3), _point(4)])
    assert [entry.commit_key[-1] for entry in plan.remove] == ["1", "3"]
    assert {entry.commit_key[-1]: entry.reason for entry in plan.keep} == {
        "2": "the newest verified recovery point of its machine",
        "4": "the newest recovery point of its machine",
    }


def test_held_and_locked_points_stay_even_when_all_data_is_to_be_deleted() -> None:
    """Invariant 18, A17."""
    plan = plan_prune([_point(1, held=True), _point(2, locked=True), _point(3, verified=True)], whole_item=True)
    assert [entry.commit_key[-1] for entry in plan.remove] == ["3"]
    assert {entry.reason for entry in plan.keep} == {"held", "locked"}


def test_every_line_of_a_plan_has_its_reason() -> None:
    """B4: the dry run prints why."""
    plan = plan_prune([_point(1), _point(2, remove=False), _point(3)])
    assert all(entry.reason for entry in (*plan.remove, *plan.keep))


_POINTS = st.lists(
    st.builds(
        PruneCandidate,
        st.integers(1, 40).map(lambda seq: f"snap/m/{seq:010d}"),
        st.just("m"),
        st.one_of(st.none(), st.just("expired")),
        st.just(""),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    unique_by=lambda point: point.commit_key,
)


@given(_POINTS)
def test_no_plan_breaks_the_floor(points: list[PruneCandidate]) -> None:
    """Invariant 18."""
    plan = plan_prune(points)
    removed = {entry.commit_key for entry in plan.remove}
    kept = {entry.commit_key for entry in plan.keep}
    assert removed | kept == {point.commit_key for point in points}
    assert not removed & kept
    assert max(point.commit_key for point in points) in kept
    verified = [point.commit_key for point in points if point.verified]
    assert not verified or max(verified) in kept
    assert all(point.remove_reason and not point.held and not point.locked for point in points if point.commit_key in removed)
