"""Which undertaking carries out which operation."""

from __future__ import annotations

from strongroom.domain.states import Operation
from strongroom.engine.backups import BACKUP
from strongroom.engine.discovery import DISCOVER
from strongroom.engine.protection import CONFIGURE, DELETE, STOP
from strongroom.engine.registration import REGISTER, UNREGISTER
from strongroom.engine.restores import RESTORE
from strongroom.engine.undertaking import Undertaking
from strongroom.engine.upkeep import COLLECT, PRUNE
from strongroom.engine.verification import VERIFY

UNDERTAKINGS: dict[Operation, Undertaking] = {
    Operation.DISCOVER: DISCOVER,
    Operation.REGISTER: REGISTER,
    Operation.UNREGISTER: UNREGISTER,
    Operation.CONFIGURE_PROTECTION: CONFIGURE,
    Operation.BACKUP: BACKUP,
    Operation.RESTORE: RESTORE,
    Operation.STOP_PROTECTION: STOP,
    Operation.DELETE_DATA: DELETE,
    Operation.VERIFY: VERIFY,
    Operation.PRUNE: PRUNE,
    Operation.COLLECT: COLLECT,
}

IN_SERVICE = frozenset({Operation.REGISTER, Operation.UNREGISTER, Operation.CONFIGURE_PROTECTION, Operation.STOP_PROTECTION})
"""Catalog-only operations, many a second, done by the service itself; all others run in worker processes."""
