"""What each key does, by keys alone (features A2, A4, A5, A9, A17, A18, C5)."""

from itertools import combinations
from typing import Any

import pytest
from sqlmodel import select
from textual.widgets import Button, Input

from strongroom.catalog.entities import Item, Job
from strongroom.domain.states import JobStatus, Operation, ProtectionStatus
from strongroom.engine.context import Context
from strongroom.tui.app import StrongroomApp
from strongroom.tui.screens.confirm import ConfirmScreen
from strongroom.tui.screens.help import HelpScreen
from strongroom.tui.screens.item_details import ItemScreen
from strongroom.tui.screens.job_details import JobScreen
from strongroom.tui.screens.jobs import JobsPage
from strongroom.tui.screens.list_page import ListPage
from strongroom.tui.screens.vault_list import VaultsScreen
from strongroom.tui.widgets.table import Table
from tests.tui.driving import press, shown, type_text, wait_idle
from tests.tui.installation import FakeService


def jobs_of(context: Context, operation: Operation) -> list[Job]:
    with context.catalog.read() as session:
        return list(session.exec(select(Job).where(Job.operation == operation).order_by(Job.id)))  # type: ignore[arg-type]


def ours(node: Any) -> list[tuple[str, str]]:
    """Keys with actions that we bound on a node's class."""
    return [(key, binding.action) for key, binding in node._bindings if binding.id and "." in binding.id]


@pytest.mark.parametrize("mode", ["dashboard", "registered", "protected", "policies", "jobs", "configure"])
async def test_no_two_bindings_of_a_page_share_a_key(mode: str, furnished: Context) -> None:
    """C5: application, page and list never mean two things by one key; each binding has an id that a keymap can name."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        app.action_tab(mode)
        await wait_idle(pilot)
        nodes = [app, app.screen, *app.screen.query(Table)]
        for one, other in combinations(nodes, 2):
            assert not {key for key, _ in ours(one)} & {key for key, _ in ours(other)}
        for node in nodes:
            keys = [key for key, _ in ours(node)]
            assert keys
            assert len(keys) == len(set(keys))
        ids = [binding.id for node in nodes for _, binding in node._bindings if binding.id and "." in binding.id]
        assert all(" " not in found for found in ids)


async def test_numbers_and_brackets_change_the_page(furnished: Context) -> None:
    """A2"""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3")
        assert app.current_mode == "protected"
        await press(pilot, "right_square_bracket")
        assert app.current_mode == "policies"
        await press(pilot, "left_square_bracket", "left_square_bracket")
        assert app.current_mode == "registered"


async def test_backup_now_makes_one_job_for_each_marked_machine_and_o_opens_them(furnished: Context) -> None:
    """A9, A4: a bulk action is one request; View Job shows its batch."""
    before = len(jobs_of(furnished, Operation.BACKUP))
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3", "j", "space", "space", "b")
        made = jobs_of(furnished, Operation.BACKUP)[before:]
        assert sorted(job.workload_name for job in made) == ["mail-01", "mysql-old"]
        assert {job.caller for job in made} == {"anna"}
        await press(pilot, "o")
        assert isinstance(app.screen, JobsPage)
        assert "one request · 2" in shown(pilot)


async def test_a_second_operation_on_an_item_is_refused_with_its_reason(furnished: Context) -> None:
    """A18: pg-main is being backed up, so its key says why not and makes nothing."""
    before = len(jobs_of(furnished, Operation.BACKUP))
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3", "j", "j", "j", "b")
        assert app.notices.all[0].text == "Another operation is in progress on this item"
        assert len(jobs_of(furnished, Operation.BACKUP)) == before


async def test_cancel_asks_first_and_its_focus_is_on_no(furnished: Context) -> None:
    """A18: enter on the question cancels nothing; moving to the other button does."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "5", "c")
        assert isinstance(app.screen, ConfirmScreen)
        assert isinstance(app.focused, Button)
        assert app.focused.id == "decline"
        await press(pilot, "enter")
        assert jobs_of(furnished, Operation.BACKUP)[-1].status is JobStatus.QUEUED
        await press(pilot, "c", "tab", "enter")
        assert jobs_of(furnished, Operation.BACKUP)[-1].status is JobStatus.CANCELLED


async def test_deleting_data_wants_the_name_typed(furnished: Context) -> None:
    """A17: a wrong name is refused in the form, the right one makes the job."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3", "x")
        app.screen.query_one("#way").focus()
        await press(pilot, "enter", "down", "enter", "tab")
        assert isinstance(app.focused, Input)
        await type_text(pilot, "legacy")
        app.screen.query_one("#proceed").focus()
        await press(pilot, "enter")
        assert "ConfirmationWrong" in shown(pilot)
        assert not jobs_of(furnished, Operation.DELETE_DATA)
        app.screen.query_one("#typed").focus()
        await type_text(pilot, "legacy-erp")
        app.screen.query_one("#proceed").focus()
        await press(pilot, "enter")
        assert [job.workload_name for job in jobs_of(furnished, Operation.DELETE_DATA)] == ["legacy-erp"]


async def test_registering_offers_only_machines_of_the_vaults_region(furnished: Context) -> None:
    """A4, A5: the machine of another region is shown with the vault that would take it, and cannot be marked."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "2", "r", "G", "enter", "enter")
        assert "fr-paris: vault paris-1" in shown(pilot)
        assert "lives in region fr-paris" in shown(pilot)
        assert not jobs_of(furnished, Operation.REGISTER)
        await press(pilot, "escape", "r", "asterisk", "enter", "enter")
        assert sorted(job.workload_name for job in jobs_of(furnished, Operation.REGISTER)) == ["build-17", "db[prod]"]
        assert "Successfully created job(s) to register selected items." in app.notices.all[0].text


