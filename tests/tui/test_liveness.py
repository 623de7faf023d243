"""The wiring: what moves a screen, what does not, and what a failure leaves standing (features A13, A15, C5)."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from sqlmodel import select

from strongroom.catalog.entities import Item, Job, Machine, Source
from strongroom.catalog.errors import CatalogMissing
from strongroom.domain.states import AgentState, JobStatus, Operation, PowerState, WorkloadType
from strongroom.engine.context import Context
from strongroom.tui.app import StrongroomApp
from strongroom.tui.messages import CatalogLost, ServiceSeen
from strongroom.tui.screens.dashboard import DashboardPage
from strongroom.tui.screens.list_page import MOST_ROWS
from strongroom.tui.screens.protected import ProtectedPage
from strongroom.tui.screens.registered import RegisteredPage
from strongroom.tui.widgets.columns import Column, laid_out
from strongroom.tui.widgets.table import Table, fitted
from tests.tui.driving import press, shown, wait_idle
from tests.tui.installation import GIB, NOW, FakeService

HOSTILE = ("web[/]1", "db[prod]", "[@click=app.bell]x[/]", "名前", "👩‍👩‍👧", "a\nb\x1b[31m", "\u202egnp", "x" * 300, "", "[bold")


def rename(context: Context, old: str, new: str) -> None:
    """Somebody else changes an item."""
    with context.catalog.write() as session:
        item = session.exec(select(Item).where(Item.name == old)).one()
        item.name = new
        session.add(item)


def add_machine(session: Any, name: str, service: str = "kvm09") -> None:
    source = session.exec(select(Source)).one()
    session.add(
        Machine(
            source_id=source.id,
            identity=f"{service}#{name}#{len(name)}#{hash(name)}",
            native_id=name,
            name=name,
            cloud_service=service,
            region="de-berlin",
            workload_type=WorkloadType.DISK_IMAGE,
            power=PowerState.OFF,
            agent=AgentState.NONE,
            first_seen_at=NOW,
            last_seen_at=NOW,
        )
    )


async def test_a_commit_of_somebody_else_shows_on_the_visible_page(furnished: Context) -> None:
    """A15: always fresh, without a key."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3")
        rename(furnished, "pg-replica", "pg-renamed")
        await wait_idle(pilot)
        assert "pg-renamed" in shown(pilot)


async def test_a_hidden_page_asks_nothing_until_it_is_seen_again(furnished: Context, monkeypatch: Any) -> None:
    """C5: nothing polls while hidden."""
    asked = []
    original = ProtectedPage.question
    monkeypatch.setattr(ProtectedPage, "question", lambda page: asked.append(1) or original(page))
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3", "5")
        before = len(asked)
        rename(furnished, "pg-replica", "pg-renamed")
        await wait_idle(pilot)
        assert len(asked) == before
        await press(pilot, "3")
        assert len(asked) == before + 1
        assert "pg-renamed" in shown(pilot)


async def test_a_paused_screen_stands_still_and_says_so(furnished: Context) -> None:
    """C5: z pauses, z again shows what happened meanwhile."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3", "z")
        rename(furnished, "pg-replica", "pg-renamed")
        await wait_idle(pilot)
        assert "pg-renamed" not in shown(pilot)
        assert "paused" in shown(pilot)
        await press(pilot, "z")
        assert "pg-renamed" in shown(pilot)


async def test_progress_moves_the_pane_and_nothing_else(furnished: Context) -> None:
    """A15: a live pane shows bytes, rate and time left; other widgets are not painted for it."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        assert "412 MiB/s" in shown(pilot)
        page = app.screen
        assert isinstance(page, DashboardPage)
        with furnished.catalog.write(durable=False) as session:
            job = session.exec(select(Job).where(Job.status == JobStatus.IN_PROGRESS)).one()
            job.progress = {**job.progress, "done_bytes": 57 * GIB, "remaining_seconds": 7.4}
            session.add(job)
        await wait_idle(pilot)
        assert "95%" in shown(pilot)
        assert "7.4 s left" in shown(pilot)


