"""Protect (feature A7), Change policy, and Resume: machines, and an existing policy or a new one made in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Select, Static

from strongroom.catalog.queries.policies import PolicyRow, policies
from strongroom.domain.errors import InvalidInput
from strongroom.domain.policy import PolicySpec, in_words
from strongroom.domain.preview import preview
from strongroom.engine.policies import create_policy
from strongroom.engine.protection import request_protect
from strongroom.engine.submission import Submitted
from strongroom.tui.screens.dialog import Dialog
from strongroom.tui.states import Role, line, lines, styled
from strongroom.tui.units import count, short_moment
from strongroom.tui.widgets.columns import Column
from strongroom.tui.widgets.field import Field, text_field
from strongroom.tui.widgets.policy_fields import PolicyFields
from strongroom.tui.widgets.table import Cell, Row, Table

_NEW = -1


class ProtectScreen(Dialog[None]):
    """``machines`` are (item id, name); with ``preselected`` all of them are marked."""

    width_class = "-large"

    def __init__(self, machines: Sequence[tuple[int, str]], *, preselected: bool, changes: bool = False) -> None:
        super().__init__()
        self.verb = "Save" if changes else "Protect"
        self._machines = tuple(machines)
        self._changes = changes
        self.table = Table((Column("Machine", 20, weight=1),), id="rows")
        self.table.marks = {str(item_id) for item_id, _name in machines} if preselected else set()
        self._policies: tuple[PolicyRow, ...] = ()

    def title_words(self) -> str:
        return "Change policy" if self._changes else "Protect Items"

    def fields(self) -> Iterable[Widget]:
        yield Static(line(("space", Role.ACCENT), " marks the machines, ", ("tab", Role.ACCENT), " goes to the policy."), classes="lead")
        yield self.table
        yield Field("Policy", Select[int]([(styled("New daily policy …"), _NEW)], value=_NEW, allow_blank=False, compact=True, id="policy"))
        yield Field("Name", text_field("policy-name", "nightly"))
        yield PolicyFields(self.room.now)
        yield Static(id="chosen")

    def on_mount(self) -> None:
        super().on_mount()
        self.table.show([Row(str(item_id), (Cell(name, Role.STRONG),)) for item_id, name in self._machines])
        self.table.styles.height = min(len(self._machines) + 1, 6)
        self.table.focus()
        vault_id = self.room.vault_id
        self.room.requests.read(lambda session: policies(session, vault_id).items, self._arrived)

    def _arrived(self, found: tuple[PolicyRow, ...]) -> None:
        self._policies = found
        select = self.query_one("#policy", Select)
        select.set_options([*((styled(policy.name), policy.policy_id) for policy in found), (styled("New daily policy …"), _NEW)])
        select.value = found[0].policy_id if found else _NEW
        self._show_policy()

    @on(Select.Changed, "#policy")
    @on(Table.Marked)
    @on(Table.Moved)
    def _show_policy(self) -> None:
        new = self._policy is None
        self.query_one(PolicyFields).display = new
        self.query_one("#policy-name").parent.display = new  # type: ignore[union-attr]
        self.query_one("#chosen", Static).update(self._consequences())

    def _consequences(self) -> Content:
        """What will happen, in words."""
        jobs = f"{count(len(self._chosen), 'Configure Protection job')} will be created."
        policy = self._policy
        if policy is None:
            return line((jobs, Role.QUIET))
        spec, now = PolicySpec.from_json(policy.spec), self.room.now()
        seen = preview(spec, now, runs=3)
        runs = " · ".join(short_moment(run.due_at, now) for run in seen.next_runs)
        return lines(
            line((in_words(spec), Role.STRONG)),
            line((f"next runs {runs} · about {count(seen.points_when_full, 'point')} for each machine when full", Role.QUIET)),
            line((f"First backup {short_moment(seen.next_runs[0].due_at, now)}, or Backup Now. {jobs}", Role.QUIET)),
        )

    @property
    def _policy(self) -> PolicyRow | None:
        value = self.query_one("#policy", Select).value
        return next((policy for policy in self._policies if policy.policy_id == value), None)

    @property
    def _chosen(self) -> list[int]:
        return [int(key) for key in self.table.chosen_keys]

    @on(Table.Chosen)
    def _enter(self) -> None:
        self.query_one("#proceed" if self._policy else "#policy-name").focus()

    def proceed(self) -> None:
        if not self._chosen:
            self.complain("Choose at least one machine")
            return
        policy = self._policy
        try:
            spec = None if policy else self.query_one(PolicyFields).spec()
        except InvalidInput as error:
            self.complain(error.message, error.action)
            return
        self._request(policy, spec)

    def _request(self, policy: PolicyRow | None, spec: PolicySpec | None) -> None:
        context, vault_id, ids = self.room.context, self.room.vault_id, self._chosen
        name = policy.name if policy else self.value("policy-name")

        def work() -> Submitted:
            policy_id = policy.policy_id if policy else create_policy(context, vault_id, name, spec)  # type: ignore[arg-type]
            return request_protect(context, ids, policy_id)

        self.attempt(work, lambda submitted: self._protected(submitted, name))

    def _protected(self, submitted: Submitted, policy_name: str) -> None:
        room = self.room
        self.dismiss(None)
        made = count(len(submitted.job_ids), "Configure Protection job")
        room.submitted(submitted, f"Successfully created {made} for policy {policy_name}.")
