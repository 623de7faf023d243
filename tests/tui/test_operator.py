"""A day of an operator by keys alone, over a real service, its workers and the demo's lab (features A1, A3, A8, A14, A16, A17, A18, B3).

The service is shared; every test has machines of its own, so that none leans on another.
"""

import fcntl
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlmodel import col, select
from textual.pilot import Pilot

from strongroom.catalog.entities import Item, Job, Machine, Policy, RecoveryPoint, Source, Vault
from strongroom.demo import Demo, build_demo, demo_service
from strongroom.domain.policy import PolicySpec
from strongroom.domain.retention import RetentionSpec
from strongroom.domain.states import JobStatus, Operation, ProtectionStatus
from strongroom.engine.backups import request_backup
from strongroom.engine.context import Context
from strongroom.engine.discovery import request_discovery
from strongroom.engine.jobs.following import follow
from strongroom.engine.keyring import open_repository
from strongroom.engine.policies import edit_policy
from strongroom.engine.protection import request_protect
from strongroom.engine.registration import request_register
from strongroom.engine.sources import add_source
from strongroom.engine.submission import Submitted
from strongroom.engine.upkeep import plan_prune
from strongroom.engine.vaults import create_vault
from strongroom.lab import change_guest_files
from strongroom.repository.protocol.session import sessions
from strongroom.tui.app import StrongroomApp
from strongroom.tui.notices import Notices
from strongroom.tui.screens.configure import ConfigurePage
from strongroom.tui.screens.protected import ProtectedPage
from tests.scenario.processes import workers_below
from tests.tui.driving import press, room, shown, type_text, wait_idle

MIB = 1024 * 1024
BIG_BYTES = 256 * MIB
SECONDS = 30.0


@dataclass(frozen=True)
class House:
    """A furnished lab whose service runs."""

    demo: Demo

    @property
    def context(self) -> Context:
        return self.demo.context

    def follow(self, submitted: Submitted) -> list[Job]:
        assert not submitted.refused
        return follow(self.context, submitted.job_ids)

    def item(self, name: str, cloud_service: str) -> Item:
        with self.context.catalog.read() as session:
            return session.exec(select(Item).where(Item.name == name, Item.cloud_service == cloud_service)).one()

    def points(self, name: str, cloud_service: str) -> list[RecoveryPoint]:
        item_id = self.item(name, cloud_service).id
        with self.context.catalog.read() as session:
            return list(session.exec(select(RecoveryPoint).where(RecoveryPoint.item_id == item_id)))

    def last_job(self, operation: Operation, name: str) -> Job:
        query = select(Job).where(Job.operation == operation, Job.workload_name == name).order_by(col(Job.id).desc())
        with self.context.catalog.read() as session:
            return session.exec(query).first() or pytest.fail(f"no {operation} of {name}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRONGROOM_ATTEMPTS", "1")
        demo = build_demo(tmp_path_factory.mktemp("operator"))
        _write_big_image(demo.lab.sources[0].path / "big01.raw")
        with demo_service(demo.context):
            made = House(demo)
            _furnish(made)
            yield made
    demo.context.catalog.close()


