"""The installation itself: where it is, its settings, its SQLite, its folders and its clock."""

from __future__ import annotations

import os
import platform
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from strongroom import __version__
from strongroom.cli.checks.finding import Finding, fail, guarded, ok, warn
from strongroom.cli.formats import size
from strongroom.config import Paths

RELEASED_AT = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock that is right shows an earlier time."""

LOW_FREE_RATIO = 0.10
LEAST_FREE_BYTES = 256 * 1024 * 1024
_STALE = timedelta(days=1)


def look(paths: Paths) -> Iterator[Finding]:
    """Everything that can be said without a catalog."""
    yield ok("installation", f"{paths.name}, state in {paths.state}")
    yield ok("version", f"strongroom {__version__} on Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    yield from guarded("settings", lambda: _settings(paths))
    yield from guarded("sqlite", _sqlite)
    yield from guarded("providers", _providers)
    yield from guarded("clock", _clock)
    yield from guarded("permissions", lambda: _permissions(paths))
    yield from guarded("leftovers", lambda: _leftovers(paths))
    if paths.state.is_dir():
        yield from guarded("free space", lambda: free_space("free space", paths.state))


def _settings(paths: Paths) -> Iterator[Finding]:
    from strongroom.settings import load_settings

    settings = load_settings(paths.config)
    where = str(paths.config) if paths.config.exists() else f"defaults ({paths.config} does not exist)"
    yield ok("settings", f"{where}; {settings.workers} worker(s)")


def _sqlite() -> Iterator[Finding]:
    from strongroom.catalog.errors import UnsafeSqlite
    from strongroom.catalog.sqlite import sqlite_facts

    facts = sqlite_facts()
    if facts.safe:
        yield ok("sqlite", f"{facts.library} {facts.version}, safe for several processes")
    else:
        yield fail("sqlite", f"SQLite {facts.version} can lose committed data when two processes write", UnsafeSqlite.default_action)


def _providers() -> Iterator[Finding]:
    from strongroom.providers.registry import broken_providers, schemes

    broken = broken_providers()
    for provider in broken:
        yield fail("providers", f"{provider.scheme}: {provider.reason}", "Repair or uninstall that plug-in.")
    if not broken:
        yield ok("providers", ", ".join(schemes()))


def _clock() -> Iterator[Finding]:
    now = datetime.now(UTC)
    if now < RELEASED_AT:
        yield fail(
            "clock", f"the clock shows {now:%Y-%m-%d %H:%M} UTC, before this version existed", "Set the clock: timedatectl set-ntp true"
        )
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _permissions(paths: Paths) -> Iterator[Finding]:
    private = [paths.state, paths.keys, *sorted(paths.keys.glob("*.key")), paths.catalog]
    wide = [path for path in private if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    foreign = [path for path in private if path.exists() and path.stat().st_uid != os.geteuid()]
    for path in wide:
        yield fail("permissions", f"others may open {path}", f"Run: chmod go-rwx {path}")
    for path in foreign:
        yield warn("permissions", f"{path} belongs to another user", "Run strongroom as that user, or change the owner.")
    if not wide and not foreign:
        yield ok("permissions", "state, keys and catalog are the owner's alone")


def _leftovers(paths: Paths) -> Iterator[Finding]:
    before = (datetime.now(UTC) - _STALE).timestamp()
    old = [path for path in _entries(paths.scratch) if path.lstat().st_mtime < before]
    if old:
        yield warn("leftovers", f"{len(old)} old file(s) in {paths.scratch}", "Restart the service: it tidies up as it starts.")
    else:
        yield ok("leftovers", "none in the scratch folder")


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def free_space(check: str, folder: Path) -> Iterator[Finding]:
    """How much room is left on the file system of ``folder``."""
    usage = shutil.disk_usage(folder)
    found = f"{size(usage.free)} free of {size(usage.total)} at {folder}"
    if usage.free < LEAST_FREE_BYTES:
        yield fail(check, found, "Free space or extend the file system.")
    elif usage.free < usage.total * LOW_FREE_RATIO:
        yield warn(check, found, "Free space soon: strongroom repo prune, then strongroom repo collect.")
    else:
        yield ok(check, found)
