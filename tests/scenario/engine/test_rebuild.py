"""The repository is the truth: catalog lost, everything comes back (C4)."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from strongroom.catalog.queries.policies import policies
from strongroom.domain.states import ProtectionStatus, RegistrationStatus
from strongroom.engine.backups import request_backup
from strongroom.engine.errors import TipsUnconfirmed, VaultExists
from strongroom.engine.keyring import load_key
from strongroom.engine.points import hold_point
from strongroom.engine.rebuild import confirm_tips, rebuild
from strongroom.engine.restores import RestoreWish, newest_point, request_restore
from strongroom.engine.upkeep import request_prune
from strongroom.engine.verification import request_verify
from strongroom.providers.base import Placement
from tests.scenario.engine.room import MIB, Room


def without_catalog(room: Room) -> Room:
    """The same installation after somebody deleted its catalog."""
    from strongroom.bootstrap import open_context

    room.context.catalog.close()
    for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm"):
        (room.context.paths.state / name).unlink(missing_ok=True)
    shutil.rmtree(room.context.paths.keys)
    return replace(room, context=replace(open_context(room.folder / "home"), settings=room.context.settings))


def test_a_lost_catalog_comes_back_with_items_policies_points_holds_and_proofs(room: Room) -> None:
    """C4 B4 B3."""
    image = room.image("m", random.Random(1).randbytes(MIB))
    room.image("other", bytes(MIB))
    (item, _) = room.protected("m", "other")
    room.done(request_backup(room.context, [item]))
    content = random.Random(2).randbytes(MIB)
    image.write_bytes(content)
    room.done(request_backup(room.context, [item]))
    room.done(request_verify(room.context, room.vault_id))
    until = room.context.clock.now() + timedelta(days=9)
    hold_point(room.context, room.points("m")[0].id or 0, until)
    before = room.points("m")
    old_item, key, place = room.item("m"), load_key(room.context, room.vault()), room.vault().repository_path

    back = without_catalog(room)
    rebuilt = rebuild(back.context, place, key)

    assert (rebuilt.vault, rebuilt.items, rebuilt.points, rebuilt.policies) == ("test-vault", 2, 2, 1)
    assert rebuilt.warnings == ()
    assert "images/m" in rebuilt.tips
    item_now = back.item("m")
    assert (item_now.uid, item_now.identity, item_now.protection) == (old_item.uid, old_item.identity, ProtectionStatus.PROTECTED)
    assert back.item("other").protection is ProtectionStatus.PENDING
    assert back.item("other").registration is RegistrationStatus.REGISTERED
    for old, new in zip(before, back.points("m"), strict=True):
        same = ("manifest_key", "taken_at", "consistency", "tags", "expires_at", "expiry_reason", "held_until", "used_bytes", "facts")
        assert {name: getattr(new, name) for name in same} == {name: getattr(old, name) for name in same}
        assert new.verified_at is not None
    with back.context.catalog.read() as session:
        assert [row.name for row in policies(session, back.vault_id).items] == ["policy for ('m', 'other')"]

    with pytest.raises(TipsUnconfirmed):
        request_prune(back.context, back.vault_id)
    confirm_tips(back.context, back.vault_id)
    back.done(request_prune(back.context, back.vault_id))

    wish = RestoreWish(newest_point(back.context, item_now.id or 0), Placement.NEW_MACHINE, name="after")
    (job,) = back.done(request_restore(back.context, wish))
    (path,) = job.result["paths"].values()
    assert Path(path).read_bytes() == content
    image.write_bytes(content[:65536] + bytes(65536) + content[131072:])
    back.done(request_backup(back.context, [item_now.id or 0]))
    assert back.points("m")[-1].disks[0]["mode"] == "compare", "the next backup counts from the last point"
    back.context.catalog.close()


def test_a_damaged_journal_costs_no_recovery_point(room: Room) -> None:
    """C4: manifests stand alone; their items come back stopped, so that nothing expires by itself."""
    room.image("m", random.Random(3).randbytes(MIB))
    (item,) = room.protected("m")
    room.done(request_backup(room.context, [item]))
    place, key = room.vault().repository_path, load_key(room.context, room.vault())
    for event in (Path(place) / "event").rglob("*"):
        if event.is_file():
            event.chmod(0o600)
            event.write_bytes(b"broken")
    back = without_catalog(room)
    rebuilt = rebuild(back.context, place, key)
    assert rebuilt.points == 1
    assert rebuilt.warnings
    assert back.item("m").protection is ProtectionStatus.STOPPED
    back.context.catalog.close()


def test_a_vault_that_the_catalog_has_is_not_rebuilt_over(room: Room) -> None:
    """C4: rebuild never overwrites."""
    with pytest.raises(VaultExists):
        rebuild(room.context, room.vault().repository_path, load_key(room.context, room.vault()))
