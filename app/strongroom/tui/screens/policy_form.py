"""New, Edit and Copy of a policy (feature A8), for daily schedules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from textual.widget import Widget
from textual.widgets import Static

from strongroom.catalog.queries.policies import PolicyRow
from strongroom.domain.errors import InvalidInput
from strongroom.domain.policy import PolicySpec
from strongroom.domain.schedule import Daily
from strongroom.engine.policies import copy_policy, create_policy, edit_policy, edit_would_expire
from strongroom.tui.screens.confirm import ConfirmScreen
from strongroom.tui.screens.dialog import Dialog
from strongroom.tui.states import Role, line
from strongroom.tui.units import count, minute
from strongroom.tui.widgets.field import Field, text_field
from strongroom.tui.widgets.policy_fields import PolicyFields

_NAMED_POINTS = 5


class PolicyScreen(Dialog[None]):
    """Makes a policy, or changes the given one."""

    verb = "Save"
    width_class = "-large"

    def __init__(self, policy: PolicyRow | None = None) -> None:
        super().__init__()
        self._policy = policy
        self._spec = PolicySpec.from_json(policy.spec) if policy else None

    def title_words(self) -> str:
        return f"Edit policy {self._policy.name}" if self._policy else "New policy"

    def fields(self) -> Iterable[Widget]:
        if self._policy is None:
            yield Field("Name", text_field("policy-name", placeholder="for example nightly"))
        elif self._policy.machines:
            words = f"The recovery points of {count(self._policy.machines, 'machine')} will follow the new rules at once."
            yield Static(line((words, Role.WARN)), classes="lead")
        if self._spec is None or isinstance(self._spec.schedule, Daily):
            yield PolicyFields(self.room.now, self._spec)
        else:
            yield Static(line("This form edits daily schedules; change this one with strongroom policy edit."))

    def proceed(self) -> None:
        fields = self.query(PolicyFields)
        if not fields:
            self.action_decline()
            return
        try:
            spec = fields.first().spec()
        except InvalidInput as error:
            self.complain(error.message, error.action)
            return
        self._save(spec)

    def _save(self, spec: PolicySpec) -> None:
        context, vault_id, policy = self.room.context, self.room.vault_id, self._policy
        if policy is None:
            name = self.value("policy-name")
            self.attempt(lambda: create_policy(context, vault_id, name, spec), lambda _: self._saved(name))
        else:
            self.attempt(lambda: edit_would_expire(context, policy.policy_id, spec), lambda lost: self._edit(policy, spec, lost))

    def _edit(self, policy: PolicyRow, spec: PolicySpec, lost: Sequence[tuple[str, datetime]]) -> None:
        """Save at once if no point would expire; else say which, and ask."""
        context = self.room.context

        def answered(sure: bool | None) -> None:
            if sure:
                self.attempt(lambda: edit_policy(context, policy.policy_id, spec), lambda _: self._saved(policy.name))

        if lost:
            self.app.push_screen(_expiry_question(policy, lost), answered)
        else:
            answered(True)

    def _saved(self, name: str) -> None:
        room = self.room
        self.dismiss(None)
        room.say(f"Saved policy {name}.")


def _expiry_question(policy: PolicyRow, lost: Sequence[tuple[str, datetime]]) -> ConfirmScreen:
    """Which points an edit lets expire: the first few by name, the others by their number."""
    named = [f"{machine}, {minute(taken_at)}" for machine, taken_at in lost[:_NAMED_POINTS]]
    rest = [f"and {len(lost) - _NAMED_POINTS:,} more"] if len(lost) > _NAMED_POINTS else []
    consequence = f"{count(len(lost), 'recovery point')} expire at once and are removed by the next prune:"
    return ConfirmScreen(f"Save policy {policy.name}?", consequence, "Save", "Cancel", (*named, *rest))


class CopyPolicyScreen(Dialog[None]):
    """A new policy with the rules of another."""

    verb = "Copy"
    width_class = "-small"

    def __init__(self, policy: PolicyRow) -> None:
        super().__init__()
        self._policy = policy

    def title_words(self) -> str:
        return f"Copy policy {self._policy.name}"

    def fields(self) -> Iterable[Widget]:
        yield Field("New name", text_field("copy-name", f"{self._policy.name}-copy"))

    def proceed(self) -> None:
        name, context, policy = self.value("copy-name"), self.room.context, self._policy
        self.attempt(lambda: copy_policy(context, policy.policy_id, name), lambda _: self._copied(name))

    def _copied(self, name: str) -> None:
        room = self.room
        self.dismiss(None)
        room.say(f"Saved policy {name}.")
