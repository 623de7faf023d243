"""Verify for machines or for one point (feature B3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from strongroom.catalog.queries.points import points
from strongroom.engine.submission import Submitted
from strongroom.engine.verification import request_verify

if TYPE_CHECKING:
    from strongroom.tui.app import StrongroomApp

_WORDS = "Successfully created job(s) to verify recovery points."


def verify_items(room: StrongroomApp, item_ids: Sequence[int]) -> None:
    """One job for all recovery points of the machines."""

    def work() -> Submitted:
        with room.context.catalog.read() as session:
            found = [point.point_id for item_id in item_ids for point in points(session, item_id).items]
        return request_verify(room.context, room.vault_id, found)

    room.submit(work, _WORDS)


def verify_point(room: StrongroomApp, point_id: int) -> None:
    """One job for one recovery point."""
    room.submit(lambda: request_verify(room.context, room.vault_id, [point_id]), _WORDS)
