"""Which installation is in use, where its files lie, and its settings.

Two installations exist, the host's and the caller's own; ``--home DIR`` (or ``STRONGROOM_HOME``) names one folder for everything instead. Settings come
from ``config.toml``, then from ``STRONGROOM_*`` variables; unknown keys are errors.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from strongroom.domain.errors import ErrorKind, StrongroomError

HOST_CONFIG = Path("/etc/strongroom/config.toml")
HOST_STATE = Path("/var/lib/strongroom")
HOST_RUN = Path("/run/strongroom")


class InstallationForbidden(StrongroomError):
    """A host installation exists and the caller may not open it."""

    kind = ErrorKind.USAGE
    default_action = "Run it as the service's user: sudo -u strongroom strongroom"


class InstallationUnusable(StrongroomError):
    """A folder of the installation cannot be made."""

    default_action = "Name another place with --home DIR, or make the folder writable."


@dataclass(frozen=True, slots=True)
class Paths:
    """Every place of one installation; nothing else in the product composes such a path."""

    name: str  # «host», «personal» or «home DIR», for people
    config: Path
    state: Path
    run: Path

    @property
    def catalog(self) -> Path:
        return self.state / "catalog.db"

    @property
    def keys(self) -> Path:
        return self.state / "keys"

    @property
    def vaults(self) -> Path:
        """Where repositories go that are created without a place of their own."""
        return self.state / "vaults"

    @property
    def scratch(self) -> Path:
        return self.state / "scratch"

    @property
    def service_log(self) -> Path:
        return self.state / "log" / "service.log"

    @property
    def command_log(self) -> Path:
        """Tracebacks of commands that met something unforeseen."""
        return self.state / "log" / "command.log"

    def job_log(self, uid: str) -> Path:
        return self.state / "log" / "jobs" / f"{uid}.log"

    def job_lock(self, uid: str) -> Path:
        """Held with flock by the worker of the job as long as it lives."""
        return self.run / "jobs" / uid

    def key_file(self, vault_uid: str) -> Path:
        return self.keys / f"{vault_uid}.key"

    def prepare(self) -> None:
        """Make every folder, for the owner only. Raises ``InstallationUnusable``."""
        folders = (self.state, self.keys, self.vaults, self.scratch, self.service_log.parent, self.job_log("x").parent)
        for folder in (*folders, self.run, self.job_lock("x").parent):
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise InstallationUnusable(f"The folder {folder} cannot be made", cause=error.strerror or "") from error


def find_paths(home: str | Path | None = None) -> Paths:
    """The installation in use: ``home``, else ``STRONGROOM_HOME``, else the host's if there is one, else the caller's own.

    Raises ``InstallationForbidden`` rather than starting an empty personal catalog beside a host installation.
    """
    chosen = home or os.environ.get("STRONGROOM_HOME")
    if chosen:
        folder = Path(chosen).expanduser().absolute()
        return Paths(f"home {folder}", folder / "config.toml", folder, folder / "run")
    if HOST_CONFIG.parent.exists():
        return _host()
    return _personal()


def _host() -> Paths:
    if not os.access(HOST_CONFIG.parent, os.R_OK | os.X_OK) or not os.access(HOST_STATE, os.R_OK | os.W_OK | os.X_OK):
        raise InstallationForbidden(
            "This machine has a host installation that you may not open",
            cause=f"{HOST_STATE} belongs to another user",
        )
    return Paths("host", HOST_CONFIG, HOST_STATE, HOST_RUN)


def _personal() -> Paths:
    from platformdirs import PlatformDirs  # noqa: PLC0415  (the help text must not wait for it)

    folders = PlatformDirs("strongroom", appauthor=False)
    state = Path(folders.user_state_dir)
    return Paths("personal", Path(folders.user_config_dir) / "config.toml", state, state / "run")
