"""Every vault: its repository's place, its key, the recovery key, the room that is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.cli.checks.finding import Finding, guarded, ok, warn
from strongroom.cli.checks.installation import free_space

if TYPE_CHECKING:
    from strongroom.catalog.queries.vaults import VaultRow
    from strongroom.engine.context import Context


def look(context: Context) -> Iterator[Finding]:
    """The findings of every vault."""
    from strongroom.catalog.queries.vaults import vaults

    with context.catalog.read() as session:
        rows = vaults(session).items
    if not rows:
        yield warn("vaults", "there is none yet", "Make one: strongroom vault create NAME --region REGION")
    for row in rows:
        check = f"vault {row.name}"
        yield from guarded(check, lambda row=row, check=check: _repository(context, row, check))  # type: ignore[misc]
        yield from _confirmations(row, check)


def _repository(context: Context, row: VaultRow, check: str) -> Iterator[Finding]:
    from strongroom.engine.keyring import open_repository
    from strongroom.engine.vaults import vault_by_id

    with context.catalog.read() as session:
        vault = vault_by_id(session, row.vault_id)
    repository = open_repository(context, vault)
    yield ok(check, f"repository {repository.id} opens at {row.repository_path}")
    yield from free_space(check, Path(row.repository_path))


def _confirmations(row: VaultRow, check: str) -> Iterator[Finding]:
    if row.recovery_confirmed_at is None:
        fix = f"Confirm it: strongroom key recovery-sheet --vault {row.name} (lost? strongroom key add --recovery --vault {row.name})"
        yield warn(check, "its recovery key is not confirmed, so no backup runs", fix)
    if not row.tips_confirmed:
        fix = f"Compare them, then: strongroom rebuild --confirm-tips {row.name}"
        yield warn(check, "it was rebuilt and its newest points are not confirmed, so nothing is pruned", fix)