async def test_a_second_discovery_is_refused_in_the_references_words(furnished: Context) -> None:
    """A3"""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "2", "d", "d")
        assert [notice.text for notice in app.notices.all][1] == "Discovering new items …"
        assert "Another Discovery operation is already in progress" in app.notices.all[0].text
        assert len(jobs_of(furnished, Operation.DISCOVER)) == 2


async def test_enter_drills_in_and_escape_comes_back_but_never_leaves(furnished: Context) -> None:
    """C5: the stack of a page is walked by two keys; escape at its bottom does nothing."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "5", "j", "enter")
        assert isinstance(app.screen, JobScreen)
        await press(pilot, "enter")
        assert isinstance(app.screen, ItemScreen)
        await press(pilot, "escape", "escape", "escape", "escape")
        assert isinstance(app.screen, JobsPage)
        assert app.is_running


async def test_the_filter_narrows_by_text_and_leaves_out_with_an_exclamation_mark(furnished: Context) -> None:
    """A13, C5"""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3", "slash")
        await type_text(pilot, "pg")
        assert names(app) == ["pg-main", "pg-replica"]
        await press(pilot, "escape", "slash", "exclamation_mark")
        await type_text(pilot, "pg")
        assert "pg-main" not in names(app)
        assert len(names(app)) == 4
        await press(pilot, "enter", "escape")
        assert len(names(app)) == 6


async def test_the_workload_type_is_the_first_filter_of_a_list(furnished: Context) -> None:
    """A2: no machine here is a KVM one."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "2", "shift+tab", "shift+tab", "enter", "down", "enter")
        assert names(app) == []
        assert "Nothing fits the filter." in shown(pilot)


async def test_the_order_follows_the_column_and_can_be_inverted(furnished: Context) -> None:
    """C5"""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3", "greater_than_sign", "I")
        assert names(app) == sorted(names(app), reverse=True)
        assert "Name▼" in shown(pilot)


async def test_the_vault_in_use_is_chosen_with_two_keys(furnished: Context) -> None:
    """A1: every page then shows the other vault."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3", "V")
        assert isinstance(app.screen, VaultsScreen)
        await press(pilot, "j", "enter")
        assert app.vault is not None
        assert app.vault.name == "paris-1"
        assert "No machine of this vault is protected yet." in shown(pilot)


async def test_a_vault_that_is_not_empty_says_what_blocks_its_deletion(furnished: Context) -> None:
    """A1"""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "V", "D", "y")
        assert app.notices.all[0].severity == "error"
        assert "VaultNotEmpty" in app.notices.all[0].text
        assert "pg-main" in app.notices.all[0].text


async def test_stopping_protection_keeps_what_the_operator_chose(furnished: Context) -> None:
    """A17: the first way is to retain for ever; the careful button has the focus."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3", "j", "j", "x", "enter")
        assert not jobs_of(furnished, Operation.STOP_PROTECTION)
        await press(pilot, "x", "tab", "enter")
        (job,) = jobs_of(furnished, Operation.STOP_PROTECTION)
        assert job.workload_name == "mysql-old"
        assert job.request["how"] == "retain forever"


async def test_protecting_with_a_new_policy_makes_both(furnished: Context) -> None:
    """A7: a policy made in place, and one Configure Protection job for each machine."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "2", "j", "space", "p", "tab", "enter", "end", "enter")
        assert "every day at 22:00" in shown(pilot)
        app.screen.query_one("#times", Input).value = "25:00"
        await wait_idle(pilot)
        assert "is not a time of day" in shown(pilot)


async def test_help_is_made_from_the_bindings_of_the_screen(furnished: Context) -> None:
    """C5: every command with a key stands in it."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 60)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "2", "question_mark")
        assert isinstance(app.screen, HelpScreen)
        text = shown(pilot)
        for words in ("a               Add source", "d               Discover", "Tab before", "Mark all shown"):
            assert words in text


async def test_actions_name_the_reason_why_one_is_not_possible(furnished: Context) -> None:
    """A2"""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "3", "full_stop")
        assert "Backup Now  (Protection is stopped; resume it first)" in shown(pilot)


async def test_leaving_says_that_jobs_go_on(furnished: Context, capsys: pytest.CaptureFixture[str]) -> None:
    """B12: q at the root quits."""
    app = StrongroomApp(furnished, FakeService())
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await pilot.press("q")
    assert app.return_code == 0
    assert "Jobs go on in the service." in capsys.readouterr().err


def names(app: StrongroomApp) -> list[str]:
    page = app.screen
    assert isinstance(page, ListPage)
    return [row.cells[0].text for row in page.table._rows if not row.rule] if page.table.display else []


def test_the_fixture_has_every_state_that_these_tests_lean_on(furnished: Context) -> None:
    with furnished.catalog.read() as session:
        found = {item.protection for item in session.exec(select(Item))}
    assert found >= {ProtectionStatus.PROTECTED, ProtectionStatus.PENDING, ProtectionStatus.ERROR, ProtectionStatus.STOPPED}
