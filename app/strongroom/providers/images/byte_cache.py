"""A small least-recently-used cache bounded in bytes, for tables and decoded clusters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """At most ``budget_bytes`` of values of ``value_bytes`` each, but never fewer than two. Thread-safe; a value may be made twice."""

    def __init__(self, budget_bytes: int, value_bytes: int) -> None:
        self._capacity = max(2, budget_bytes // max(1, value_bytes))
        self._values: OrderedDict[int, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: int, make: Callable[[int], Value]) -> Value:
        """The value of ``key``, made by ``make(key)`` if it is not held. An error of ``make`` passes through and nothing is held."""
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
                return found
        made = make(key)
        with self._lock:
            self._values[key] = made
            while len(self._values) > self._capacity:
                self._values.popitem(last=False)
        return made
