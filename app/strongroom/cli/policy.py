"""``strongroom policy``: create, edit, copy, delete, list, preview (features A7, A8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from strongroom.cli import policy_options as given
from strongroom.cli.everywhere import Leaf, noun
from strongroom.cli.formats import local_time
from strongroom.cli.invocation import Invocation, asked
from strongroom.cli.lookup import one_policy
from strongroom.cli.options import AfterOption, LimitOption, PolicyName, TextOption, page
from strongroom.cli.output import Column
from strongroom.cli.terminal import require_typed

if TYPE_CHECKING:
    from strongroom.domain.policy import PolicySpec

app = noun("Policies: when to back up and how long to keep.")
NewName = Annotated[str, typer.Argument(metavar="NAME", help="The new policy's name.")]


def _in_words(row: Any) -> str:
    from strongroom.domain.policy import PolicySpec, in_words

    return in_words(PolicySpec.from_json(row.spec))


_COLUMNS = (
    Column("Name", lambda row: row.name),
    Column("Machines", lambda row: row.machines, right=True),
    Column("Rules", _in_words),
)


@app.command(cls=Leaf)
def create(  # noqa: PLR0913  (one argument per option)
    ctx: typer.Context,
    *,
    name: NewName,
    daily_at: given.DailyOption = None,
    hourly_every: given.HourlyOption = None,
    window_from: given.FromOption = None,
    window_until: given.UntilOption = None,
    weekly_on: given.WeeklyOption = None,
    monthly_on_day: given.MonthlyDayOption = None,
    monthly_on: given.MonthlyWeekdayOption = None,
    at: given.AtOption = None,
    time_zone: given.TimeZoneOption = None,
    keep_days: given.KeepDaysOption = None,
    keep_weeks: given.KeepWeeksOption = None,
    keep_months: given.KeepMonthsOption = None,
    keep_years: given.KeepYearsOption = None,
    keep_last: given.KeepLastOption = None,
    consistency: given.ConsistencyOption = None,
    attempts: given.AttemptsOption = None,
    start_window_hours: given.StartWindowOption = None,
) -> None:
    """Make a policy, for example: strongroom policy create nightly --daily-at 22:00 --keep-days 30."""
    from strongroom.engine.policies import create_policy

    run = asked(ctx)
    when = given.ScheduleOptions(time_zone, hourly_every, window_from, window_until, daily_at, at, weekly_on, monthly_on_day, monthly_on)
    rules = given.RuleOptions(keep_days, keep_weeks, keep_months, keep_years, keep_last, consistency, attempts, start_window_hours)
    spec = _spec(when, rules, None)
    policy_id = create_policy(run.context(), run.vault_id(), name, spec)
    _answer(run, policy_id, name, spec, "was created")


@app.command(cls=Leaf)
def edit(  # noqa: PLR0913  (one argument per option)
    ctx: typer.Context,
    *,
    name: PolicyName,
    daily_at: given.DailyOption = None,
    hourly_every: given.HourlyOption = None,
    window_from: given.FromOption = None,
    window_until: given.UntilOption = None,
    weekly_on: given.WeeklyOption = None,
    monthly_on_day: given.MonthlyDayOption = None,
    monthly_on: given.MonthlyWeekdayOption = None,
    at: given.AtOption = None,
    time_zone: given.TimeZoneOption = None,
    keep_days: given.KeepDaysOption = None,
    keep_weeks: given.KeepWeeksOption = None,
    keep_months: given.KeepMonthsOption = None,
    keep_years: given.KeepYearsOption = None,
    keep_last: given.KeepLastOption = None,
    consistency: given.ConsistencyOption = None,
    attempts: given.AttemptsOption = None,
    start_window_hours: given.StartWindowOption = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="NAME", help="The policy's name again, where points would expire.")
    ] = None,
) -> None:
    """Change the given rules of a policy; the others stay. The points of its machines expire as the new rules say, and what would expire at once is shown first."""
    from strongroom.engine.policies import edit_policy

    run = asked(ctx)
    row = one_policy(run.context(), run.vault_id(), name)
    when = given.ScheduleOptions(time_zone, hourly_every, window_from, window_until, daily_at, at, weekly_on, monthly_on_day, monthly_on)
    rules = given.RuleOptions(keep_days, keep_weeks, keep_months, keep_years, keep_last, consistency, attempts, start_window_hours)
    spec = _spec(when, rules, row.spec)
    _accept_expiry(run, row.policy_id, row.name, spec, confirm)
    edit_policy(run.context(), row.policy_id, spec)
    _answer(run, row.policy_id, row.name, spec, "was changed")


def _accept_expiry(run: Invocation, policy_id: int, name: str, spec: PolicySpec, confirm: str | None) -> None:
    """Show which points the edit would let expire at once; that must be wanted (feature A8)."""
    from strongroom.domain.errors import InvalidInput
    from strongroom.engine.policies import edit_would_expire

    would = edit_would_expire(run.context(), policy_id, spec)
    if not would:
        return
    for machine, taken_at in would:
        run.output.say(f"{machine}: the point of {local_time(taken_at)} would expire")
    question = f"{len(would)} recovery point(s) would go with the next prune. Type the policy's name:"
    if require_typed(f"Letting {len(would)} recovery point(s) expire", confirm, f"--confirm {name}", question) != name:
        raise InvalidInput("The policy was not changed", cause="that is not its name", action="Type the policy's name exactly.")


def _spec(when: given.ScheduleOptions, rules: given.RuleOptions, former: dict[str, Any] | None) -> PolicySpec:
    from strongroom.domain.policy import PolicySpec

    return PolicySpec.from_json({**rules.record(former), "schedule": when.record(former["schedule"] if former else None)})


def _answer(run: Invocation, policy_id: int, name: str, spec: PolicySpec, what: str) -> None:
    from strongroom.domain.policy import in_words

    words = in_words(spec)
    run.output.done({"policy_id": policy_id, "name": name, "spec": spec.to_json(), "words": words}, f"Policy {name} {what}: {words}.")


@app.command(cls=Leaf)
def copy(ctx: typer.Context, name: PolicyName, new_name: NewName) -> None:
    """Make a policy with the rules of another."""
    from strongroom.engine.policies import copy_policy

    run = asked(ctx)
    row = one_policy(run.context(), run.vault_id(), name)
    policy_id = copy_policy(run.context(), row.policy_id, new_name)
    run.output.done({"policy_id": policy_id, "name": new_name, "spec": row.spec}, f"Policy {new_name} was made as a copy of {row.name}.")


@app.command(cls=Leaf)
def delete(ctx: typer.Context, name: PolicyName) -> None:
    """Delete a policy that no machine uses."""
    from strongroom.engine.policies import delete_policy

    run = asked(ctx)
    row = one_policy(run.context(), run.vault_id(), name)
    delete_policy(run.context(), row.policy_id)
    run.output.done({"policy_id": row.policy_id, "name": row.name, "deleted": True}, f"Policy {row.name} was deleted.")


@app.command("list", cls=Leaf)
def list_(ctx: typer.Context, text: TextOption = "", limit: LimitOption = 200, after: AfterOption = None) -> None:
    """List the vault's policies."""
    from strongroom.catalog.queries.policies import policies

    run = asked(ctx)
    vault_id = run.vault_id()
    with run.context().catalog.read() as session:
        found = policies(session, vault_id, text=text, page=page(limit, after))
    run.output.items(
        found.items,
        _COLUMNS,
        after=found.next,
        empty="There is no policy yet: strongroom policy create NAME --daily-at 22:00 --keep-days 30",
    )


