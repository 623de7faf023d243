"""``strongroom rebuild``: the repository is the truth; a lost catalog comes back from it (feature C4)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.everywhere import Leaf, complete_vaults
from strongroom.cli.exits import ExitCode
from strongroom.cli.invocation import Invocation, asked
from strongroom.cli.options import PassphraseFileOption, PassphraseOption, RecoveryKeyFileOption
from strongroom.cli.plain import plain
from strongroom.cli.terminal import known_passphrase, known_recovery_key, read_text
from strongroom.domain.errors import InvalidInput

if TYPE_CHECKING:
    from strongroom.repository.keys.keyring import MasterKey

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(cls=Leaf)
def rebuild(
    ctx: typer.Context,
    repository: Annotated[Path | None, typer.Argument(metavar="DIR", help="The repository's folder.")] = None,
    passphrase: PassphraseOption = False,
    passphrase_file: PassphraseFileOption = None,
    recovery_key_file: RecoveryKeyFileOption = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="A recovery sheet; opens a repository whose key folder is lost, too.")
    ] = None,
    confirm_tips: Annotated[
        str | None,
        typer.Option(
            "--confirm-tips",
            metavar="VAULT",
            help="The newest points are the right ones: prune and collect may run.",
            autocompletion=complete_vaults,
        ),
    ] = None,
) -> ExitCode:
    """Bring back a vault, its items, policies and recovery points. A key file of this installation is used where one fits."""
    from strongroom.engine.rebuild import rebuild as bring_back

    run = asked(ctx)
    if (repository is None) == (confirm_tips is None):
        raise InvalidInput("Rebuild what?", action="Give the repository's folder, or --confirm-tips VAULT")
    if repository is None:
        return _confirm(run, confirm_tips or "")
    place = str(repository.absolute())
    key = _key(run, place, by_passphrase=passphrase, passphrase_file=passphrase_file, recovery_key_file=recovery_key_file, sheet=sheet)
    done = bring_back(run.context(lost=True), place, key)  # a catalog is made only now that the key fits
    tips = {f"Newest of {name}": tip for name, tip in done.tips.items()}
    lines = {"Vault": done.vault, "Policies": str(done.policies), "Items": str(done.items), "Recovery points": str(done.points), **tips}
    run.output.thing(plain(done), lines | {f"Warning {place}": warning for place, warning in enumerate(done.warnings, 1)})
    run.output.say(f"Compare the newest points with what you know, then: strongroom rebuild --confirm-tips {done.vault}")
    return ExitCode.IN_PART if done.warnings else ExitCode.DONE


def _key(
    run: Invocation,
    place: str,
    *,
    by_passphrase: bool,
    passphrase_file: PassphraseFileOption,
    recovery_key_file: RecoveryKeyFileOption,
    sheet: Path | None,
) -> MasterKey:
    from strongroom.engine.keyring import open_store
    from strongroom.engine.keys import find_service_copy
    from strongroom.repository.keys.keyring import Sheet, unlock_with_passphrase, unlock_with_recovery

    store = open_store(place)
    if sheet is not None:
        parsed = Sheet.parse(read_text(sheet))
        return unlock_with_recovery(parsed, parsed.recovery_key or known_recovery_key(recovery_key_file))
    if by_passphrase or passphrase_file is not None:
        return unlock_with_passphrase(store, known_passphrase(passphrase_file))
    found = find_service_copy(run.paths, place) if recovery_key_file is None else None
    return found or unlock_with_recovery(store, known_recovery_key(recovery_key_file))


def _confirm(run: Invocation, name: str) -> ExitCode:
    from strongroom.engine.rebuild import confirm_tips

    run.vault_name = name
    vault_id = run.vault_id()
    confirm_tips(run.context(), vault_id)
    run.output.done({"vault_id": vault_id, "name": name, "tips_confirmed": True}, f"The newest points of vault {name} are confirmed.")
    return ExitCode.DONE
