"""Names that this provider makes: each derives from a job id, so that leftovers are found by name after a crash."""

from __future__ import annotations

import re

from strongroom.domain.errors import InvalidInput

BUILD_PREFIX = ".strongroom-"
KEPT_PREFIX = "strongroom-kept-"
DEFINITION_FILE = "strongroom.toml"
MAX_NAME_BYTES = 255
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def build_folder_name(job_id: str) -> str:
    """The hidden folder in which a restore builds; no scan looks into it."""
    return BUILD_PREFIX + checked_job_id(job_id)


def kept_folder_name(job_id: str) -> str:
    """The visible folder into which a restore to the original place puts the old files; only the operator removes it."""
    return KEPT_PREFIX + checked_job_id(job_id)


def job_id_of(name: str) -> str | None:
    """The job that made the build folder ``name``, or None if it is not one."""
    job_id = name.removeprefix(BUILD_PREFIX)
    return job_id if job_id != name and _JOB_ID.fullmatch(job_id) else None


def is_ours_or_hidden(name: str) -> bool:
    """Whether a scan passes ``name`` by."""
    return name.startswith((".", KEPT_PREFIX)) or name == "lost+found"


def checked_job_id(job_id: str) -> str:
    """``job_id`` if it is safe as part of a file name, else ``InvalidInput``."""
    if not _JOB_ID.fullmatch(job_id):
        raise InvalidInput(f"Job id {job_id!r} cannot be part of a file name", cause="only letters, digits, - and _ are allowed")
    return job_id


def checked_folder_name(name: str, what: str) -> str:
    """``name`` if one folder can have it and a scan would find it, else ``InvalidInput`` that says why; ``what`` is for people."""
    reason = name_problem(name)
    if reason:
        raise InvalidInput(f"{what} {name!r} cannot be a folder's name", cause=reason, action="Choose another name.")
    return name


def name_problem(name: str) -> str:
    """Why ``name`` cannot be a visible file or folder, in words; empty if it can."""
    if not name:
        return "it is empty"
    if "/" in name or "\0" in name:
        return "it holds a slash or a NUL character"
    if is_ours_or_hidden(name) or name == DEFINITION_FILE:
        return "names like this one are reserved, and discovery passes them by"
    if not is_text(name):
        return "it is not valid UTF-8"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES} bytes"
    return ""


def is_text(name: str) -> bool:
    """Whether ``name`` is valid Unicode: names that are not valid UTF-8 on disk cannot be kept in a catalog or shown."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: str) -> str:
    """``name`` for a message: control characters and broken bytes escaped."""
    return repr(name)[1:-1] if not name.isprintable() else name
