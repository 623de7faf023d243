from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from strongroom.catalog.catalog import Catalog
from strongroom.catalog.queries.dashboard import AttentionKind, Dashboard, dashboard
from strongroom.catalog.queries.jobs import JobFilter, jobs
from strongroom.catalog.queries.protected import protected
from strongroom.domain.states import JobStatus, Operation, ProtectionStatus, RegistrationStatus
from tests.unit.catalog.rows import DAY, HOUR, NOW, writing

SECOND = timedelta(seconds=1)


def seen(catalog: Catalog, vault_id: int = 1) -> Dashboard:
    with catalog.read() as session:
        return dashboard(session, vault_id, now=NOW)


def attention(catalog: Catalog) -> list[tuple[AttentionKind, str]]:
    return [(entry.kind, entry.text) for entry in seen(catalog).attention]


def test_machines_are_counted_as_protected_registered_and_discovered(catalog: Catalog) -> None:
    """A15."""
    with writing(catalog) as rows:
        main, other, source = rows.vault("main"), rows.vault("other"), rows.source()
        for number, protection in enumerate(ProtectionStatus):
            rows.item(main, f"m{number}", protection=protection)
        rows.item(main, "vanished", registration=RegistrationStatus.VANISHED)
        rows.item(main, "failed", registration=RegistrationStatus.FAILED)
        rows.item(main, "coming", registration=RegistrationStatus.REGISTERING)
        rows.item(other, "elsewhere", protection=ProtectionStatus.PROTECTED, identity="taken")
        rows.machine(source, "free")
        rows.machine(source, "taken", identity="taken")
        rows.machine(source, "gone", vanished_at=NOW)
        rows.machine(source, "far", region="south")
    counts = seen(catalog)
    assert (counts.protected, counts.registered, counts.without_policy, counts.discovered) == (5, 7, 2, 1)
    with catalog.read() as session:
        assert protected(session, 1).total == counts.protected


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        (JobStatus.COMPLETED, (1, 0, 0)),
        (JobStatus.WARNINGS, (1, 0, 0)),
        (JobStatus.FAILED, (0, 1, 0)),
        (JobStatus.CANCELLED, (0, 0, 0)),
        (JobStatus.SKIPPED, (0, 0, 0)),
        (JobStatus.QUEUED, (0, 0, 1)),
        (JobStatus.IN_PROGRESS, (0, 0, 1)),
        (JobStatus.CANCELLING, (0, 0, 1)),
    ],
)
def test_a_job_counts_by_its_status(catalog: Catalog, status: JobStatus, counted: tuple[int, int, int]) -> None:
    """A15."""
    ended = status not in {JobStatus.QUEUED, JobStatus.IN_PROGRESS, JobStatus.CANCELLING}
    with writing(catalog) as rows:
        rows.job(status, vault_id=rows.vault(), ended_at=NOW - HOUR if ended else None)
        rows.job(status, vault_id=rows.vault("other"), ended_at=NOW if ended else None)
    counts = seen(catalog)
    assert (counts.successful, counts.failed, counts.in_progress) == counted
    assert len(counts.live) == counts.in_progress


def test_ended_jobs_count_for_a_day_from_their_end_and_live_ones_without_limit(catalog: Catalog) -> None:
    """A15; each count equals the list that it opens."""
    with writing(catalog) as rows:
        main = rows.vault()
        rows.job(JobStatus.FAILED, vault_id=main, queued_at=NOW - 9 * DAY, ended_at=NOW - DAY)
        rows.job(JobStatus.FAILED, vault_id=main, ended_at=NOW - DAY - SECOND)
        rows.job(JobStatus.IN_PROGRESS, vault_id=main, queued_at=NOW - 9 * DAY)
    counts = seen(catalog)
    assert (counts.failed, counts.in_progress) == (1, 1)
    with catalog.read() as session:
        opened = jobs(session, JobFilter(vault_id=1, statuses=frozenset({JobStatus.FAILED}), ended_since=NOW - DAY))
    assert opened.total == counts.failed


