"""What can go wrong while schedules are kept."""

from __future__ import annotations

from strongroom.domain.errors import ErrorKind, StrongroomError


class LeaseLost(StrongroomError):
    """Another service has taken over this catalog; what this one was about to write was not written."""

    kind = ErrorKind.BUSY
    default_action = "Nothing needs to be done: the other service does the work. See who leads with strongroom status."
