"""What can go wrong at a source."""

from __future__ import annotations

from strongroom.domain.errors import ErrorKind, StrongroomError


class SourceUnreachable(StrongroomError):
    """The source does not answer or its place does not exist."""

    retryable = True


class SourceInvalid(StrongroomError):
    """The source's address or a file in it cannot be understood."""

    kind = ErrorKind.USAGE


class ProviderUnknown(StrongroomError):
    """No installed provider understands the source's scheme."""

    kind = ErrorKind.USAGE


class MachineVanished(StrongroomError):
    """The machine is no longer at its source."""

    kind = ErrorKind.NOT_FOUND
    default_action = "Discover the source again; its recovery points stay restorable."


class MachineInUse(StrongroomError):
    """The machine's disks are being written by a program that this source cannot freeze."""

    retryable = True


class DiskUnreadable(StrongroomError):
    """A disk of the machine could not be read."""


class DiskFormatUnsupported(StrongroomError):
    """The disk's format, or a feature of it, is not supported."""


class TargetExists(StrongroomError):
    """The restore would replace something that is there."""

    kind = ErrorKind.USAGE
    default_action = "Choose another name."


class TargetFull(StrongroomError):
    """The restore's storage has no room for the machine."""


class TargetUnwritable(StrongroomError):
    """The restore's place cannot be written to."""

    default_action = "Let the user that runs strongroom write there, or choose another place."
