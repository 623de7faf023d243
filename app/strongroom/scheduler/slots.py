"""Firing slots: every due run of every item becomes exactly one row, and at most one job, in one transaction (feature B12).

The rows are the memory: after downtime, a clock step or a change of leader, what is due is whatever lies after an item's newest row. If several slots are
due at once, the newest makes the run and the others are recorded as missed, each with the slot that caught it up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, or_, select

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.entities import Item, Job, Policy, Slot
from strongroom.domain.clock import Clock
from strongroom.domain.errors import StrongroomError
from strongroom.domain.policy import PolicySpec
from strongroom.domain.schedule import SlotKey, slots_between
from strongroom.domain.states import BACKED_UP, LIVE
from strongroom.scheduler import outcomes
from strongroom.scheduler.lease import Lease

log = structlog.get_logger(__name__)

Submit: TypeAlias = Callable[[Session, Policy, Item, SlotKey], int | None]
"""Queue the backup of one slot inside the given transaction; the job's id, or None if it was refused."""

LONGEST_CATCH_UP_DAYS = 400
"""Slots older than this are not even recorded as missed: a clock that starts in 1970 must not fill the catalog."""

_BATCH = 50
"""Items in one transaction: few enough that other writers never wait long."""


@dataclass(frozen=True, slots=True)
class Fired:
    """One slot whose row was written, and what became of it."""

    policy_id: int
    item_id: int
    slot: SlotKey
    outcome: str
    job_id: int | None


@dataclass(frozen=True, slots=True)
class _Due:
    """One item's slots to settle, oldest first, with the rows of those that have one already."""

    slots: tuple[SlotKey, ...]
    rows: dict[tuple[str, str], Slot]


