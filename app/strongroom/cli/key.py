"""``strongroom key``: the slots that open a vault's repository (feature B2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.ceremony import keep, key_file, shown_text, typed_back
from strongroom.cli.everywhere import Leaf, noun
from strongroom.cli.formats import local_time
from strongroom.cli.invocation import Invocation, asked
from strongroom.cli.options import PassphraseFileOption, PassphraseOption, RecoveryKeyFileOption, RecoveryKeyToOption
from strongroom.cli.terminal import known_passphrase, known_recovery_key, new_passphrase
from strongroom.domain.errors import InvalidInput, StrongroomError

if TYPE_CHECKING:
    from strongroom.engine.keys import NewRecoveryKey
    from strongroom.repository.keys.slot import KeySlot

app = noun("The keys that open a vault's repository.")


@app.command(cls=Leaf)
def show(ctx: typer.Context) -> None:
    """Show the key slots, whether the recovery key was confirmed, and the service's copy. Never shows a key."""
    from strongroom.catalog.queries.vaults import vault
    from strongroom.engine.keys import key_slots

    run = asked(ctx)
    vault_id = run.vault_id()
    with run.context().catalog.read() as session:
        row = vault(session, vault_id)
    assert row is not None  # noqa: S101  (chosen a moment ago)
    slots = key_slots(run.context(), vault_id)
    copy_state = _service_copy(run, row.uid)
    answer = {
        "vault": row.name,
        "repository_id": row.repository_id,
        "recovery_confirmed_at": row.recovery_confirmed_at,
        "service_copy": copy_state,
        "slots": [_slot(slot) for slot in slots],
    }
    lines: dict[str, object] = {
        "Vault": row.name,
        "Repository id": row.repository_id,
        "Recovery key": f"confirmed {local_time(row.recovery_confirmed_at)}" if row.recovery_confirmed_at else "NOT CONFIRMED",
        "Service's copy": copy_state,
    }
    run.output.thing(answer, lines | {f"Slot {slot.id}": f"{slot.kind}, made {slot.created_at} {slot.label}".rstrip() for slot in slots})


def _slot(slot: KeySlot) -> dict[str, str]:
    return {"id": slot.id, "kind": slot.kind, "created_at": slot.created_at, "label": slot.label}


def _service_copy(run: Invocation, vault_uid: str) -> str:
    from strongroom.repository.keys.keyring import read_key_file

    try:
        read_key_file(run.context().paths.key_file(vault_uid))
    except StrongroomError as error:
        return f"{error.code}: {error.message}"
    return "there"


@app.command(cls=Leaf)
def add(
    ctx: typer.Context,
    passphrase: PassphraseOption = False,
    passphrase_file: PassphraseFileOption = None,
    recovery: Annotated[bool, typer.Option("--recovery", help="Make a new recovery key and show it.")] = False,
    recovery_key_to: RecoveryKeyToOption = None,
    service_copy: Annotated[
        bool, typer.Option("--service-copy", help="Bring back the service's own copy, by a passphrase or a recovery key that exists.")
    ] = False,
    recovery_key_file: RecoveryKeyFileOption = None,
    label: Annotated[str, typer.Option("--label", help="A remark shown with the slot.")] = "",
) -> None:
    """Add a passphrase or a recovery key, or bring the service's copy of the key back."""
    from strongroom.engine.keys import add_passphrase_slot

    run = asked(ctx)
    by_passphrase, by_recovery = passphrase or passphrase_file is not None, recovery or recovery_key_to is not None
    if service_copy:
        _bring_back(run, by_passphrase=by_passphrase, passphrase_file=passphrase_file, recovery_key_file=recovery_key_file)
        return
    if by_passphrase == by_recovery or recovery_key_file is not None:
        raise InvalidInput("What should be added?", action="Give --passphrase, --recovery or --service-copy")
    if by_recovery:
        _add_recovery(run, recovery_key_to, label)
        return
    slot = add_passphrase_slot(run.context(), run.vault_id(), new_passphrase(passphrase_file), label)
    run.output.done(_slot(slot), f"Slot {slot.id} was added: a passphrase.")


def _add_recovery(run: Invocation, path: RecoveryKeyToOption, label: str) -> None:
    from strongroom.engine.keys import add_recovery_slot
    from strongroom.engine.vaults import confirm_recovery

    vault_id = run.vault_id()
    with key_file(path) as descriptor:
        made = add_recovery_slot(run.context(), vault_id, label)
        if descriptor is not None:
            keep(descriptor, made.recovery_key, made.sheet)
    if path is None and not run.as_json:
        run.output.text(shown_text(made.recovery_key, made.sheet) + "\n")
    confirmed = path is not None or (not run.as_json and typed_back(made.recovery_key))
    if confirmed:
        confirm_recovery(run.context(), vault_id, made.recovery_key, made.recovery_key.rsplit("-", 1)[-1])
    run.output.done(_added(made, path, confirmed=confirmed), f"Slot {made.slot.id} was added: a recovery key.")
    if not confirmed:
        run.output.say("The new recovery key is not confirmed. Confirm it: strongroom key recovery-sheet")


def _added(made: NewRecoveryKey, path: RecoveryKeyToOption, *, confirmed: bool) -> dict[str, object]:
    answer: dict[str, object] = {**_slot(made.slot), "recovery_confirmed": confirmed}
    if path is not None:
        return answer | {"recovery_key_path": path.absolute()}
    return answer | {"recovery_key": made.recovery_key, "sheet": made.sheet}


def _bring_back(
    run: Invocation, *, by_passphrase: bool, passphrase_file: PassphraseFileOption, recovery_key_file: RecoveryKeyFileOption
) -> None:
    from strongroom.engine.keys import restore_service_copy

    vault_id = run.vault_id()
    if by_passphrase:
        restore_service_copy(run.context(), vault_id, passphrase=known_passphrase(passphrase_file))
    else:
        restore_service_copy(run.context(), vault_id, recovery_key=known_recovery_key(recovery_key_file))
    run.output.done({"vault_id": vault_id, "service_copy": "there"}, "The service has its copy of the key again; waiting jobs go on.")


@app.command(cls=Leaf)
def remove(ctx: typer.Context, slot: Annotated[str, typer.Argument(metavar="SLOT", help="Its id, as key show prints it.")]) -> None:
    """Remove a slot, so that its passphrase or recovery key opens nothing any more; the last one stays."""
    from strongroom.engine.keys import remove_key_slot

    run = asked(ctx)
    remove_key_slot(run.context(), run.vault_id(), slot)
    run.output.done({"id": slot, "removed": True}, f"Slot {slot} was removed.")


@app.command("recovery-sheet", cls=Leaf)
def recovery_sheet(ctx: typer.Context, recovery_key_file: RecoveryKeyFileOption = None) -> None:
    """Print the sheet of a recovery key again. Giving the whole key also confirms that it was kept."""
    from strongroom.engine.keys import sheet_of
    from strongroom.engine.vaults import confirm_recovery_with_key

    run = asked(ctx)
    vault_id = run.vault_id()
    text = known_recovery_key(recovery_key_file)
    slot_id, sheet = sheet_of(run.context(), vault_id, text)
    confirm_recovery_with_key(run.context(), vault_id, text)
    if run.as_json:
        run.output.json({"slot": slot_id, "sheet": sheet, "recovery_confirmed": True})
        return
    run.output.text(sheet)
    run.output.say("The recovery key is confirmed.")
