"""What every command that makes jobs answers: their ids at once, or with ``--wait`` how they ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.exits import ExitCode, of_kind, of_many
from strongroom.cli.invocation import Invocation
from strongroom.cli.lookup import one_job
from strongroom.cli.plain import plain
from strongroom.cli.watching import follow, title

if TYPE_CHECKING:
    from strongroom.engine.submission import Submitted

WaitOption = Annotated[bool, typer.Option("--wait", help="Follow the jobs to their end and return their exit code.")]


def conclude(asked: Invocation, submitted: Submitted, *, wait: bool) -> ExitCode:
    """Say which jobs were made and which were refused, see that a service runs them, and follow them if asked to."""
    refusals = [of_kind(refusal.error["kind"]) for refusal in submitted.refused]
    if not asked.as_json:
        _tell(asked, submitted)
    if not submitted.job_ids:
        _answer(asked, submitted, ())
        return of_many(refusals)
    started = start_service(asked, required=wait)
    if not wait or not started:
        _answer(asked, submitted, submitted.job_ids)
        return ExitCode.IN_PART if refusals else ExitCode.DONE
    code = follow(asked, submitted.job_ids)
    _answer(asked, submitted, submitted.job_ids)
    return of_many([code, *refusals]) if refusals else code


def start_service(asked: Invocation, *, required: bool) -> bool:
    """See that a service runs. Without one jobs stay queued, which is said; ``required`` raises ``ServiceNotRunning`` instead."""
    from strongroom.bootstrap import ensure_service
    from strongroom.engine.errors import ServiceNotRunning

    try:
        state = ensure_service(asked.context())
    except ServiceNotRunning as error:
        if required:
            raise
        asked.output.say(f"No service runs, so the jobs wait: {error}")
        return False
    if state.started:
        asked.output.say(f"{state.message[:1].upper()}{state.message[1:]}.")
    return True


def _tell(asked: Invocation, submitted: Submitted) -> None:
    context, output = asked.context(), asked.output
    for job_id in submitted.job_ids:
        output.text(title(one_job(context, job_id).row))
    for refusal in submitted.refused:
        output.error(refusal.error)


def _answer(asked: Invocation, submitted: Submitted, job_ids: Iterable[int]) -> None:
    if asked.as_json:
        rows = [plain(one_job(asked.context(), job_id).row) for job_id in job_ids]
        asked.output.json({"batch": submitted.batch, "jobs": rows, "refused": plain(submitted.refused)})
