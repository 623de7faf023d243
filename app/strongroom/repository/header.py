"""``sr1.json``: the repository's name and format, readable without a key and bound to it."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass

from blake3 import blake3

from strongroom.repository.errors import KeyWrong, ObjectDamaged, ObjectMissing, RepositoryNotFound, RepositoryTooNew
from strongroom.repository.format import FORMAT_NAME, HEADER_KEY
from strongroom.repository.keys.master import MasterKey
from strongroom.repository.store.base import Store

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Header:
    """What ``sr1.json`` says; ``key_check`` proves, to a holder of the master key, that key and header belong together."""

    repository_id: str
    created_at: str
    key_check: str

    @classmethod
    def new(cls, key: MasterKey, created_at: str) -> Header:
        """A header for a new repository with a random id."""
        repository_id = secrets.token_hex(16)
        return cls(repository_id, created_at, _key_check(key, repository_id, created_at))

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """The header in ``data``; ``RepositoryTooNew`` for another format, ``ObjectDamaged`` for anything that is none."""
        try:
            fields = json.loads(data)
            name, header = fields["format"], cls(str(fields["repository"]), str(fields["created_at"]), str(fields["key_check"]))
        except (ValueError, KeyError, TypeError):
            raise ObjectDamaged(f"Object {HEADER_KEY} is no repository header", cause="it does not hold the expected fields") from None
        if name != FORMAT_NAME:
            raise RepositoryTooNew(f"The repository has format {str(name)[:20]!r}", cause=f"this version reads {FORMAT_NAME}")
        if not _ID.fullmatch(header.repository_id):
            raise ObjectDamaged(f"Object {HEADER_KEY} is no repository header", cause="its repository id is malformed")
        return header

    def encode(self) -> bytes:
        """The bytes of ``sr1.json``."""
        fields = {"format": FORMAT_NAME, "repository": self.repository_id, "created_at": self.created_at, "key_check": self.key_check}
        return json.dumps(fields, indent=1).encode() + b"\n"

    def confirm(self, key: MasterKey) -> None:
        """Raise ``KeyWrong`` unless ``key`` is the one this header was made with."""
        if not secrets.compare_digest(self.key_check, _key_check(key, self.repository_id, self.created_at)):
            raise KeyWrong(f"The key does not belong to repository {self.repository_id}", cause="its check value differs")


def read_header(store: Store) -> Header:
    """The header of the repository in ``store``, or ``RepositoryNotFound``."""
    return Header.decode(read_header_bytes(store))


def read_header_bytes(store: Store) -> bytes:
    """The exact bytes of ``sr1.json``, to which every key slot is bound."""
    try:
        return store.get(HEADER_KEY)
    except ObjectMissing:
        raise RepositoryNotFound(
            "No repository lies there",
            cause=f"object {HEADER_KEY} is missing",
            action="Check the path and that its file system is mounted; a recovery sheet holds a copy of that object.",
        ) from None


def header_hash(header_bytes: bytes) -> bytes:
    """What key slots are bound to."""
    return blake3(header_bytes).digest()


def _key_check(key: MasterKey, repository_id: str, created_at: str) -> str:
    return key.derive(b"header check", 16, salt=f"{FORMAT_NAME} {repository_id} {created_at}".encode()).hex()