def _write_big_image(path: Path) -> None:
    with path.open("wb") as image:
        for _ in range(BIG_BYTES // MIB):
            image.write(os.urandom(MIB))


def _furnish(house: House) -> None:
    """Everything protected; all but the big machine backed up."""
    context = house.context
    house.follow(request_discovery(context))
    for region, vault_id in house.demo.vault_ids.items():
        with context.catalog.read() as session:
            machines = [machine.id or 0 for machine in session.exec(select(Machine).where(Machine.region == region))]
            policy = session.exec(select(Policy).where(Policy.vault_id == vault_id)).one()
        house.follow(request_register(context, vault_id, machines))
        with context.catalog.read() as session:
            items = {item.name: item for item in session.exec(select(Item).where(Item.vault_id == vault_id))}
            ids = [item.id or 0 for item in session.exec(select(Item).where(Item.vault_id == vault_id))]
        house.follow(request_protect(context, ids, policy.id or 0))
        big = items["big01"].id if "big01" in items else None
        jobs = house.follow(request_backup(context, [item_id for item_id in ids if item_id != big]))
        assert {job.status for job in jobs} <= {JobStatus.COMPLETED, JobStatus.WARNINGS}


@asynccontextmanager
async def operating(house: House) -> AsyncIterator[Pilot[None]]:
    async with StrongroomApp(house.context).run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        yield pilot


async def until_shown(pilot: Pilot[None], words: str) -> None:
    """Wait until the screen says it, as an operator would."""
    deadline = time.monotonic() + SECONDS
    while words not in shown(pilot):
        assert time.monotonic() < deadline, f"no «{words}» on:\n{shown(pilot)}"
        await pilot.pause(0.02)


async def until_said(pilot: Pilot[None], words: str) -> None:
    """Wait until a notification says it."""
    app = pilot.app
    assert isinstance(app, StrongroomApp)
    deadline = time.monotonic() + SECONDS
    while not any(words in notice.text for notice in app.notices.all):
        assert time.monotonic() < deadline, f"no «{words}» in {[notice.text for notice in app.notices.all]}"
        await pilot.pause(0.02)


async def go_to(pilot: Pilot[None], name: str, cloud_service: str) -> None:
    """Protected Items, with the cursor on a machine."""
    await press(pilot, "3", "g")
    page = pilot.app.screen
    assert isinstance(page, ProtectedPage)
    for _ in range(20):
        if page.current and (page.current.name, page.current.cloud_service) == (name, cloud_service):
            return
        await press(pilot, "j")
    raise AssertionError(f"no {name} in:\n{shown(pilot)}")


async def tab_to(pilot: Pilot[None], widget_id: str) -> None:
    """Reach a field or a button by the tab key."""
    for _ in range(20):
        if pilot.app.focused and pilot.app.focused.id == widget_id:
            return
        await press(pilot, "tab")
    raise AssertionError(f"tab never reaches {widget_id} in:\n{shown(pilot)}")


async def choose(pilot: Pilot[None], select_id: str, steps: int) -> None:
    """Open a list of a form and take the entry so many steps below the present one."""
    await tab_to(pilot, select_id)
    await press(pilot, "enter", *["down"] * steps, "enter")


async def agree(pilot: Pilot[None]) -> None:
    await tab_to(pilot, "proceed")
    await press(pilot, "enter")


async def test_a_point_is_held_released_and_verified(house: House) -> None:
    """A14, B3: what was done stands on the point at once."""
    async with operating(house) as pilot:
        await go_to(pilot, "db01", "hall-a")
        await press(pilot, "enter", "h", "down", "down", "enter")
        await until_shown(pilot, " held")
        assert house.points("db01", "hall-a")[0].held_until is not None
        await press(pilot, "h", "enter")
        await until_said(pilot, "Released; its policy decides again.")
        await wait_idle(pilot)
        assert " held" not in shown(pilot)
        await until_shown(pilot, "not read back yet")
        await press(pilot, "v")
        await until_shown(pilot, "every chunk verified")


async def test_machines_are_verified_from_the_menu_of_all_actions(house: House) -> None:
    """B3: a command without a key is one key and the end of a list away."""
    async with operating(house) as pilot:
        await go_to(pilot, "kiosk", house_service(house, "kiosk"))
        await press(pilot, "full_stop", "end", "enter")
        await until_said(pilot, "to verify recovery points")
        await press(pilot, "o")
        await until_shown(pilot, "✓ Completed")


def house_service(house: House, name: str) -> str:
    with house.context.catalog.read() as session:
        return session.exec(select(Item).where(Item.name == name)).one().cloud_service


async def test_a_failed_backup_is_run_again_when_its_cause_is_gone(house: House) -> None:
    """A18: a writer holds the image, the job says so; after the writer has gone, t makes it good."""
    image = house.demo.lab.machine("web01", "hall-a").disks[0]
    async with operating(house) as pilot:
        with image.open("r+b") as writer:
            fcntl.lockf(writer, fcntl.LOCK_EX)
            await go_to(pilot, "web01", "hall-a")
            await press(pilot, "b", "o")
            await until_shown(pilot, "MachineInUse")
        await press(pilot, "t")
        await until_said(pilot, "to run Backup of web01 again")
        await press(pilot, "o")
        await until_shown(pilot, "✓ Completed")
        assert "again after job" in shown(pilot)


@asynccontextmanager
async def held_worker(pilot: Pilot[None], house: House) -> AsyncIterator[None]:
    """The backup that begins now cannot end while the operator is still reading the question."""
    deadline = time.monotonic() + SECONDS
    while not (workers := workers_below(house.context.paths.run)):
        assert time.monotonic() < deadline, "no worker came"
        await pilot.pause(0.002)
    (worker,) = workers
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker.pid, signal.SIGCONT)


