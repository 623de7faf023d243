"""The key ceremony: a new recovery key is shown once, and believed to be kept only when it was proved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.cli.terminal import ask, is_interactive
from strongroom.domain.errors import InvalidInput

ATTEMPTS = 3


@contextmanager
def key_file(path: Path | None) -> Iterator[int | None]:
    """A new file for a recovery key, made before anything else can fail and removed again if something does; None for no path.

    Raises ``InvalidInput`` if the file exists: an old recovery key is never overwritten.
    """
    if path is None:
        yield None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise InvalidInput(
            f"{path} exists", cause="a recovery key is never written over another file", action="Name a new file."
        ) from error
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written", cause=error.strerror or "") from error
    try:
        yield descriptor
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def keep(descriptor: int, recovery_key: str, sheet: str) -> None:
    """Write the key on the first line, then the sheet; durable when this returns."""
    view = memoryview(f"{recovery_key}\n\n{sheet}\n".encode())
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def shown_text(recovery_key: str, sheet: str) -> str:
    """What the operator is to print or write down."""
    return (
        f"Recovery key\n\n    {recovery_key}\n\n{sheet}\n\n"
        "Print this and keep it where the backups are not. It is shown once and kept nowhere: without it, or a passphrase,\n"
        "nobody can read the backups when this machine is lost."
    )


def typed_back(recovery_key: str) -> bool:
    """Ask for the last group of the key; False if nobody can be asked, or after three wrong answers."""
    if not is_interactive():
        return False
    last = recovery_key.rsplit("-", 1)[-1]
    return any(ask("Type the last group of the recovery key:").upper() == last.upper() for _ in range(ATTEMPTS))
