"""A newcomer's whole way by keys alone, over the real engine, a real repository and real worker processes (features A1-A16, C5)."""

import asyncio
from pathlib import Path

from sqlmodel import select

from strongroom.catalog.entities import Job, RecoveryPoint, Vault
from strongroom.domain.states import JobStatus
from strongroom.engine.context import Context
from strongroom.tui.app import StrongroomApp
from strongroom.tui.screens.create_vault import RecoveryKeyScreen
from strongroom.tui.screens.job_details import JobScreen
from tests.scenario.engine.room import Room
from tests.tui.driving import Pilot, press, room, shown, type_text, wait_idle
from tests.tui.installation import FakeService


async def work(pilot: "Pilot[None]", context: Context, folder: Path) -> None:
    """Let the jobs be done, as the service would, and the screen see it."""
    await asyncio.to_thread(Room(context, folder, 1, 1).work)
    await wait_idle(pilot)


def all_jobs(context: Context) -> list[Job]:
    with context.catalog.read() as session:
        return list(session.exec(select(Job)))


async def make_vault(pilot: "Pilot[None]", context: Context) -> None:
    """A1: the form, then the ceremony, which a wrong group does not pass."""
    app = room(pilot)
    assert "There is no vault yet." in shown(pilot)
    await press(pilot, "n")
    await type_text(pilot, "berlin-1")
    await press(pilot, "enter")
    await type_text(pilot, "de-berlin")
    await press(pilot, "tab", "tab", "tab", "tab", "tab", "enter")
    ceremony = app.screen
    assert isinstance(ceremony, RecoveryKeyScreen)
    key = ceremony._made.recovery_key
    assert key.split("-")[0] in shown(pilot)
    await type_text(pilot, "WRONG")
    await press(pilot, "tab", "tab", "enter")
    assert "RecoveryKeyWrong" in shown(pilot)
    await press(pilot, "shift+tab", "shift+tab")
    await type_text(pilot, key.rsplit("-", 1)[-1])
    await press(pilot, "tab", "tab", "enter")
    with context.catalog.read() as session:
        assert session.exec(select(Vault)).one().recovery_confirmed_at is not None
    assert "Next: say where machines run." in shown(pilot)


async def register_all(pilot: "Pilot[None]", context: Context, folder: Path) -> None:
    """A3, A4: a source, its machines, all of them registered."""
    await press(pilot, "2", "a")
    await type_text(pilot, f"images:{folder / 'images'}")
    await press(pilot, "tab", "tab", "tab", "tab", "enter")
    await work(pilot, context, folder)
    assert "ledger" in shown(pilot)
    assert "Successfully discovered new items." in room(pilot).notices.all[0].text
    await press(pilot, "r", "asterisk", "enter", "enter")
    await work(pilot, context, folder)
    assert shown(pilot).count("✓ Registered") == 2


async def protect_and_back_up(pilot: "Pilot[None]", context: Context, folder: Path) -> None:
    """A7, A9: a new policy made in place, then Backup Now."""
    await press(pilot, "asterisk", "p", "tab", "tab")
    await type_text(pilot, "nightly")
    assert "every day at 22:00" in shown(pilot)
    room(pilot).screen.query_one("#proceed").focus()
    await press(pilot, "enter")
    await work(pilot, context, folder)
    await press(pilot, "3")
    assert shown(pilot).count("… Protected - (pend") == 3  # two rows and the pane
    await press(pilot, "asterisk", "b")
    await work(pilot, context, folder)
    assert shown(pilot).count("✓ Protected") == 3
    with context.catalog.read() as session:
        assert len(session.exec(select(RecoveryPoint)).all()) == 2


async def restore_and_look_at_its_job(pilot: "Pilot[None]", context: Context, folder: Path) -> None:
    """A16, A13: a new machine from the newest point; View Job shows its end."""
    await press(pilot, "g", "minus", "enter", "R")
    assert "machine ledger-restored" in await until_previewed(pilot)
    room(pilot).screen.query_one("#proceed").focus()
    await press(pilot, "enter")
    await work(pilot, context, folder)
    await press(pilot, "o")
    assert isinstance(pilot.app.screen, JobScreen)
    assert "Restore ledger" in shown(pilot)
    assert "✓ Completed" in shown(pilot)


async def test_from_nothing_to_a_restored_machine_without_leaving_the_keyboard(empty: Context, tmp_path: Path) -> None:
    """A1 vault and key, A3 discover, A4 register, A7 protect, A9 back up, A13 watch, A16 restore."""
    images = tmp_path / "images"
    images.mkdir()
    content = bytes(range(256)) * 4096
    (images / "ledger.raw").write_bytes(content)
    (images / "mail.raw").write_bytes(content[::-1])
    async with StrongroomApp(empty, FakeService()).run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await make_vault(pilot, empty)
        await register_all(pilot, empty, tmp_path)
        await protect_and_back_up(pilot, empty, tmp_path)
        await restore_and_look_at_its_job(pilot, empty, tmp_path)
    restored = [path for path in images.rglob("*.raw") if "restored" in str(path)]
    assert [path.read_bytes() for path in restored] == [content]
    assert {job.status for job in all_jobs(empty)} == {JobStatus.COMPLETED}


async def until_previewed(pilot: "Pilot[None]") -> str:
    """The preview waits until the fields are still."""
    for _ in range(100):
        await wait_idle(pilot)
        if "machine " in shown(pilot):
            break
    return shown(pilot)
