"""The service's own copy of the master key: one file that nobody else may read."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path

from strongroom.repository.errors import KeyMissing, KeyWrong
from strongroom.repository.keys.master import SECRET_BYTES, MasterKey


def write_key_file(path: Path, key: MasterKey, repository_id: str) -> None:
    """Write the key with mode 0600, durably; an existing file is replaced whole."""
    fields = {"repository": repository_id, "epoch": key.epoch, "key": base64.b64encode(key.secret).decode()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(fields, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def read_key_file(path: Path) -> MasterKey:
    """The key in ``path``; ``KeyMissing`` without the file, ``KeyWrong`` if others may read it or it holds no key."""
    try:
        with path.open("rb") as file:
            mode, content = stat.S_IMODE(os.fstat(file.fileno()).st_mode), file.read(4096)
    except OSError as error:
        raise KeyMissing(f"Key file {path} cannot be read", cause=str(error.strerror)) from None
    if mode & 0o077:
        raise KeyWrong(f"Key file {path} has mode {mode:04o}", cause="others than its owner may read it", action=f"Run: chmod 600 {path}")
    try:
        fields = json.loads(content)
        key = MasterKey(int(fields["epoch"]), base64.b64decode(fields["key"], validate=True))
    except (ValueError, KeyError, TypeError):
        raise KeyWrong(f"Key file {path} holds no key", cause="its fields are malformed") from None
    if len(key.secret) != SECRET_BYTES:
        raise KeyWrong(f"Key file {path} holds no key", cause=f"the key has {len(key.secret)} bytes")
    return key


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
