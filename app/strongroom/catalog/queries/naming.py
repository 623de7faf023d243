"""How operators name machines: ``NAME``, or ``SERVICE/NAME`` where the name alone is not enough."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, or_


def called(name: str, name_column: ColumnElement[Any], service_column: ColumnElement[Any]) -> ColumnElement[bool]:
    """The whole is the name, or any of its slashes is the one between service and name: both may hold slashes themselves."""
    pieces = name.split("/")
    splits = (("/".join(pieces[:cut]), "/".join(pieces[cut:])) for cut in range(1, len(pieces)))
    return or_(name_column == name, *(and_(service_column == service, name_column == rest) for service, rest in splits))
