"""What is refused, what is shown, what a stop means (A4-A7, A17, A18, B4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from strongroom.domain.states import JobStatus, ProtectionStatus, RegistrationStatus
from strongroom.engine.backups import request_backup
from strongroom.engine.discovery import request_discovery
from strongroom.engine.errors import (
    ConfirmationWrong,
    OperationInProgress,
    PolicyInUse,
    RecoveryKeyWrong,
    SourceInUse,
    StateForbids,
    VaultExists,
    VaultNameInvalid,
    VaultNotEmpty,
    VaultNotFound,
)
from strongroom.engine.jobs.control import request_cancel, retry_job
from strongroom.engine.points import hold_point
from strongroom.engine.policies import create_policy, delete_policy, edit_policy, edit_would_expire
from strongroom.engine.protection import StopHow, request_delete_data, request_protect, request_stop
from strongroom.engine.registration import request_register, request_unregister
from strongroom.engine.sources import remove_source
from strongroom.engine.upkeep import plan_prune, request_collect, request_prune
from strongroom.engine.vaults import choose_vault, confirm_recovery, create_vault, delete_vault
from tests.scenario.engine.room import MIB, REGION, Room, nightly


def test_a_vault_takes_machines_of_its_own_region_only_and_names_one_that_would(room: Room) -> None:
    """A5."""
    room.image("m", bytes(4096))
    room.done(request_discovery(room.context))
    other = create_vault(room.context, "elsewhere", "fr-test")
    refused = request_register(room.context, other.vault_id, [room.machine("m").id or 0]).refused
    assert refused[0].error["code"] == "RegionMismatch"
    assert "test-vault" in refused[0].error["action"]


def test_a_machine_is_registered_in_one_vault_only(room: Room) -> None:
    """A4."""
    room.image("m", bytes(4096))
    room.done(request_discovery(room.context))
    machine = room.machine("m").id or 0
    submitted = request_register(room.context, room.vault_id, [machine])
    assert room.item("m").registration is RegistrationStatus.REGISTERING
    room.done(submitted)
    assert room.item("m").registration is RegistrationStatus.REGISTERED
    second = create_vault(room.context, "second", REGION)
    assert request_register(room.context, second.vault_id, [machine]).refused[0].error["code"] == "AlreadyRegistered"


def test_a_second_discovery_is_refused_while_one_waits_or_runs(room: Room) -> None:
    """A3."""
    submitted = request_discovery(room.context)
    with pytest.raises(OperationInProgress, match="Another Discovery operation is already in progress"):
        request_discovery(room.context)
    room.done(submitted)
    room.done(request_discovery(room.context))


def test_a_vanished_machine_is_marked_and_found_again(room: Room) -> None:
    """A3: a rescan adds, updates and marks."""
    image = room.image("m", bytes(4096))
    (job,) = room.done(request_discovery(room.context))
    assert job.result["new"] == 1
    away = image.rename(room.folder / "away")
    (job,) = room.done(request_discovery(room.context))
    assert job.result["vanished"] == 1
    assert room.machine("m").vanished_at is not None
    away.rename(image)
    (job,) = room.done(request_discovery(room.context))
    assert job.result["returned"] == 1
    assert room.machine("m").vanished_at is None


def test_one_operation_per_item_at_a_time(room: Room) -> None:
    """A18: the second is refused with the id of the first."""
    room.image("m", bytes(4096))
    (item,) = room.protected("m")
    first = request_backup(room.context, [item])
    refused = request_backup(room.context, [item]).refused
    assert refused[0].error["code"] == "OperationInProgress"
    assert f"job {first.job_ids[0]}" in refused[0].error["cause"]
    room.done(first)


def test_a_queued_job_is_cancelled_at_once_and_can_be_run_again(room: Room) -> None:
    """A18."""
    room.image("m", bytes(4096))
    (item,) = room.protected("m")
    (job_id,) = request_backup(room.context, [item]).job_ids
    request_cancel(room.context, [job_id])
    assert room.job(job_id).status is JobStatus.CANCELLED
    again = retry_job(room.context, job_id)
    room.done(again)
    assert room.job(again.job_ids[0]).retry_of == job_id


def test_unregistering_is_refused_while_protected_or_while_points_are_kept(room: Room) -> None:
    """A6."""
    room.image("m", bytes(4096))
    (item,) = room.protected("m")
    assert request_unregister(room.context, [item]).refused[0].error["code"] == "StillProtected"
    room.done(request_backup(room.context, [item]))
    room.done(request_delete_data(room.context, item, "m"))
    assert room.points("m") == []
    assert room.item("m").protection is ProtectionStatus.NONE
    room.done(request_unregister(room.context, [item]))
    with room.context.catalog.read():
        assert room.machine("m").vanished_at is None


def test_deleting_data_wants_the_name_and_respects_a_hold(room: Room) -> None:
    """A17 B4."""
    room.image("m", bytes(4096))
    (item,) = room.protected("m")
    room.done(request_backup(room.context, [item]))
    with pytest.raises(ConfirmationWrong):
        request_delete_data(room.context, item, "M")
    point = room.points("m")[0].id or 0
    hold_point(room.context, point, room.context.clock.now() + timedelta(days=1))
    with pytest.raises(StateForbids, match="cannot be deleted"):
        request_delete_data(room.context, item, "m")
    hold_point(room.context, point, None)
    room.done(request_delete_data(room.context, item, "m"))


def test_stopped_protection_keeps_the_points_and_resumes_with_them(room: Room) -> None:
    """A17: retain forever, retain as per policy, resume."""
    room.image("m", bytes(4096))
    (item,) = room.protected("m", spec=nightly(days=0, keep_last=1))
    room.done(request_backup(room.context, [item]))
    room.done(request_backup(room.context, [item]))
    room.done(request_stop(room.context, [item], StopHow.RETAIN_FOREVER))
    assert room.item("m").protection is ProtectionStatus.STOPPED
    assert plan_prune(room.context, room.vault_id).remove == ()
    assert request_backup(room.context, [item]).refused[0].error["code"] == "StateForbids"
    room.done(request_stop(room.context, [item], StopHow.RETAIN_AS_PER_POLICY))
    assert room.item("m").protection is ProtectionStatus.SUSPENDED
    assert len(plan_prune(room.context, room.vault_id).remove) == 1
    room.done(request_protect(room.context, [item], room.item("m").policy_id or 0))
    assert room.item("m").protection is ProtectionStatus.PROTECTED
    assert len(room.points("m")) == 2


def test_a_prune_removes_exactly_what_was_shown_and_never_the_newest(room: Room) -> None:
    """B4 invariant 18: the plan is the deed; a collection then gives the space back."""
    image = room.image("m", bytes(range(256)) * 4096 * 3)
    (item,) = room.protected("m", spec=nightly(days=0, keep_last=1))
    for number in range(3):
        image.write_bytes(bytes([number + 1]) * MIB + bytes(range(256)) * 4096)
        room.done(request_backup(room.context, [item]))
    preview = plan_prune(room.context, room.vault_id)
    newest = room.points("m")[-1]
    assert newest.manifest_key not in {row.manifest_key for row in preview.remove}
    assert len(preview.remove) == 2
    assert all(row.reason for row in (*preview.keep, *preview.remove))
    (job,) = room.done(request_prune(room.context, room.vault_id, preview))
    assert job.result["removed"] == 2
    assert [point.manifest_key for point in room.points("m")] == [newest.manifest_key]
    (job,) = room.done(request_collect(room.context, room.vault_id))
    assert job.result["condemned_packs"] >= 1


def test_an_edit_shows_what_it_would_expire_before_it_is_saved(room: Room) -> None:
    """A8."""
    room.image("m", bytes(4096))
    (item,) = room.protected("m")
    room.done(request_backup(room.context, [item]))
    room.done(request_backup(room.context, [item]))
    policy = room.item("m").policy_id or 0
    would = edit_would_expire(room.context, policy, nightly(days=0, keep_last=1))
    assert [at for _, at in would] == [room.points("m")[0].taken_at]
    assert plan_prune(room.context, room.vault_id).remove == ()
    edit_policy(room.context, policy, nightly(days=0, keep_last=1))
    assert [row.point_id for row in plan_prune(room.context, room.vault_id).remove] == [room.points("m")[0].id]


def test_a_policy_in_use_is_not_deleted(room: Room) -> None:
    """A8."""
    room.image("m", bytes(4096))
    room.protected("m")
    with pytest.raises(PolicyInUse):
        delete_policy(room.context, room.item("m").policy_id or 0)
    delete_policy(room.context, create_policy(room.context, room.vault_id, "unused", nightly()))


def test_a_vault_is_deleted_only_when_empty_and_says_what_blocks_it(room: Room) -> None:
    """A1."""
    room.image("m", bytes(4096))
    room.protected("m")
    with pytest.raises(VaultNotEmpty) as refused:
        delete_vault(room.context, room.vault_id)
    assert "images/m" in refused.value.cause
    delete_vault(room.context, create_vault(room.context, "empty", REGION).vault_id)


@pytest.mark.parametrize("name", ["a", "1vault", "with space", "x" * 51, "", "ümlaut", "a_b"])
def test_vault_names_keep_their_rule(room: Room, name: str) -> None:
    """A1."""
    with pytest.raises(VaultNameInvalid):
        create_vault(room.context, name, REGION)


def test_a_vault_name_is_taken_once(room: Room) -> None:
    """A1."""
    with pytest.raises(VaultExists):
        create_vault(room.context, "test-vault", REGION)


def test_the_recovery_key_is_confirmed_by_its_last_group(room: Room) -> None:
    """B2: the key ceremony."""
    made = create_vault(room.context, "ceremony", REGION)
    with pytest.raises(RecoveryKeyWrong):
        confirm_recovery(room.context, made.vault_id, made.recovery_key, "wrong")
    confirm_recovery(room.context, made.vault_id, made.recovery_key, made.recovery_key.rsplit("-", 1)[-1].lower())
    assert made.recovery_key not in (room.context.paths.state / "catalog.db").read_bytes().decode("latin-1")


def test_a_source_with_registered_machines_stays(room: Room) -> None:
    """A3."""
    room.image("m", bytes(4096))
    room.protected("m")
    with pytest.raises(SourceInUse):
        remove_source(room.context, room.source_id)


def test_a_registered_machine_that_vanishes_shows_it_and_returns(room: Room) -> None:
    """A3 A11: its item stays, shows Vanished, and a backup fails with the reason instead of being forgotten."""
    image = room.image("m", bytes(4096))
    (item,) = room.protected("m")
    away = image.rename(room.folder / "away")
    room.done(request_discovery(room.context))
    assert room.item("m").registration is RegistrationStatus.VANISHED
    assert room.failed(request_backup(room.context, [item])).error["code"] == "MachineVanished"
    away.rename(image)
    room.done(request_discovery(room.context))
    assert room.item("m").registration is RegistrationStatus.REGISTERED
    room.done(request_backup(room.context, [item]))


def test_a_vault_with_policies_only_is_empty(room: Room) -> None:
    """A1."""
    made = create_vault(room.context, "only-policies", REGION)
    create_policy(room.context, made.vault_id, "p", nightly())
    delete_vault(room.context, made.vault_id)
    with pytest.raises(VaultNotFound):
        choose_vault(room.context, "only-policies")


def test_a_hold_that_comes_while_a_prune_is_queued_is_respected(room: Room) -> None:
    """B4 invariant 18: a held point is never pruned, whatever was planned before."""
    room.image("m", bytes(4096))
    (item,) = room.protected("m", spec=nightly(days=0, keep_last=1))
    for _ in range(3):
        room.done(request_backup(room.context, [item]))
    first, second, third = room.points("m")
    submitted = request_prune(room.context, room.vault_id)
    hold_point(room.context, first.id or 0, room.context.clock.now() + timedelta(days=1))
    (job,) = room.done(submitted)
    assert job.result["removed"] == 1
    assert [point.id for point in room.points("m")] == [first.id, third.id]
    assert second.id not in {point.id for point in room.points("m")}


def test_a_hold_that_comes_while_a_deletion_is_queued_stops_it(room: Room) -> None:
    """A17 B4."""
    room.image("m", bytes(4096))
    (item,) = room.protected("m")
    room.done(request_backup(room.context, [item]))
    submitted = request_delete_data(room.context, item, "m")
    hold_point(room.context, room.points("m")[0].id or 0, room.context.clock.now() + timedelta(days=1))
    assert room.failed(submitted).error["code"] == "StateForbids"
    assert len(room.points("m")) == 1
    assert room.item("m").protection is ProtectionStatus.PROTECTED