async def test_a_running_backup_is_cancelled_and_leaves_nothing(house: House) -> None:
    """A18: no recovery point, no open session in the repository."""
    async with operating(house) as pilot:
        await go_to(pilot, "big01", house_service(house, "big01"))
        await pilot.press("b")
        async with held_worker(pilot, house):
            await press(pilot, "o")
            await until_shown(pilot, "◐ In progress")
            await press(pilot, "c", "tab", "enter")
            await until_shown(pilot, "◌ Cancelling")
        await until_shown(pilot, "- Cancelled")
        assert house.last_job(Operation.BACKUP, "big01").status is JobStatus.CANCELLED
    assert house.points("big01", house_service(house, "big01")) == []
    with house.context.catalog.read() as session:
        vault = session.get_one(Vault, house.demo.vault_ids["Frankfurt"])
    assert sessions(open_repository(house.context, vault)) == []


async def test_protection_is_stopped_resumed_and_its_data_deleted(house: House) -> None:
    """A17: both ways to stop keep the points, a wrong name deletes nothing, the right one everything."""
    async with operating(house) as pilot:
        await go_to(pilot, "web01", "hall-b")
        await press(pilot, "x")
        await agree(pilot)
        await until_status(pilot, house, ProtectionStatus.STOPPED)
        await press(pilot, "x")
        await agree(pilot)
        await until_shown(pilot, "Change policy")
        await agree(pilot)
        await until_status(pilot, house, ProtectionStatus.PROTECTED)
        await press(pilot, "x")
        await choose(pilot, "way", 1)
        await agree(pilot)
        await until_status(pilot, house, ProtectionStatus.SUSPENDED)
        assert len(house.points("web01", "hall-b")) == 1
        await press(pilot, "x")
        await choose(pilot, "way", 1)
        await agree(pilot)
        await until_shown(pilot, "ConfirmationWrong")
        await tab_to(pilot, "typed")
        await type_text(pilot, "web01")
        await agree(pilot)
        await until_said(pilot, "Delete backup data")
        await wait_for_end(pilot, house, Operation.DELETE_DATA, "web01")
    assert house.points("web01", "hall-b") == []


async def until_status(pilot: Pilot[None], house: House, status: ProtectionStatus) -> None:
    deadline = time.monotonic() + SECONDS
    while house.item("web01", "hall-b").protection is not status:
        assert time.monotonic() < deadline, f"not {status} on:\n{shown(pilot)}"
        await pilot.pause(0.02)
    await wait_idle(pilot)
    assert status.value in shown(pilot)


async def wait_for_end(pilot: Pilot[None], house: House, operation: Operation, name: str) -> Job:
    deadline = time.monotonic() + SECONDS
    while (job := house.last_job(operation, name)).ended_at is None:
        assert time.monotonic() < deadline, f"{operation} did not end"
        await pilot.pause(0.02)
    await wait_idle(pilot)
    assert job.status is JobStatus.COMPLETED, job.error
    return job


