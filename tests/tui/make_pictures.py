"""Draw the pictures of the documentation: ``TZ=Europe/Berlin python -m tests.tui.make_pictures docs/pictures``.

The catalog, the clock and the paths are made up and always the same, so that a picture changes only when the screen does.
"""

import asyncio
import html
import os
import re
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlmodel import Session, select

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Item, Job
from strongroom.domain.states import JobStatus
from strongroom.engine.context import Context
from strongroom.tui.app import StrongroomApp
from tests.tui.driving import press, wait_idle
from tests.tui.installation import GIB, MIB, NOW, FakeService, furnish, furnished_context

SIZE = (120, 40)
PICTURES: dict[str, tuple[str, ...]] = {"dashboard": (), "protected-items": ("3", "j", "j", "j")}
_SPACE = "&#160;"
_TEXT = re.compile(
    r'<text class="(?P<role>[^"]+-r\d+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength="(?P<cells>[\d.]+)"(?P<rest>[^>]*)>(?P<words>[^<]*)</text>'
)
_CELL = 12.2
"""The width of one character in the picture, as Rich draws it."""

_FONT_FROM_THE_NETWORK = re.compile(r"@font-face\s*\{[^}]*\}\s*")


def main(folder: Path) -> None:
    """Write every picture into ``folder``."""
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    with tempfile.TemporaryDirectory() as made:
        template = Path(made) / "template.db"
        furnish(template)
        with Catalog.open(template) as catalog, catalog.write() as session:
            _busier(session)
        for name, keys in PICTURES.items():
            state = Path(made) / name
            state.mkdir()
            context = furnished_context(template, state)
            (folder / f"{name}.svg").write_text(asyncio.run(_draw(context, keys)), encoding="utf-8")
            context.catalog.close()


def _busier(session: Session) -> None:
    """Names as people give them, and a second backup under way."""
    for item in session.exec(select(Item).where(Item.name == "web[/]1")):
        item.name = "web-1"
        session.add(item)
    for job in session.exec(select(Job).where(Job.workload_name == "web[/]1")):
        job.workload_name = "web-1"
        if job.status is JobStatus.QUEUED:
            job.status, job.started_at = JobStatus.IN_PROGRESS, NOW - timedelta(seconds=48)
            job.progress = {
                "phase": "Transfer data to vault",
                "total_bytes": 40 * GIB,
                "done_bytes": 11 * GIB,
                "read_bytes": 3 * GIB,
                "new_bytes": 610 * MIB,
                "stored_bytes": 288 * MIB,
                "bytes_per_second": 301.0 * MIB,
                "remaining_seconds": 97.0,
            }
        session.add(job)


async def _draw(context: Context, keys: tuple[str, ...]) -> str:
    """The screen after these keys, in the fonts that its viewer has."""
    app = StrongroomApp(context, FakeService())
    async with app.run_test(size=SIZE) as pilot:
        await wait_idle(pilot)
        await press(pilot, *keys)
        picture = app.export_screenshot(title="strongroom")
    return _TEXT.sub(_without_outer_spaces, _FONT_FROM_THE_NETWORK.sub("", picture))


def _without_outer_spaces(text: re.Match[str]) -> str:
    """Place a word where it begins: not every viewer keeps the spaces before it."""
    words = text["words"].removesuffix("\n")
    bare = words
    while bare.startswith(_SPACE):
        bare = bare.removeprefix(_SPACE)
    before = (len(words) - len(bare)) // len(_SPACE)
    while bare.endswith(_SPACE):
        bare = bare.removesuffix(_SPACE)
    if not bare:
        return ""
    x, cells = float(text["x"]) + before * _CELL, len(html.unescape(bare)) * _CELL
    return f'<text class="{text["role"]}" x="{x:g}" y="{text["y"]}" textLength="{cells:g}"{text["rest"]}>{bare}</text>'


if __name__ == "__main__":
    main(Path(sys.argv[1]))
