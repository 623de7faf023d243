"""APScheduler's part: to call back, in time, for each policy whose next slot comes due.

A trigger carries nothing and decides nothing: its call only says «look now», and whoever is called finds in the catalog what is due. So a call that is
late, lost or repeated costs promptness and never a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from strongroom.domain.clock import Clock
from strongroom.domain.schedule import Schedule, next_slots

log = structlog.get_logger(__name__)

TROUBLE = EVENT_JOB_MISSED | EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES
THREADS = 2
MISFIRE_GRACE_SECONDS = 3600
"""APScheduler's own default of one second loses runs on a busy machine; beyond this the missed call is reported and repaired by a look at everything."""

_JUST_AFTER = timedelta(milliseconds=50)
"""A call must not come a hair before its slot is due by the injected clock."""

_SAME = timedelta(seconds=1)


class SlotTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Calls at each slot of a schedule; reads the injected clock and translates to the machine's, on which APScheduler waits."""

    def __init__(self, schedule: Schedule, clock: Clock) -> None:
        self.schedule = schedule
        self._clock = clock

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The machine's time of the first slot after now, and after the previous call."""
        ours = self._clock.now()
        ahead = now - ours
        after = ours if previous_fire_time is None else max(ours, previous_fire_time - ahead)
        upcoming = next_slots(self.schedule, after, 1)
        return upcoming[0].due_at + ahead + _JUST_AFTER if upcoming else None


class Triggers:
    """One trigger per policy, in memory only: two processes on one persistent job store would run everything twice."""

    def __init__(self, clock: Clock, call: Callable[[int], None], trouble: Callable[[], None]) -> None:
        self._clock = clock
        self._call = call
        self._trouble = trouble
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE_SECONDS},
        )
        self._scheduler.add_listener(self._on_trouble, TROUBLE)

    def start(self) -> None:
        """Begin to call back."""
        self._scheduler.start()

    def stop(self) -> None:
        """End; returns when no call is running any more."""
        self._scheduler.shutdown(wait=True)

    def align(self, schedules: Mapping[int, Schedule]) -> None:
        """Make the triggers those of these policies, by id; also moves what a step of the clock has put out of place."""
        for job in self._scheduler.get_jobs():
            if int(job.id) not in schedules:
                self._scheduler.remove_job(job.id)
        for policy_id, schedule in schedules.items():
            self._align(str(policy_id), schedule)

    def next_call_at(self, policy_id: int) -> datetime | None:
        """When the policy is called next, by the machine's clock; None if there is no such trigger."""
        job = self._scheduler.get_job(str(policy_id))
        return job.next_run_time if job else None

    def _align(self, job_id: str, schedule: Schedule) -> None:
        job = self._scheduler.get_job(job_id)
        trigger = SlotTrigger(schedule, self._clock)
        wanted = trigger.get_next_fire_time(None, datetime.now(UTC))
        if job is None:
            self._scheduler.add_job(self._call, trigger, args=(int(job_id),), id=job_id, name=f"policy {job_id}")
        elif job.trigger.schedule != schedule or wanted is None or abs(job.next_run_time - wanted) > _SAME:
            self._scheduler.reschedule_job(job_id, trigger=trigger)

    def _on_trouble(self, event: JobEvent) -> None:
        log.warning(
            "trigger did not run, looking at everything instead",
            policy=event.job_id,
            error=str(getattr(event, "exception", "") or "missed"),
        )
        self._trouble()
