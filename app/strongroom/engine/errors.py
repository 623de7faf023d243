"""What the use cases refuse, and how running jobs end badly."""

from __future__ import annotations

from strongroom.domain.errors import ErrorKind, InvalidInput, StrongroomError


class OperationInProgress(StrongroomError):
    """One operation per item, and one discovery per source, at a time (features A3, A18)."""

    kind = ErrorKind.BUSY
    default_action = "Wait for it, or cancel it: strongroom job list --status 'In progress'"


class VaultNotFound(StrongroomError):
    """No vault has this name."""

    kind = ErrorKind.NOT_FOUND
    default_action = "List them: strongroom vault list"


class VaultNameInvalid(InvalidInput):
    """Vault names have 2-50 characters: a letter first, then letters, digits and hyphens (feature A1)."""


class VaultExists(InvalidInput):
    """A vault of this name exists."""


class VaultNotEmpty(StrongroomError):
    """A vault is deleted only when it is empty; the cause lists what blocks it (feature A1)."""

    kind = ErrorKind.BUSY


class VaultRequired(InvalidInput):
    """There are several vaults, or none, and the command was given no name."""

    default_action = "Name one with --vault NAME; list them with strongroom vault list"


class RecoveryKeyWrong(InvalidInput):
    """The group that was typed is not the last group of the recovery key."""

    default_action = "Type the last group of characters of the recovery key as it was printed."


class RecoveryUnconfirmed(StrongroomError):
    """No backup runs in a vault before its recovery key was confirmed."""

    kind = ErrorKind.KEY
    default_action = "Confirm it: strongroom key recovery-sheet; if it was lost, make another: strongroom key add --recovery"


class SourceNotFound(StrongroomError):
    """No source has this address."""

    kind = ErrorKind.NOT_FOUND
    default_action = "List them: strongroom source list"


class SourceExists(InvalidInput):
    """The source was added before."""


class SourceInUse(StrongroomError):
    """Machines of the source are registered in a vault."""

    kind = ErrorKind.BUSY
    default_action = "Unregister them first."


class MachineNotFound(StrongroomError):
    """No machine has this name."""

    kind = ErrorKind.NOT_FOUND
    default_action = "Discover the source again, or list machines: strongroom machine list"


class NameAmbiguous(InvalidInput):
    """Several machines share the name; the cause lists them as SERVICE/NAME."""


class RegionMismatch(StrongroomError):
    """A vault takes machines of its own region only (feature A5)."""

    kind = ErrorKind.USAGE


class AlreadyRegistered(InvalidInput):
    """The machine is registered, in this vault or in another."""


class StillProtected(StrongroomError):
    """An item is unregistered only when it is not protected and has no recovery points (feature A6)."""

    kind = ErrorKind.BUSY
    default_action = "Stop its protection and delete its data first: strongroom item delete-data NAME"


class NotProtected(InvalidInput):
    """The item has no policy."""

    default_action = "Protect it first: strongroom item protect NAME --policy POLICY"


class StateForbids(InvalidInput):
    """The item's present state does not allow the operation."""


class PolicyNotFound(StrongroomError):
    """No policy of the vault has this name."""

    kind = ErrorKind.NOT_FOUND
    default_action = "List them: strongroom policy list"


class PolicyExists(InvalidInput):
    """The vault has a policy of this name."""


class PolicyInUse(StrongroomError):
    """A policy is deleted only when no machine uses it (feature A8)."""

    kind = ErrorKind.BUSY


class PointNotFound(StrongroomError):
    """There is no such recovery point."""

    kind = ErrorKind.NOT_FOUND
    default_action = "List them: strongroom point list NAME"


class JobNotFound(StrongroomError):
    """There is no such job."""

    kind = ErrorKind.NOT_FOUND
    default_action = "List them: strongroom job list"


class JobEnded(InvalidInput):
    """The job has ended, so it cannot be cancelled."""


class JobNotRetryable(InvalidInput):
    """Only a job that failed or was cancelled can be run again."""


class ConfirmationWrong(InvalidInput):
    """The name that was typed is not the name of the item."""

    default_action = "Type the item's name exactly."


class WorkerDied(StrongroomError):
    """The process that ran the job ended without a word; nothing was committed."""

    retryable = True
    default_action = "Run it again; if it repeats, look at the job log."


class ServiceStopped(StrongroomError):
    """The service ended while the job ran; nothing was committed."""

    retryable = True
    default_action = "Run it again, or wait for the next scheduled run."


class ServiceNotRunning(StrongroomError):
    """No service runs for this installation and none could be started."""

    default_action = "Start it and read what it says: strongroom serve"


class TipsUnconfirmed(StrongroomError):
    """The vault was rebuilt; prune and collect wait until its newest points were confirmed."""

    kind = ErrorKind.BUSY
    default_action = "Compare them with your key sheet, then confirm: strongroom rebuild --confirm-tips VAULT"
