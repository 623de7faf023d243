"""What the kernel says, in the store's own errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from strongroom.repository.errors import StoreFull, StoreReadOnly, StoreUnreachable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_WRITES = {"create", "write", "touch", "delete", "lock"}


@contextmanager
def translated(action: str, name: str) -> Iterator[None]:
    """Turn what the kernel says into the store's own errors."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFull(f"No room to {action} {name}", cause=str(error.strerror)) from error
        if error.errno in _READ_ONLY and action in _WRITES:
            raise StoreReadOnly(f"May not {action} {name}", cause=str(error.strerror)) from error
        raise StoreUnreachable(f"Cannot {action} {name}", cause=str(error)) from error
