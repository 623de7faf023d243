"""The way of a backup in a worker, with a scripted source: what is asked of it, in which order, and what the point says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

import pytest

from strongroom.domain.consistency import FreezeResult, ScriptsResult, SnapshotFacts
from strongroom.domain.disk import Extent, ExtentKind
from strongroom.domain.errors import Cancelled
from strongroom.domain.plan import DiskPlan, MachinePlan, Tracking, TrackingFacts
from strongroom.domain.policy import ConsistencyWish, PolicySpec
from strongroom.domain.retention import RetentionSpec
from strongroom.domain.schedule import Daily
from strongroom.domain.states import AgentState, PowerState, ReadMode, SubTaskStatus, WorkloadType
from strongroom.engine.work import backup
from strongroom.engine.work.errors import ConsistencyRefused
from strongroom.providers.base import DiskDescription, MachineDescription
from strongroom.providers.errors import MachineInUse
from strongroom.repository.keys.keyring import create_repository
from strongroom.repository.protocol.session import sessions
from strongroom.repository.repository import Repository
from strongroom.testing.stores import MemoryStore

SIZE = 3 * 1024 * 1024


@dataclass
class Script:
    """What the source does and says; ``told`` is everything that was asked of it, in order."""

    content: bytearray = field(default_factory=lambda: bytearray(b"x" * SIZE))
    facts: SnapshotFacts = field(default_factory=lambda: SnapshotFacts(PowerState.RUNNING))
    tracking_facts: TrackingFacts | None = None
    dirty: tuple[tuple[int, int], ...] = ()
    in_use: int = 0  # how many attempts fail in confirm
    told: list[str] = field(default_factory=list)


class ScriptedDisk:
    def __init__(self, script: Script, plan: DiskPlan) -> None:
        self.script = script
        self.plan = plan
        self.description = DiskDescription("vda", SIZE, "raw", "/vda")
        self.tracking: Tracking = {"mark": len(script.told)}

    def extents(self) -> Iterator[Extent]:
        if self.plan.mode is not ReadMode.INCREMENTAL:
            yield from self.all_extents()
            return
        at = 0
        for offset, length in self.script.dirty:
            if offset > at:
                yield Extent(at, offset - at, ExtentKind.UNCHANGED)
            yield Extent(offset, length, ExtentKind.DATA)
            at = offset + length
        if at < SIZE:
            yield Extent(at, SIZE - at, ExtentKind.UNCHANGED)

    def all_extents(self) -> Iterator[Extent]:
        yield Extent(0, SIZE, ExtentKind.DATA)

    def read_into(self, offset: int, view: memoryview) -> None:
        view[:] = self.script.content[offset : offset + len(view)]


class ScriptedSession:
    taken_at = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)

    def __init__(self, source: ScriptedSource, plan: MachinePlan) -> None:
        self.source = source
        self.machine = source.describe("m")
        self.facts = source.script.facts
        self.disks = [ScriptedDisk(source.script, disk) for disk in plan.disks.values()]

    def confirm(self) -> None:
        self.source.tell("confirm")
        if self.source.script.in_use > 0:
            self.source.script.in_use -= 1
            raise MachineInUse("m is being written")

    def committed(self) -> None:
        self.source.tell("committed")


class ScriptedSource:
    """A provider that notes, with each call, whether the repository holds a manifest at that moment."""

    def __init__(self, script: Script, repository: Repository) -> None:
        self.script = script
        self.repository = repository
        self.plans: list[MachinePlan] = []

    def tell(self, what: str) -> None:
        self.script.told.append(f"{what} with {len(self.repository.manifests())} manifests")

    def describe(self, native_id: str) -> MachineDescription:
        disks = (DiskDescription("vda", SIZE, "raw", "/vda"), DiskDescription("cd", 1, "raw", "/cd", included=False, reason="CD-ROM"))
        return MachineDescription(
            native_id, "m", "svc", "r", WorkloadType.DISK_IMAGE, self.script.facts.power, AgentState.NONE, disks, definition={"a": 1}
        )

    def inspect(self, _native_id: str, previous: Mapping[str, Tracking]) -> Mapping[str, TrackingFacts]:
        facts = self.script.tracking_facts
        return {"vda": facts} if facts is not None and previous else {}

    @contextmanager
    def begin(self, _native_id: str, plan: MachinePlan, _job_id: str) -> Iterator[ScriptedSession]:
        self.plans.append(plan)
        self.tell("begin")
        yield ScriptedSession(self, plan)
        self.tell("end")


class ScriptedChannel:
    """Collects what the work says."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.waited: list[float] = []

    def check(self) -> None:
        return

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    def declare(self, commit_key: str) -> None:
        self.said.append(f"declare {commit_key.rsplit('/', 1)[-1]}")

    def sub_task(self, name: str, status: SubTaskStatus, detail: str = "") -> None:
        self.said.append(f"{name}: {status.value} {detail}".strip())

    def log(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.said.append(text)

    def metering(self, _phase: str, _counted: object, **_more: object) -> Any:
        return nullcontext()


@dataclass
class Stage:
    repository: Repository
    script: Script
    source: ScriptedSource
    spec: dict[str, Any]

    def run(self, channel: ScriptedChannel | None = None) -> dict[str, Any]:
        return backup.run(self.spec, channel or ScriptedChannel())


def policy(wish: ConsistencyWish = ConsistencyWish.ANY) -> dict[str, Any]:
    spec = PolicySpec(schedule=Daily(zone="UTC", times=(time(22, 0),)), retention=RetentionSpec(days=7), consistency=wish)
    return {"uid": "p", "name": "nightly", "spec": spec.to_json()}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    store = MemoryStore()
    repository = Repository.open(store, create_repository(store).key)
    script = Script()
    source = ScriptedSource(script, repository)
    monkeypatch.setattr(backup, "open_repository", lambda _spec: repository)
    monkeypatch.setattr(backup, "source_of", lambda _spec: nullcontext(source))
    spec = {
        "job_uid": "job",
        "trigger": "operator",
        "caller": "me",
        "native_id": "m",
        "item": {"uid": "item", "name": "m"},
        "source": {"address": "test:", "region": "r"},
        "excluded_disks": [],
        "policy": policy(),
        "keep_until": None,
        "full_read": "",
        "earlier_points": [],
        "verify_writes": True,
        "attempts": 3,
        "retry_seconds": 4.0,
    }
    return Stage(repository, script, source, spec)


def again(stage: Stage, **changes: Any) -> None:
    """The next run of the same machine."""
    stage.spec = {**stage.spec, "job_uid": f"job{len(stage.script.told)}", **changes}


def test_the_old_checkpoint_may_go_only_once_the_manifest_is_durable(stage: Stage) -> None:
    """Invariant 11: confirm before the commit, committed after it, and only then."""
    stage.run()
    assert stage.script.told == ["begin with 0 manifests", "confirm with 0 manifests", "committed with 1 manifests", "end with 1 manifests"]


def test_a_commit_that_fails_keeps_the_old_checkpoint(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 11: «committed» is never said of a backup that is not."""

    def cut(*_: object) -> None:
        raise Cancelled("cut")

    monkeypatch.setattr("strongroom.repository.writing.writer.BackupWriter.commit", cut)
    with pytest.raises(Cancelled):
        stage.run()
    assert not [line for line in stage.script.told if line.startswith("committed")]
    assert stage.repository.manifests() == []
    assert sessions(stage.repository) == []


def test_a_busy_machine_is_tried_again_with_growing_waits_and_a_new_commit_key(stage: Stage) -> None:
    """A18: a stated count and back-off; every attempt declares where it would commit."""
    stage.script.in_use = 2
    channel = ScriptedChannel()
    stage.run(channel)
    assert channel.waited == [4.0, 8.0]
    assert [line for line in channel.said if line.startswith("declare")] == [
        "declare 0000000001",
        "declare 0000000002",
        "declare 0000000003",
    ]
    assert len(stage.repository.manifests()) == 1


def test_a_machine_that_stays_busy_makes_no_point(stage: Stage) -> None:
    """A12: a read that mixes moments fails."""
    stage.script.in_use = 3
    with pytest.raises(MachineInUse):
        stage.run()
    assert stage.repository.manifests() == []
    assert sessions(stage.repository) == []


@pytest.mark.parametrize(
    ("facts", "level", "reason"),
    [
        (SnapshotFacts(PowerState.RUNNING), "crash-consistent", "the guest was not frozen"),
        (SnapshotFacts(PowerState.RUNNING, detail="no guest agent"), "crash-consistent", "no guest agent"),
        (SnapshotFacts(PowerState.OFF), "crash-consistent", "off"),
        (SnapshotFacts(PowerState.RUNNING, FreezeResult.FROZEN), "file-system-consistent", "no scripts"),
        (
            SnapshotFacts(PowerState.RUNNING, FreezeResult.FROZEN, ScriptsResult.FAILED, "pre.sh failed"),
            "file-system-consistent",
            "pre.sh failed",
        ),
        (SnapshotFacts(PowerState.RUNNING, FreezeResult.FROZEN, ScriptsResult.SUCCEEDED), "application-consistent", "every script"),
        (SnapshotFacts(PowerState.RUNNING, FreezeResult.FAILED, detail="freeze timed out"), "crash-consistent", "freeze timed out"),
    ],
)
def test_the_point_says_how_consistent_it_is_and_why(stage: Stage, facts: SnapshotFacts, level: str, reason: str) -> None:
    """A12: decided by what happened, stored with its reason."""
    stage.script.facts = facts
    stage.run()
    (manifest,) = stage.repository.manifests()
    assert manifest.facts["consistency"] == level
    assert reason in manifest.facts["consistency_reason"]


def test_a_policy_that_refuses_a_level_fails_the_job_with_the_reason(stage: Stage) -> None:
    """A12."""
    stage.spec["policy"] = policy(ConsistencyWish.AT_LEAST_FILE_SYSTEM)
    with pytest.raises(ConsistencyRefused) as refused:
        stage.run()
    assert "crash-consistent" in refused.value.cause
    assert stage.repository.manifests() == []


def test_a_change_map_is_followed_and_read_costs_follow_it(stage: Stage) -> None:
    """B1 C2: the second run reads what is dirty, and the proof's samples."""
    stage.run()
    again(stage)
    stage.script.tracking_facts = TrackingFacts(usable=True, reason="bitmap of checkpoint 1")
    stage.script.content[65536:131072] = b"y" * 65536
    stage.script.dirty = ((65536, 65536),)
    stage.run()
    newest = stage.repository.manifests()[-1].disks[0]
    assert (newest.mode, newest.reason) == ("incremental", "bitmap of checkpoint 1")
    assert newest.read_bytes == 65536


def test_a_change_map_that_misses_a_change_is_found_out_and_the_disk_read_whole(stage: Stage) -> None:
    """Invariant 10: tracking is a hint with a proof."""
    stage.run()
    again(stage)
    stage.script.tracking_facts = TrackingFacts(usable=True)
    stage.script.content[:] = b"z" * SIZE  # everything changed, and the map says nothing did
    stage.run()
    newest = stage.repository.manifests()[-1].disks[0]
    assert newest.mode == "compare"
    assert "missed a change" in newest.reason
    assert newest.read_bytes >= SIZE


def test_the_point_carries_its_tags_its_expiry_and_the_reason(stage: Stage) -> None:
    """A8: decided when it is committed."""
    stage.run()
    again(stage, earlier_points=["2026-05-04T01:00:00+00:00"])
    stage.run()
    first, second = stage.repository.manifests()
    assert first.facts["tags"] == ["daily", "weekly", "monthly", "yearly"]
    assert second.facts["tags"] == ["daily"]
    assert first.facts["expires_at"] == "2026-05-11T03:02:01+00:00"
    assert "7 days" in first.facts["expiry_reason"]


def test_excluded_disks_and_cd_roms_are_left_out(stage: Stage) -> None:
    """B8: disk selection; the definition is kept for the restore (C4)."""
    stage.run()
    (manifest,) = stage.repository.manifests()
    assert [disk.id for disk in manifest.disks] == ["vda"]
    assert manifest.facts["machine"]["definition"] == {"a": 1}
    again(stage, excluded_disks=["vda"])
    stage.run()
    assert stage.repository.manifests()[-1].disks == ()