def test_storage_is_the_repository_the_newest_points_and_what_was_saved(catalog: Catalog) -> None:
    """A15."""
    with writing(catalog) as rows:
        main = rows.vault("main", used_bytes=25, measured_at=NOW)
        web, db = rows.item(main, "web"), rows.item(main, "db")
        rows.point(main, web, NOW, used_bytes=40)
        rows.point(main, web, NOW - DAY, used_bytes=50)
        rows.point(main, db, NOW - DAY, used_bytes=10)
        other = rows.vault("other")
        rows.point(other, rows.item(other), used_bytes=1000)
    counts = seen(catalog)
    assert (counts.used_bytes, counts.protected_bytes, counts.points, counts.saved_ratio) == (25, 50, 3, 0.75)


def test_nothing_is_called_saved_before_there_is_a_point_and_a_measurement(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        rows.vault("empty", used_bytes=25, measured_at=NOW)
        unmeasured = rows.vault("unmeasured")
        rows.point(unmeasured, rows.item(unmeasured), used_bytes=9)
    assert seen(catalog, 1).saved_ratio is None
    assert seen(catalog, 2).saved_ratio is None
    assert seen(catalog, 99).points == 0


@pytest.mark.parametrize(
    ("protection", "newest", "late"),
    [
        (ProtectionStatus.PROTECTED, NOW - DAY - SECOND, True),
        (ProtectionStatus.PROTECTED, NOW - DAY, False),
        (ProtectionStatus.PENDING, None, True),
        (ProtectionStatus.STOPPED, None, False),
        (ProtectionStatus.SUSPENDED, NOW - 9 * DAY, False),
        (ProtectionStatus.NONE, None, False),
    ],
)
def test_an_item_that_should_have_had_a_backup_within_a_day_wants_attention(
    catalog: Catalog, protection: ProtectionStatus, newest: datetime | None, late: bool
) -> None:
    """A15."""
    with writing(catalog) as rows:
        main = rows.vault()
        item = rows.item(main, protection=protection, protected_at=NOW - 2 * DAY)
        if newest:
            rows.point(main, item, newest)
            rows.point(main, item, newest - DAY)
    assert attention(catalog) == ([(AttentionKind.NO_BACKUP, "kvm07/web01: no backup in 24 h")] if late else [])


def test_an_item_that_was_protected_today_is_not_late_yet(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        rows.item(rows.vault(), protection=ProtectionStatus.PENDING, protected_at=NOW - HOUR)
    assert attention(catalog) == []


def test_what_is_wrong_is_listed_most_urgent_first_and_leads_to_its_item_or_job(catalog: Catalog) -> None:
    """A15."""
    with writing(catalog) as rows:
        main = rows.vault("main", recovery_confirmed_at=None, rebuilt_at=NOW, used_bytes=95, free_bytes=5)
        hurt, wrong = rows.item(main, "hurt"), rows.item(main, "wrong", registration=RegistrationStatus.FAILED)
        rows.item(main, "lost", registration=RegistrationStatus.VANISHED)
        rows.point(main, hurt, damaged=["vda"])
        rows.point(main, hurt)
        waits = rows.job(JobStatus.QUEUED, Operation.VERIFY, vault_id=main, waiting_for="KeyMissing: no key")
    entries = seen(catalog).attention
    assert [entry.kind for entry in entries] == [
        AttentionKind.DAMAGED,
        AttentionKind.FAILED,
        AttentionKind.KEY_UNCONFIRMED,
        AttentionKind.TIPS_UNCONFIRMED,
        AttentionKind.FILLING,
        AttentionKind.WAITING,
        AttentionKind.VANISHED,
    ]
    assert entries[0].text == "kvm07/hurt: 1 damaged recovery points"
    assert [entry.item_id for entry in entries[:2]] == [hurt, wrong]
    assert (entries[5].job_id, entries[5].text) == (waits, "Verify web01 waits: KeyMissing: no key")


def test_a_protection_error_is_told_in_its_own_words(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        main = rows.vault()
        item = rows.item(main, protection=ProtectionStatus.ERROR, protection_error={"message": "kvm07 does not answer"})
        rows.point(main, item, NOW)
    assert attention(catalog) == [(AttentionKind.FAILED, "kvm07/web01: kvm07 does not answer")]


def test_a_repository_with_a_tenth_free_is_not_filling(catalog: Catalog) -> None:
    with writing(catalog) as rows:
        rows.vault("main", used_bytes=90, free_bytes=10)
    assert attention(catalog) == []
