"""``strongroom job``: list, show, watch, cancel, retry, log (features A13, A18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import moments
from strongroom.cli.completion import item_names
from strongroom.cli.everywhere import Leaf, noun
from strongroom.cli.exits import ExitCode, of_kind, of_many
from strongroom.cli.formats import duration, local_time, percent, size
from strongroom.cli.invocation import Invocation, asked
from strongroom.cli.lookup import one_item, one_job
from strongroom.cli.options import AfterOption, LimitOption, TextOption, page
from strongroom.cli.output import Column
from strongroom.cli.plain import plain
from strongroom.cli.submitting import WaitOption, conclude, start_service
from strongroom.cli.watching import error_of, follow, title
from strongroom.domain.progress import Progress
from strongroom.domain.states import ENDED, JobStatus, Operation, WorkloadType

if TYPE_CHECKING:
    from datetime import datetime

    from strongroom.catalog.queries.jobs import JobDetails, JobRow, SubTaskRow
    from strongroom.engine.submission import Submitted

app = noun("Jobs: what runs, what ran and how it ended.")
JobId = Annotated[int, typer.Argument(metavar="JOB", help="The job's number.")]
JobIds = Annotated[list[int], typer.Argument(metavar="JOB", help="The jobs' numbers.")]


def _progress(row: JobRow) -> str:
    if row.status in ENDED:
        return ""
    progress = Progress.from_json(row.progress)
    return percent(progress.fraction) if progress.total_bytes else row.waiting_for.partition(":")[0]


def _columns(now: datetime) -> tuple[Column, ...]:
    return (
        Column("Job", lambda row: row.job_id, right=True),
        Column("Workload Name", lambda row: row.workload_name),
        Column("Cloud Service", lambda row: row.cloud_service),
        Column("Type", lambda row: row.workload_type, spare=3),
        Column("Operation", lambda row: row.operation),
        Column("Status", lambda row: row.status),
        Column("Started On", lambda row: local_time(row.started_at)),
        Column("Duration", lambda row: duration(_seconds(row, now)), right=True, spare=2),
        Column("Progress", _progress, spare=1),
    )


_CSV = (
    Column("job", lambda row: row.job_id),
    Column("workload_name", lambda row: row.workload_name),
    Column("cloud_service", lambda row: row.cloud_service),
    Column("type", lambda row: row.workload_type),
    Column("operation", lambda row: row.operation),
    Column("status", lambda row: row.status),
    Column("started_at", lambda row: row.started_at),
    Column("duration_seconds", lambda row: row.duration_seconds),
    Column("read_bytes", lambda row: row.progress.get("read_bytes")),
    Column("stored_bytes", lambda row: row.progress.get("stored_bytes")),
    Column("error", lambda row: row.error.get("code")),
)


def _seconds(row: JobRow, now: datetime) -> float | None:
    """What has passed for a job that still runs, too."""
    if row.duration_seconds is None and row.started_at is not None and row.status not in ENDED:
        return (now - row.started_at).total_seconds()
    return row.duration_seconds


@app.command("list", cls=Leaf)
def list_(  # noqa: PLR0913  (one argument per option)
    ctx: typer.Context,
    *,
    status: Annotated[
        list[JobStatus] | None, typer.Option("--status", case_sensitive=False, help="Only this status; may be repeated.")
    ] = None,
    operation: Annotated[Operation | None, typer.Option("--operation", case_sensitive=False, help="Only this operation.")] = None,
    workload_type: Annotated[WorkloadType | None, typer.Option("--type", case_sensitive=False, help="Only this workload type.")] = None,
    item: Annotated[str | None, typer.Option("--item", metavar="NAME", help="Only this item's jobs.", autocompletion=item_names)] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="WHEN", help=f"Started at or after {moments.HELP}.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Started before that time.")] = None,
    batch: Annotated[str, typer.Option("--batch", help="Only the jobs of one command or bulk action.")] = "",
    text: TextOption = "",
    limit: LimitOption = 50,
    after: AfterOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values with a heading, for spreadsheets.")] = False,
) -> None:
    """List jobs, newest first."""
    from strongroom.catalog.queries.jobs import JobFilter, jobs

    run = asked(ctx)
    context = run.context()
    now = context.clock.now()
    wanted = JobFilter(
        vault_id=run.optional_vault_id(),
        type=workload_type,
        statuses=frozenset(status or ()),
        operation=operation,
        since=moments.in_past(since, now) if since else None,
        until=moments.in_past(until, now) if until else None,
        text=text,
        batch=batch,
        item_id=one_item(context, run.optional_vault_id(), item).item_id if item else None,
    )
    with context.catalog.read() as session:
        found = jobs(session, wanted, page=page(limit, after))
    if as_csv and not run.as_json:
        run.output.csv(found.items, _CSV)
        return
    run.output.items(found.items, _columns(now), after=found.next, empty="No job fits.")


@app.command(cls=Leaf)
def show(ctx: typer.Context, job: JobId) -> None:
    """Show one job: its sub-tasks, bytes, result or error."""
    run = asked(ctx)
    details = one_job(run.context(), job)
    if run.as_json:
        run.output.json(_as_object(details))
        return
    row = details.row
    lines = {
        "Job": row.job_id,
        "Operation": row.operation,
        "Workload": f"{row.cloud_service}/{row.workload_name}" if row.cloud_service else row.workload_name,
        "Vault": details.vault_name,
        "Status": row.status,
        "Waiting for": row.waiting_for,
        "Asked by": f"{row.caller} ({row.trigger.value}, attempt {row.attempt})",
        "Queued": local_time(row.queued_at),
        "Started": local_time(row.started_at),
        "Duration": duration(_seconds(row, run.context().clock.now())),
    }
    run.output.thing(row, lines | _bytes(row) | _steps(details) | _ending(details))


def _as_object(details: JobDetails) -> object:
    """The row's fields and the details' side by side."""
    record = plain(details)
    return {**record.pop("row"), **record}


def _bytes(row: JobRow) -> dict[str, str]:
    progress = Progress.from_json(row.progress)
    if not progress.total_bytes:
        return {}
    moved = f"{size(progress.read_bytes)} read, {size(progress.new_bytes)} new, {size(progress.stored_bytes)} stored"
    shown = {"Passed": f"{size(progress.done_bytes)} of {size(progress.total_bytes)} ({percent(progress.fraction)})", "Moved": moved}
    if row.status not in ENDED:
        shown["Rate"] = f"{size(int(progress.bytes_per_second))}/s, {duration(progress.remaining_seconds)} left"
    return shown


def _steps(details: JobDetails) -> dict[str, str]:
    return {f"Step {step.position + 1}": _step(step) for step in details.sub_tasks}


def _step(step: SubTaskRow) -> str:
    parts = [step.name, step.status.value, duration(step.duration_seconds) if step.duration_seconds is not None else "", step.detail]
    return "  ".join(part for part in parts if part)


def _ending(details: JobDetails) -> dict[str, object]:
    shown: dict[str, object] = {f"Warning {place}": warning for place, warning in enumerate(details.warnings, 1)}
    if details.point_id is not None:
        shown["Recovery point"] = details.point_id
    told, labels = error_of(details.row), {"message": "Error", "cause": "Cause", "action": "Do"}
    return shown | {label: told[key] for key, label in labels.items() if told.get(key)}


@app.command(cls=Leaf)
def watch(ctx: typer.Context, jobs: JobIds) -> ExitCode:
    """Follow jobs to their end and return their exit code. Ctrl-C leaves them running."""
    run = asked(ctx)
    if any(one_job(run.context(), job).row.status not in ENDED for job in jobs):
        start_service(run, required=True)
    code = follow(run, jobs)
    if run.as_json:
        run.output.items([one_job(run.context(), job).row for job in jobs], ())
    return code


@app.command(cls=Leaf)
def cancel(ctx: typer.Context, jobs: JobIds, wait: WaitOption = False) -> ExitCode:
    """Cancel jobs. What they have half done is undone; points that are committed stay."""
    from strongroom.engine.jobs.control import request_cancel

    run = asked(ctx)
    asked_for = request_cancel(run.context(), jobs)
    if wait:
        follow(run, asked_for.job_ids)
    rows = [one_job(run.context(), job).row for job in asked_for.job_ids]
    if run.as_json:
        run.output.json({"jobs": plain(rows), "refused": plain(asked_for.refused)})
        return _cancelled(asked_for)
    for row in rows:
        run.output.text(f"{title(row)}  {row.status.value}")
    for refusal in asked_for.refused:
        run.output.error(refusal.error)
    return _cancelled(asked_for)


def _cancelled(asked_for: Submitted) -> ExitCode:
    """Done where every job was asked to end; its end itself is what --wait shows."""
    refusals = [of_kind(refusal.error["kind"]) for refusal in asked_for.refused]
    return of_many([*(ExitCode.DONE for _ in asked_for.job_ids), *refusals])


@app.command(cls=Leaf)
def retry(ctx: typer.Context, job: JobId, wait: WaitOption = False) -> ExitCode:
    """Run a failed or cancelled job again, as a new job."""
    from strongroom.engine.jobs.control import retry_job

    run = asked(ctx)
    return conclude(run, retry_job(run.context(), job), wait=wait)


@app.command(cls=Leaf)
def log(ctx: typer.Context, job: JobId) -> None:
    """Print a job's log."""
    from strongroom.engine.jobs.control import job_log

    run = asked(ctx)
    one_job(run.context(), job)
    text = job_log(run.context(), job)
    if run.as_json:
        run.output.json({"job_id": job, "log": text})
        return
    _print_lines(run, text)


def _print_lines(run: Invocation, text: str) -> None:
    from strongroom.domain.text import safe_text

    for line in text.splitlines():
        run.output.text(safe_text(line))
