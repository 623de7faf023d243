"""What one parser says of one volume."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A recognised content: ``kind`` («ext4»), whether it proves clean (None: cannot be proved), and why in words.

    ``ignored`` marks what needs no proof, such as swap.
    """

    kind: str
    clean: bool | None
    reason: str
    ignored: bool = False
