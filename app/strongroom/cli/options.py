"""Arguments and options that several nouns share, with their completion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.completion import item_names, machine_names, policy_names

if TYPE_CHECKING:
    from strongroom.catalog.queries.page import Page

LimitOption = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="At most so many.")]
AfterOption = Annotated[str | None, typer.Option("--after", metavar="CURSOR", help="Go on where «next» of the last answer says.")]
TextOption = Annotated[str, typer.Option("--text", help="Only what has this in its name or cloud service.")]
MachineNames = Annotated[list[str], typer.Argument(metavar="NAME", help="NAME, or SERVICE/NAME.", autocompletion=machine_names)]
MachineName = Annotated[str, typer.Argument(metavar="NAME", help="NAME, or SERVICE/NAME.", autocompletion=machine_names)]
ItemNames = Annotated[list[str], typer.Argument(metavar="NAME", help="NAME, or SERVICE/NAME.", autocompletion=item_names)]
ItemName = Annotated[str, typer.Argument(metavar="NAME", help="NAME, or SERVICE/NAME.", autocompletion=item_names)]
PolicyName = Annotated[str, typer.Argument(metavar="POLICY", help="The policy's name.", autocompletion=policy_names)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the audit log.")]
CommentOption = Annotated[str, typer.Option("--comment", help="Anything else, for the audit log.")]
PassphraseOption = Annotated[bool, typer.Option("--passphrase", help="Ask for a passphrase on the terminal.")]
PassphraseFileOption = Annotated[
    Path | None, typer.Option("--passphrase-file", metavar="FILE", help="Read the passphrase from the first line of FILE (- is stdin).")
]
RecoveryKeyToOption = Annotated[
    Path | None,
    typer.Option(
        "--recovery-key-to",
        metavar="FILE",
        help="Write the recovery key and its sheet to a new FILE (mode 0600); counts as confirmed.",
    ),
]
RecoveryKeyFileOption = Annotated[
    Path | None, typer.Option("--recovery-key-file", metavar="FILE", help="Read the recovery key from the first line of FILE (- is stdin).")
]


def page(limit: int, after: str | None) -> Page:
    """The page of a list that was asked for."""
    from strongroom.catalog.queries.page import Page

    return Page(limit=limit, after=after)