async def test_the_cursor_stays_on_its_machine_when_rows_come_and_go(furnished: Context) -> None:
    """C5: by key, not by place."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "2", "G")
        page = app.screen
        assert isinstance(page, RegisteredPage)
        key = page.table.cursor_key
        with furnished.catalog.write() as session:
            for number in range(5):
                add_machine(session, f"aa-{number}")
        await wait_idle(pilot)
        assert page.table.cursor_key == key
        assert "aa-4" in shown(pilot)


async def test_a_long_list_shows_its_first_rows_and_how_many_there_are(furnished: Context) -> None:
    """C5: never more rows than people read."""
    with furnished.catalog.write() as session:
        for number in range(MOST_ROWS + 100):
            add_machine(session, f"m-{number:05}")
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "2")
        page = app.screen
        assert isinstance(page, RegisteredPage)
        assert page.model is not None
        assert len(page.model.items) == MOST_ROWS
        assert "500 of 610" in shown(pilot)
        await press(pilot, "G")
        assert page.table.scroll_offset.y > 400


async def test_names_are_shown_as_they_are_and_never_parsed(furnished: Context) -> None:
    """C5, A4: markup, escape sequences, direction marks and 300 characters neither end the application nor reach the terminal."""
    with furnished.catalog.write() as session:
        for name in HOSTILE:
            add_machine(session, name, service=name[:40])
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 60), notifications=True) as pilot:
        await wait_idle(pilot)
        await press(pilot, "2")
        for name in HOSTILE:
            app.say(f"hello {name}")
        await press(pilot, "j", "G", "k", "r", "escape", "exclamation_mark", "escape")
        text = shown(pilot)
        assert "web[/]1" in text
        assert "[@click=app.bell]x[/]" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(text=st.text(max_size=320), cells=st.integers(min_value=0, max_value=60), right=st.booleans())
def test_any_text_fills_its_column_exactly(text: str, cells: int, right: bool) -> None:
    """C5: a name can be as wide, as long or as wicked as it likes; the next column begins where it must."""
    assert cell_len(fitted(text, cells, right=right)) == cells


@given(
    widths=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3), st.booleans()), min_size=1, max_size=9),
    available=st.integers(min_value=1, max_value=200),
)
def test_columns_never_need_more_room_than_there_is(widths: list[tuple[int, int, bool]], available: int) -> None:
    columns = [Column("x", width, weight=weight, shows_from=0 if small else 96) for width, weight, small in widths]
    placed = laid_out(columns, available)
    assert sum(cells + 2 for _index, _column, cells in placed) <= available
    assert all(cells > 0 for _index, _column, cells in placed)


async def test_a_request_that_fails_unforeseen_leaves_the_application_standing(furnished: Context) -> None:
    """A19: whatever it was, it is said with code, message and what to do."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)

        def broken() -> None:
            raise RuntimeError("disk on fire")

        app.requests.run(broken)
        await wait_idle(pilot)
        assert "InternalError" in app.notices.all[0].text
        assert "disk on fire" in app.notices.all[0].text
        await press(pilot, "3")
        assert "pg-main" in shown(pilot)


async def test_a_lost_catalog_is_said_and_its_return_clears_it(furnished: Context) -> None:
    """C5: the rows stay, the title says that they may be old."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        app.post_message(CatalogLost(CatalogMissing("There is no catalog at /srv/strongroom/catalog.db").record()))
        await wait_idle(pilot)
        assert "catalog unreachable" in shown(pilot)
        assert "CatalogMissing" in app.notices.all[0].text
        app.post_message(CatalogLost(None))
        await wait_idle(pilot)
        assert "catalog unreachable" not in shown(pilot)


async def test_the_title_says_who_leads_and_when_nobody_does(furnished: Context) -> None:
    """B12"""
    service = FakeService()
    app = StrongroomApp(furnished, service)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        assert "service kvm07 ●" in shown(pilot)
        service.seen = ServiceSeen(running=False, owner="", message="no service runs")
        app.watcher.look_at_service()
        await wait_idle(pilot)
        assert "no service ○" in shown(pilot)


async def test_the_end_of_a_job_that_was_begun_here_is_said_here(furnished: Context) -> None:
    """A3: discovery ends with its counts and the next step."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "2", "d")
        with furnished.catalog.write() as session:
            job = session.exec(select(Job).where(Job.operation == Operation.DISCOVER, Job.status == JobStatus.QUEUED)).one()
            job.status, job.ended_at = JobStatus.COMPLETED, NOW + timedelta(seconds=2)
            job.result = {"found": 12, "new": 3, "vanished": 0}
            session.add(job)
        await wait_idle(pilot)
        assert app.notices.all[0].text == (
            "Successfully discovered new items. 12 machines found, 3 new. Register them to the vault 'berlin-1' with r."
        )


async def test_a_terminal_too_small_says_what_it_needs(furnished: Context) -> None:
    """C5: below 60x18 nothing is drawn broken."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await pilot.resize_terminal(50, 15)
        await wait_idle(pilot)
        assert "Strongroom needs 60x18." in shown(pilot)
        await pilot.resize_terminal(80, 24)
        await wait_idle(pilot)
        assert "PROTECTED" in shown(pilot)
        assert not app.screen.query(Table)


async def test_a_page_that_opens_while_the_vaults_arrive_gets_its_rows(furnished: Context) -> None:
    """C5: asked before its widgets are there, it asks again by itself when it comes to the front."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        page = ProtectedPage()
        app.push_screen(page)
        page.reload()
        await wait_idle(pilot)
        assert "pg-main" in shown(pilot)
