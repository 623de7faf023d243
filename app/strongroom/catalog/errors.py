"""What can go wrong with the catalog; each with its recovery in ``docs/errors.md``."""

from __future__ import annotations

from strongroom.domain.errors import ErrorKind, StrongroomError


class CatalogError(StrongroomError):
    """The catalog failed in a way that has no name of its own."""


class UnsafeSqlite(CatalogError):
    """Every SQLite library in reach can lose committed rows when two processes write at once."""

    kind = ErrorKind.VERSION
    default_action = "Install pysqlite3 0.6.1 or later beside Strongroom, or a Python whose SQLite is 3.51.3 or later."


class CatalogMissing(CatalogError):
    """No catalog lies at the given place."""

    kind = ErrorKind.NOT_FOUND
    default_action = "Start the service, which makes one (strongroom serve); to bring back a lost one run strongroom rebuild."


class CatalogExists(CatalogError):
    """A new catalog was to be made where one already lies."""

    default_action = "Open the one that is there, or name another place with --home."


class NotACatalog(CatalogError):
    """The file is no catalog of ours."""

    kind = ErrorKind.VERSION
    default_action = "Name another place with --home, or move that file away."


class CatalogTooOld(CatalogError):
    """The catalog has an older schema than this program; only the service migrates it."""

    kind = ErrorKind.VERSION
    default_action = "Restart the service: it migrates the catalog as it starts (strongroom serve --migrate)."


class CatalogTooNew(CatalogError):
    """The catalog has a newer schema than this program knows."""

    kind = ErrorKind.VERSION
    default_action = "Upgrade this client to the version of the service."


class CatalogOnNetwork(CatalogError):
    """The catalog's folder is on a network file system, where SQLite's shared memory does not work."""

    default_action = "Put the catalog on a local file system; the repository may stay where it is."


class CatalogUnreadable(CatalogError):
    """The catalog is there but may not be opened by this user, or its folder cannot be written."""

    default_action = "Run the command as the installation's user: sudo -u strongroom strongroom."


class CatalogReadOnly(CatalogError):
    """A write was asked of a catalog that was opened for reading."""


class CatalogBusy(CatalogError):
    """Another process held the catalog's write lock for longer than the timeout."""

    kind = ErrorKind.BUSY
    retryable = True
    default_action = "Try again; if it stays so, look for a stopped process: strongroom doctor."


class CatalogFull(CatalogError):
    """No room is left on the catalog's file system; nothing of the change was kept."""

    retryable = True
    default_action = "Free space on the catalog's file system and try again."


class CatalogDamaged(CatalogError):
    """The catalog's file is malformed."""

    default_action = "Stop the service, move the file away and run strongroom rebuild: the repositories hold everything."


class MigrationFailed(CatalogError):
    """A migration did not go through; the catalog is as it was before."""

    kind = ErrorKind.VERSION
