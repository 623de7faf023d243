"""What can go wrong with a repository; each with its recovery in ``docs/errors.md``."""

from __future__ import annotations

from strongroom.domain.errors import ErrorKind, StrongroomError


class StoreError(StrongroomError):
    """The place where the objects lie failed."""


class ObjectExists(StoreError):
    """The key is taken by other bytes."""


class ObjectMissing(StoreError):
    """There is no such object."""


class ObjectTruncated(StoreError):
    """The object is shorter than its reader was promised."""


class StoreFull(StoreError):
    """No room is left in the repository's place."""

    default_action = "Free space or extend the file system, then run the job again: everything committed is safe and readable."


class StoreUnreachable(StoreError):
    """The repository's place does not answer."""

    retryable = True
    default_action = "Check that the file system is mounted and readable by the service's user."


class StoreReadOnly(StoreError):
    """The repository's place may be read but not written by this process."""

    default_action = "Mount the file system for writing, or run as the service's user; restores work all the same."


class StoreLocked(StoreError):
    """Another process holds the repository's maintenance lock."""

    kind = ErrorKind.BUSY
    retryable = True


class StoreUnfit(StoreError):
    """The probe at vault creation found that the place does not keep its promises."""

    default_action = "Choose a local file system with hard links (ext4, XFS, btrfs, ZFS)."


class RepositoryNotFound(StrongroomError):
    """No repository lies at the given place."""

    kind = ErrorKind.NOT_FOUND


class RepositoryTooNew(StrongroomError):
    """The repository uses a feature that this version does not know."""

    kind = ErrorKind.VERSION
    default_action = "Upgrade Strongroom on this host."


class KeyMissing(StrongroomError):
    """The key that opens the repository is not here."""

    kind = ErrorKind.KEY
    default_action = "Give the passphrase or the recovery key: strongroom key add --help."


class KeyWrong(StrongroomError):
    """The given passphrase or recovery key does not open this repository."""

    kind = ErrorKind.KEY


class ObjectDamaged(StrongroomError):
    """An object's bytes are not what was written: authentication or hash failed."""

    default_action = "Run strongroom repo check --read-data to list the recovery points that it affects."


class ChunkMissing(StrongroomError):
    """A recovery point refers to a chunk that no healthy pack holds."""

    default_action = "Run strongroom repo check to list the recovery points that it affects."


class SessionFenced(StrongroomError):
    """This backup was declared dead by another process before it could commit; nothing was committed."""

    retryable = True
    default_action = "Run the backup again."


class ManifestMissing(StrongroomError):
    """There is no such recovery point in the repository."""

    kind = ErrorKind.NOT_FOUND


class RepositoryExists(StrongroomError):
    """A repository, or the remains of one, already lies at the given place."""

    kind = ErrorKind.USAGE
    default_action = "Choose an empty place, or open the present repository with its key."