@app.command(cls=Leaf)
def preview(
    ctx: typer.Context,
    name: PolicyName,
    runs: Annotated[int, typer.Option("--runs", metavar="N", min=1, max=1000, help="How many of the next runs to show.")] = 5,
) -> None:
    """Show a policy's next runs, and how many points it holds once its longest tier is full."""
    from strongroom.domain.policy import PolicySpec, in_words
    from strongroom.domain.preview import preview as simulate

    run = asked(ctx)
    row = one_policy(run.context(), run.vault_id(), name)
    spec = PolicySpec.from_json(row.spec)
    seen = simulate(spec, run.context().clock.now(), runs=runs)
    words = in_words(spec)
    lines = {"Policy": row.name, "Rules": words, "Machines": str(row.machines)}
    lines |= {f"Run {place}": f"{slot} {spec.zone}, here {local_time(slot.due_at)}" for place, slot in enumerate(seen.next_runs, 1)}
    lines["Holds"] = f"{seen.points_when_full} points per machine from {local_time(seen.full_at)} on"
    answer = {"policy_id": row.policy_id, "name": row.name, "words": words, "spec": row.spec}
    answer |= {"next_runs": seen.next_runs, "points_when_full": seen.points_when_full, "full_at": seen.full_at}
    run.output.thing(answer, lines)