async def test_disks_come_back_into_a_folder_and_over_the_original(house: House, tmp_path: Path) -> None:
    """A16: both hold what was backed up, whatever the machine became since; a start is not offered where none is possible."""
    machine = house.demo.lab.machine("web01", "hall-a")
    before = [disk.read_bytes() for disk in machine.disks]
    async with operating(house) as pilot:
        await go_to(pilot, "web01", "hall-a")
        await press(pilot, "R")
        await until_shown(pilot, "machine web01-restored")
        assert "Start it afterwards" not in shown(pilot)
        await choose(pilot, "placement", 2)
        await tab_to(pilot, "folder")
        await type_text(pilot, str(tmp_path / "back"))
        await until_previewed(pilot)
        await agree(pilot)
        await until_said(pilot, "to restore web01")
        await wait_for_end(pilot, house, Operation.RESTORE, "web01")
        assert sorted(path.stat().st_size for path in (tmp_path / "back").rglob("*.raw")) == sorted(len(disk) for disk in before)
        assert {path.read_bytes() for path in (tmp_path / "back").rglob("*.raw")} == set(before)
        assert change_guest_files(house.demo.lab, machine)
        assert [disk.read_bytes() for disk in machine.disks] != before
        await press(pilot, "R")
        await choose(pilot, "placement", 1)
        await until_previewed(pilot)
        await agree(pilot)
        await until_said(pilot, "to restore web01")
        await wait_for_end(pilot, house, Operation.RESTORE, "web01")
    assert [disk.read_bytes() for disk in machine.disks] == before


async def until_previewed(pilot: Pilot[None]) -> None:
    """The preview waits until the fields are still; then nothing may stand in the way."""
    await pilot.pause(0.35)
    await wait_idle(pilot)
    assert "✗" not in shown(pilot)


async def test_an_edit_that_would_expire_points_names_them_and_asks_again(house: House) -> None:
    """A8: enter on the question saves nothing; an edit that expires nothing is saved without one."""
    item = house.item("files01", "quay-1")
    kept = replace(PolicySpec.from_json(_policy_of(house, item).spec), retention=RetentionSpec(days=30, keep_last=1))
    edit_policy(house.context, item.policy_id or 0, kept)
    house.follow(request_backup(house.context, [item.id or 0]))
    async with operating(house) as pilot:
        await press(pilot, "V", "j", "enter", "4", "e")
        await until_shown(pilot, "will follow the new rules at once")
        await tab_to(pilot, "days")
        await press(pilot, "end", "backspace", "backspace")
        await agree(pilot)
        await until_shown(pilot, "1 recovery point")
        assert "quay-1/files01, 20" in shown(pilot)
        await press(pilot, "enter")
        assert "Edit policy nightly" in shown(pilot)
        assert plan_prune(house.context, house.demo.vault_ids["Dublin"]).remove == ()
        await agree(pilot)
        await until_shown(pilot, "Save policy nightly?")
        await agree(pilot)
        await until_said(pilot, "Saved policy nightly.")
        assert len(plan_prune(house.context, house.demo.vault_ids["Dublin"]).remove) == 1
        room(pilot).notices = Notices()
        await press(pilot, "e")
        await agree(pilot)
        await until_said(pilot, "Saved policy nightly.")
        await go_to(pilot, "files01", "quay-1")
        await press(pilot, "enter")
        await until_shown(pilot, "the next prune removes it, unless it is one of the newest")


def _policy_of(house: House, item: Item) -> Policy:
    with house.context.catalog.read() as session:
        return session.get_one(Policy, item.policy_id)


async def test_an_empty_vault_and_an_unused_source_are_deleted(house: House, tmp_path: Path) -> None:
    """A1, A3: both ask first; a source whose machines are registered stays and says why."""
    create_vault(house.context, "zz-spare", "Nowhere")
    add_source(house.context, f"images:{tmp_path}", "Nowhere")
    async with operating(house) as pilot:
        await press(pilot, "V", "G", "D", "tab", "enter")
        await until_said(pilot, "Deleted vault zz-spare.")
        await press(pilot, "6", "g")
        await delete_source_below(pilot, str(tmp_path))
        await until_said(pilot, "Deleted source images:")
        await press(pilot, "D", "tab", "enter")
        await until_said(pilot, "registered")
    with house.context.catalog.read() as session:
        assert "zz-spare" not in session.exec(select(Vault.name)).all()
        assert len(session.exec(select(Source)).all()) == len(house.demo.lab.sources)


async def delete_source_below(pilot: Pilot[None], folder: str) -> None:
    page = pilot.app.screen
    assert isinstance(page, ConfigurePage)
    for _ in range(5):
        if page.current and page.current.address.endswith(folder):
            await press(pilot, "D", "tab", "enter")
            return
        await press(pilot, "j")
    raise AssertionError(f"no {folder} in:\n{shown(pilot)}")
