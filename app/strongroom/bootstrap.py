"""Putting an installation together: paths, settings, catalog; and a service in the background when none runs."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from strongroom.catalog.catalog import Catalog
from strongroom.config import Paths, find_paths
from strongroom.domain.clock import SystemClock
from strongroom.engine.context import Context
from strongroom.engine.errors import ServiceNotRunning
from strongroom.scheduler.holder import holder_of
from strongroom.settings import load_settings

_START_SECONDS = 20.0
"""How long a service may take until it leads."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """Who runs this installation's jobs and schedules; ``owner`` is ``host:boot:pid:start``."""

    running: bool
    started: bool
    owner: str
    message: str


def open_context(home: str | Path | None = None, caller: str | None = None, *, create: bool = True) -> Context:
    """The installation in use with its catalog open; with ``create``, an absent catalog is made.

    Raises ``InstallationForbidden``, ``ConfigInvalid``, ``CatalogMissing``, ``CatalogTooOld``, ``CatalogTooNew``.
    """
    paths = find_paths(home)
    settings = load_settings(paths.config)
    paths.prepare()
    catalog = _open_catalog(paths, create=create)
    return Context(catalog, paths, settings, SystemClock(), caller or _user())


def _open_catalog(paths: Paths, *, create: bool) -> Catalog:
    if create and not paths.catalog.exists():
        from strongroom.catalog.errors import CatalogExists  # noqa: PLC0415  (a race only)

        try:
            return Catalog.create(paths.catalog)
        except CatalogExists:
            pass  # another process made it first
    return Catalog.open(paths.catalog)


def _user() -> str:
    """Who asks, for jobs and the audit log; sudo's caller, since the host installation is used through sudo."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def service_state(context: Context) -> ServiceState:
    """Whether a living service leads this installation."""
    owner = holder_of(context.catalog)
    if owner is None:
        return ServiceState(running=False, started=False, owner="", message="no service runs")
    host, _, process, _ = owner.rsplit(":", 3)
    return ServiceState(running=True, started=False, owner=owner, message=f"led by {host}, process {process}")


def ensure_service(context: Context) -> ServiceState:
    """The living service, or a new one started in the background. Raises ``ServiceNotRunning`` with the end of its log."""
    state = service_state(context)
    if state.running:
        return state
    started = _start(context)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and _lives(started):
        state = service_state(context)
        if state.running:
            return ServiceState(
                running=True, started=True, owner=state.owner, message=f"started a service in the background: {state.message}"
            )
        time.sleep(0.05)
    raise ServiceNotRunning("No service could be started", cause=_last_line(context.paths.service_log))


def _start(context: Context) -> int:
    """The process id of a new service, detached from our terminal and session, nobody's child, so that it outlives us."""
    home = ["--home", str(context.paths.state)] if context.paths.name.startswith("home") else []
    command = [sys.executable, "-P", "-m", "strongroom", *home, "serve"]
    shell = ["/bin/sh", "-c", 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!', "sh", str(context.paths.service_log), *command]
    told = subprocess.run(shell, check=True, capture_output=True, text=True, start_new_session=True, cwd="/")  # noqa: S603  (our own words)
    return int(told.stdout)


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it wrote nothing"
