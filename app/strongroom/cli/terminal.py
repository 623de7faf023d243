"""Questions to the operator: asked on a terminal only, so that no script ever hangs."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from strongroom.domain.errors import InvalidInput
from strongroom.domain.text import safe_text

_LONGEST_SECRET_BYTES = 64 * 1024


def is_interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """One line from the terminal; the question goes to stderr, for stdout is data. The end of the input counts as an empty answer."""
    sys.stderr.write(safe_text(question) + " ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def require_typed(what: str, given: str | None, option: str, question: str) -> str:
    """``given`` by its option, else asked for; raises ``InvalidInput`` naming the option where nobody can be asked."""
    if given is not None:
        return given
    if not is_interactive():
        raise InvalidInput(f"{what} must be confirmed", cause="there is no terminal to ask on", action=f"Add {option}")
    return ask(question)


def new_passphrase(path: Path | None) -> str:
    """A passphrase for a new slot: from a file, or typed twice."""
    if path is not None:
        return read_secret(path)
    first = _hidden("New passphrase:", "--passphrase-file FILE")
    if first != _hidden("The same again:", "--passphrase-file FILE"):
        raise InvalidInput("The two passphrases differ", action="Run the command again.")
    return first


def known_passphrase(path: Path | None) -> str:
    """A passphrase that exists: from a file, or typed once."""
    return read_secret(path) if path is not None else _hidden("Passphrase:", "--passphrase-file FILE")


def known_recovery_key(path: Path | None) -> str:
    """A recovery key: the first line of a file that ``--recovery-key-to`` wrote, or typed."""
    return read_secret(path) if path is not None else _hidden("Recovery key:", "--recovery-key-file FILE")


def read_secret(path: Path) -> str:
    """The first line of ``path`` (``-`` is stdin). Raises ``InvalidInput`` if others than its owner may read it, or if it is empty."""
    lines = read_text(path).splitlines()
    if not lines or not lines[0]:
        raise InvalidInput(f"The first line of {path} is empty")
    return lines[0]


def read_text(path: Path) -> str:
    """All of ``path`` (``-`` is stdin). Raises ``InvalidInput`` if others than its owner may read it, or if it is no text."""
    if str(path) == "-":
        return sys.stdin.read(_LONGEST_SECRET_BYTES)
    try:
        with path.open("rb") as stream:
            found = os.fstat(stream.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise InvalidInput(f"Others may read {path}", action=f"Run: chmod 600 {path}")
            return stream.read(_LONGEST_SECRET_BYTES).decode()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read", cause=error.strerror or "") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} holds no text", cause=str(error)) from error


def _hidden(question: str, option: str) -> str:
    if not is_interactive():
        raise InvalidInput("A secret is needed", cause="there is no terminal to ask on", action=f"Add {option}")
    from getpass import getpass

    return getpass(question + " ")
