"""Several refusals at once: each object with its error, cause and what to do (feature A19)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content

from strongroom.domain.errors import ErrorRecord
from strongroom.engine.submission import Refusal
from strongroom.tui.screens.reading import ReadingScreen
from strongroom.tui.states import Role, line
from strongroom.tui.units import count


def error_lines(error: ErrorRecord) -> Iterable[Content]:
    """Code and message, then cause, then what to do."""
    yield line(("✗ ", Role.BAD), (error["code"], Role.BAD), f"  {error['message']}")
    if error["cause"]:
        yield line(f"  why   {error['cause']}")
    if error["action"]:
        yield line(f"  then  {error['action']}")


class ErrorScreen(ReadingScreen):
    """What was refused, one after the other."""

    @classmethod
    def of_refusals(cls, refused: Sequence[Refusal]) -> ErrorScreen:
        contents: list[Content] = []
        for refusal in refused:
            contents += [line((refusal.name, Role.STRONG)), *error_lines(refusal.error), line("")]
        return cls(f"{count(len(refused), 'request')} refused", contents)
