"""What was said, newest first; enter opens the job of a notification."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content
from textual.widgets.option_list import Option

from strongroom.tui.notices import Notice
from strongroom.tui.screens.option_modal import OptionModal
from strongroom.tui.states import Role, line
from strongroom.tui.units import short_moment

_ROLES = {"information": Role.PLAIN, "warning": Role.WARN, "error": Role.BAD}


class NotificationsScreen(OptionModal[Notice]):
    """Answers the notification whose job is to be opened, or None."""

    size_class = "-large"

    def __init__(self, notices: Sequence[Notice], now: datetime) -> None:
        options = [Option(_entry(notice, now)) for notice in notices]
        super().__init__("Notifications", options, notices, empty="Nothing has been said yet.", verb="View Job")


def _entry(notice: Notice, now: datetime) -> Content:
    mark = "→ " if notice.has_jobs else "  "
    return line((f"{short_moment(notice.at, now):>9}  ", Role.QUIET), (mark, Role.ACCENT), (notice.text, _ROLES[notice.severity]))
