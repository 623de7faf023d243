"""One spelling for the address of a folder of images."""

from __future__ import annotations

from pathlib import Path

from strongroom.providers.errors import SourceInvalid

SCHEME = "images"


def folder_of(address: str) -> Path:
    """The absolute folder that ``address`` names; raises ``SourceInvalid``. Looks at nothing on disk.

    ``images:/srv/vm``, ``images:///srv/vm``, ``images:srv/vm`` (from the present folder) and ``images:~/vm`` are understood. Links are
    not resolved: the operator's own name for the folder is part of its machines' identity.
    """
    scheme, colon, rest = address.strip().partition(":")
    if not colon or scheme.lower() != SCHEME:
        raise _invalid(address, f"it does not start with {SCHEME}:")
    if rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
        if host:
            raise _invalid(address, f"images: sources are folders of this host, and {host!r} stands where a host's name would")
        rest = f"/{path}"
    if not rest.strip("/") and not rest.startswith("/"):
        raise _invalid(address, "it names no folder")
    if "\0" in rest:
        raise _invalid(address, "it holds a NUL character")
    _must_be_text(address, rest)
    try:
        return _normal(Path(rest).expanduser().absolute())
    except RuntimeError as error:
        raise _invalid(address, str(error)) from error


def canonical(address: str) -> str:
    """The one spelling of ``address``: ``images:///srv/vm``."""
    return f"{SCHEME}://{folder_of(address)}"


def _normal(path: Path) -> Path:
    parts: list[str] = []
    for part in path.parts[1:]:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
    return Path("/", *parts)


def _must_be_text(address: str, path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise _invalid(address, "it is not valid UTF-8") from error


def _invalid(address: str, cause: str) -> SourceInvalid:
    return SourceInvalid(f"Source {address!r} is not a folder of images", cause=cause, action="Write it as images:/absolute/folder")
