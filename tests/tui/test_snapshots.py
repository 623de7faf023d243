"""Every page and form at 80x24 and 120x40, as pictures (feature C5); the clock stands still and nothing blinks."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from strongroom.engine.context import Context
from strongroom.tui.app import StrongroomApp
from tests.tui.driving import press, wait_idle
from tests.tui.installation import FakeService, at_shown_paths

SIZES = ((80, 24), (120, 40))
SCREENS = {
    "dashboard": (),
    "registered": ("2",),
    "protected": ("3",),
    "policies": ("4",),
    "jobs": ("5",),
    "configure": ("6",),
    "job": ("5", "j", "enter"),
    "failed-job": ("5", "j", "j", "enter"),
    "item": ("3", "j", "j", "j", "enter"),
    "register": ("2", "r"),
    "protect": ("2", "p"),
    "new-policy": ("4", "n"),
}
MODALS = {
    "stop": ("3", "j", "j", "j", "x"),
    "cancel": ("5", "c"),
    "vaults": ("V",),
    "help": ("3", "question_mark"),
    "actions": ("3", "full_stop"),
}


def settled(*keys: str) -> Callable[[Pilot[None]], Any]:
    async def before(pilot: Pilot[None]) -> None:
        await wait_idle(pilot)
        await press(pilot, *keys)

    return before


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_looks_as_it_was_designed(name: str, size: tuple[int, int], furnished: Context, snap_compare: Any) -> None:
    app = StrongroomApp(furnished, FakeService())
    assert snap_compare(app, terminal_size=size, run_before=settled(*SCREENS[name]))


@pytest.mark.parametrize("name", MODALS)
def test_a_small_modal_fits_the_smallest_terminal(name: str, furnished: Context, snap_compare: Any) -> None:
    app = StrongroomApp(furnished, FakeService())
    assert snap_compare(app, terminal_size=(80, 24), run_before=settled(*MODALS[name]))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("keys", [(), ("2",), ("n",)], ids=["dashboard", "registered", "new-vault"])
def test_a_first_run_says_what_to_do_next(keys: tuple[str, ...], size: tuple[int, int], empty: Context, snap_compare: Any) -> None:
    app = StrongroomApp(at_shown_paths(empty), FakeService())
    assert snap_compare(app, terminal_size=size, run_before=settled(*keys))
