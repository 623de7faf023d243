"""Reading a JSON record strictly: every error names the field, and a field that nobody asked for is an error too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import time
from enum import StrEnum
from typing import Any, TypeVar

from strongroom.domain.errors import InvalidInput

_TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]")

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")


class Fields:
    """The fields of one JSON object, called ``where`` in errors; call ``finish`` when all that is known has been read."""

    def __init__(self, record: object, where: str) -> None:
        if not isinstance(record, Mapping):
            raise InvalidInput(f"Field {where!r} must be an object, not {record!r}")
        self._record: Mapping[str, Any] = record
        self._where = where
        self._read: set[str] = set()

    def path(self, name: str) -> str:
        """The full name of a field, as errors give it: «policy.schedule.times»."""
        return f"{self._where}.{name}"

    def has(self, name: str) -> bool:
        """Whether the field is given, and is not null."""
        return self._record.get(name) is not None

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number; ``default`` None makes the field required."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, value, "is not a whole number")
        return value

    def text(self, name: str) -> str:
        """A text that is not empty."""
        value = self._value(name, None)
        if not isinstance(value, str) or not value:
            raise self._wrong(name, value, "is not a text")
        return value

    def choice(self, name: str, kind: type[Choice], default: Choice | None = None) -> Choice:
        """One of a closed vocabulary."""
        return self._chosen(name, self._value(name, default), kind)

    def choices(self, name: str, kind: type[Choice]) -> tuple[Choice, ...]:
        """A list of words of a closed vocabulary."""
        return tuple(self._chosen(name, value, kind) for value in self._list(name))

    def time_of_day(self, name: str, default: time) -> time:
        """A time of day given as HH:MM."""
        return self._time(name, self._value(name, f"{default:%H:%M}"))

    def times_of_day(self, name: str) -> tuple[time, ...]:
        """A list of times of day."""
        return tuple(self._time(name, value) for value in self._list(name))

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        values = self._list(name)
        odd = next((value for value in values if isinstance(value, bool) or not isinstance(value, int)), None)
        if odd is not None:
            raise self._wrong(name, odd, "is not a whole number")
        return tuple(values)

    def inner(self, name: str, *, optional: bool = False) -> Fields:
        """The object in a field."""
        return Fields(self._value(name, {} if optional else None), self.path(name))

    def finish(self) -> None:
        """Refuse the record if it holds a field that was not read."""
        unknown = sorted(set(self._record) - self._read)
        if unknown:
            known = ", ".join(sorted(self._read))
            raise InvalidInput(f"Field {self.path(unknown[0])!r} is not known", action=f"Known here: {known}.")

    def _value(self, name: str, default: object) -> Any:
        self._read.add(name)
        value = self._record.get(name)
        if value is not None:
            return value
        if default is None:
            raise InvalidInput(f"Field {self.path(name)!r} is missing")
        return default

    def _list(self, name: str) -> list[Any]:
        value = self._value(name, None)
        if not isinstance(value, list | tuple):
            raise self._wrong(name, value, "is not a list")
        return list(value)

    def _chosen(self, name: str, value: object, kind: type[Choice]) -> Choice:
        try:
            return kind(str(value))
        except ValueError as error:
            raise self._wrong(name, value, "is not known", _one_of(kind)) from error

    def _time(self, name: str, value: object) -> time:
        if not isinstance(value, str) or not _TIME_OF_DAY.fullmatch(value):
            raise self._wrong(name, value, "is not a time of day", "Give it as HH:MM, for example 22:00.")
        hours, minutes = value.split(":")
        return time(int(hours), int(minutes))

    def _wrong(self, name: str, value: object, why: str, action: str = "") -> InvalidInput:
        return InvalidInput(f"Field {self.path(name)!r}: {value!r} {why}", action=action)


def within(where: str, make: Callable[[], Value]) -> Value:
    """Make a value that checks itself; its ``InvalidInput`` then names the field ``where``."""
    try:
        return make()
    except InvalidInput as error:
        raise InvalidInput(f"Field {where!r}: {error.message}", cause=error.cause, action=error.action) from error


def _one_of(kind: Iterable[StrEnum]) -> str:
    return f"Choose one of: {', '.join(kind)}."
