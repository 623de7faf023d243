"""Driving the application by keys alone, and waiting until what it shows is true."""

from textual.pilot import Pilot

from strongroom.tui.app import StrongroomApp

_MOST_ROUNDS = 400
_QUIET_ROUNDS = 3


def room(pilot: Pilot[None]) -> StrongroomApp:
    app = pilot.app
    assert isinstance(app, StrongroomApp)
    return app


async def wait_idle(pilot: Pilot[None]) -> None:
    """Return when nothing is under way: the watcher has looked, no request runs, and the screens have painted."""
    app, quiet = room(pilot), 0
    for _ in range(_MOST_ROUNDS):
        moved = app.watcher.look()
        await pilot.pause(0.01)
        quiet = quiet + 1 if app.busy.idle and not moved else 0
        if quiet >= _QUIET_ROUNDS:
            return
    raise AssertionError("the application never came to rest")


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys and wait for what they cause."""
    for key in keys:
        await pilot.press(key)
        await wait_idle(pilot)


async def type_text(pilot: Pilot[None], text: str) -> None:
    """Type a text into whatever has the focus."""
    for character in text:
        await pilot.press(_NAMES.get(character, character))
    await wait_idle(pilot)


_NAMES = {
    " ": "space",
    ":": "colon",
    "/": "slash",
    "-": "minus",
    ".": "full_stop",
    ",": "comma",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "_": "underscore",
}


def shown(pilot: Pilot[None]) -> str:
    """The screen as text, line by line."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)
