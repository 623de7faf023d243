"""The one secret of a repository, and every key that is derived from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The one secret of a repository; ``epoch`` counts its rotations from 1. Never printed, never logged."""

    epoch: int
    secret: bytes = field(repr=False)

    def derive(self, purpose: bytes, length: int = 32, *, salt: bytes = b"") -> bytes:
        """A key of ``length`` bytes for one purpose: HKDF-SHA256 with ``info`` = ``strongroom sr1 `` + purpose."""
        return HKDF(SHA256(), length, salt or None, b"strongroom sr1 " + purpose).derive(self.secret)