class Firing:
    """Fires what is due, for one service. Not thread-safe: its caller lets one thread in at a time."""

    def __init__(self, catalog: Catalog, submit: Submit, clock: Clock, lease: Lease) -> None:
        self._catalog = catalog
        self._submit = submit
        self._clock = clock
        self._lease = lease
        self._began_at = clock.now()
        self._settled: dict[int, tuple[datetime, datetime]] = {}

    def fire(self, policy_id: int) -> tuple[Fired, ...]:
        """Settle every slot of the policy that is due by now. Raises ``LeaseLost``, then nothing of the last transaction was written.

        An item whose job could not be queued for any other reason is logged, left as it is, and tried again at the next call.
        """
        now = self._clock.now()
        with self._catalog.read() as session:
            policy = session.get(Policy, policy_id)
            if policy is None:
                self._settled.pop(policy_id, None)
                return ()
            spec, edited_at = PolicySpec.from_json(policy.spec), policy.updated_at
            if self._nothing_new(policy_id, edited_at, spec, now):
                return ()
            items = session.exec(select(Item).where(Item.policy_id == policy_id, col(Item.protection).in_(BACKED_UP)))
            wanted = [item.id or 0 for item in items if self._due(session, policy, spec, item, now).slots]
        fired, complete = self._fire_items(policy_id, wanted, now)
        if complete:
            self._settled[policy_id] = (edited_at, now)
        else:
            self._settled.pop(policy_id, None)
        return fired

    def _nothing_new(self, policy_id: int, edited_at: datetime, spec: PolicySpec, now: datetime) -> bool:
        """Whether all was settled after the last edit and no slot has come due since; false after the clock was set back."""
        settled = self._settled.get(policy_id)
        if settled is None or settled[0] != edited_at or settled[1] > now:
            return False
        return next(slots_between(spec.schedule, settled[1], now), None) is None

    def _fire_items(self, policy_id: int, item_ids: Sequence[int], now: datetime) -> tuple[tuple[Fired, ...], bool]:
        """Fire in batches; also whether every item was settled for good."""
        fired: list[Fired] = []
        complete = True
        for start in range(0, len(item_ids), _BATCH):
            with self._catalog.write() as session:
                self._lease.guard(session)
                for item_id in item_ids[start : start + _BATCH]:
                    one = self._fire_item(session, policy_id, item_id, now)
                    complete = complete and one is not None and not any(outcomes.waits(each.outcome) for each in one)
                    fired.extend(one or ())
        return tuple(fired), complete

    def _fire_item(self, session: Session, policy_id: int, item_id: int, now: datetime) -> tuple[Fired, ...] | None:
        """Settle one item under a savepoint; None if it failed and nothing was written for it."""
        try:
            with session.begin_nested():
                policy, item = session.get(Policy, policy_id), session.get(Item, item_id)
                if policy is None or item is None or item.policy_id != policy_id or item.protection not in BACKED_UP:
                    return ()
                spec = PolicySpec.from_json(policy.spec)
                settled = self._settle(session, policy, spec, item, self._due(session, policy, spec, item, now), now)
                session.flush()
                return settled
        except (StrongroomError, IntegrityError) as error:
            log.warning("slot not fired, it will be tried again", item=item_id, policy=policy_id, why=str(error))
            return None

    def _due(self, session: Session, policy: Policy, spec: PolicySpec, item: Item, now: datetime) -> _Due:
        """What is to be settled: slots that wait, slots after the newest row, and slots that were missed in a future that did not come."""
        mine = (Slot.policy_id == policy.id, Slot.item_id == item.id)
        floor = max(self._floor(session, policy, item, now), now - timedelta(days=LONGEST_CATCH_UP_DAYS))
        open_rows = select(Slot).where(*mine, or_(col(Slot.outcome).startswith(outcomes.WAITING), Slot.due_at > floor))
        rows = {(row.local_date, row.local_time): row for row in session.exec(open_rows)}
        new = [slot for slot in slots_between(spec.schedule, floor, now) if _is_open(rows.get(_name(slot)), now)]
        waiting = [_slot(row) for row in rows.values() if outcomes.waits(row.outcome) and row.due_at <= now]
        return _Due(tuple(sorted({*new, *waiting})), rows)

    def _floor(self, session: Session, policy: Policy, item: Item, now: datetime) -> datetime:
        """Nothing due up to here counts: it was settled, or was due before the item had this policy or the policy these rules.

        Times that lie in the future were written while the clock was wrong and say nothing.
        """
        settled = (Slot.item_id == item.id, Slot.due_at <= now, Slot.fired_at <= now)
        newest = session.exec(select(Slot.due_at).where(*settled).order_by(col(Slot.due_at).desc()).limit(1)).first()
        known = [at for at in (newest, item.protected_at, policy.updated_at) if at is not None and at <= now]
        return max(known, default=min(self._began_at, now))

    def _settle(self, session: Session, policy: Policy, spec: PolicySpec, item: Item, due: _Due, now: datetime) -> tuple[Fired, ...]:
        if not due.slots:
            return ()
        *older, newest = due.slots
        settled: list[tuple[SlotKey, str, int | None]] = [(slot, outcomes.caught_up_by(newest), None) for slot in older]
        settled.append((newest, *self._run(session, policy, spec, item, newest, now)))
        for slot, outcome, job_id in settled:
            row = due.rows.get(_name(slot)) or _row(policy, item, slot, now)
            row.fired_at, row.outcome, row.job_id, row.token = now, outcome, job_id, self._lease.token
            session.add(row)
        return tuple(Fired(policy.id or 0, item.id or 0, slot, outcome, job_id) for slot, outcome, job_id in settled)

    def _run(self, session: Session, policy: Policy, spec: PolicySpec, item: Item, slot: SlotKey, now: datetime) -> tuple[str, int | None]:
        """Queue the slot's backup if it may still start: the outcome and the job."""
        window = spec.start_window_seconds
        if window is not None and now - slot.due_at > timedelta(seconds=window):
            return outcomes.window_closed(window), None
        job_id = self._submit(session, policy, item, slot)
        if job_id is not None:
            return outcomes.QUEUED, job_id
        live = session.exec(select(Job).where(Job.item_id == item.id, col(Job.status).in_(LIVE))).first()
        return outcomes.refused_by(live), None


def _is_open(row: Slot | None, now: datetime) -> bool:
    """Whether a due slot is still to be settled: it has no row, or only one that called it missed while the clock was ahead."""
    return row is None or (row.fired_at > now and outcomes.missed(row.outcome))


def _name(slot: SlotKey) -> tuple[str, str]:
    return slot.local_date.isoformat(), f"{slot.local_time:%H:%M}"


def _slot(row: Slot) -> SlotKey:
    local = datetime.fromisoformat(f"{row.local_date}T{row.local_time}")
    return SlotKey(row.due_at, local.date(), local.time())


def _row(policy: Policy, item: Item, slot: SlotKey, now: datetime) -> Slot:
    local_date, local_time = _name(slot)
    return Slot(
        policy_id=policy.id or 0,
        item_id=item.id or 0,
        local_date=local_date,
        local_time=local_time,
        due_at=slot.due_at,
        fired_at=now,
        outcome="",
    )
