"""The text filter of every list."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, not_, or_, true


def matches(text: str, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Rows in which one of the columns contains ``text`` as it stands (ASCII letters in any case); with a leading «!» none of them.

    ``%`` and ``_`` mean themselves. An empty text matches everything.
    """
    wanted, inverse = (text[1:], True) if text.startswith("!") else (text, False)
    if not wanted:
        return true()
    found = or_(*(column.contains(wanted, autoescape=True) for column in columns))
    return not_(found) if inverse else found
