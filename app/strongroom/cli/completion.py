"""What the shell offers after TAB: the catalog's own names. A catalog that cannot be read offers nothing, in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

MOST_NAMES = 500


def vault_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of vaults."""

    def read(session: Session, _vault_id: int | None) -> Iterable[str]:
        from strongroom.catalog.queries.vaults import vaults

        return (row.name for row in vaults(session).items)

    return _names(ctx, incomplete, read)


def machine_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of items and of machines that may be registered."""

    def read(session: Session, vault_id: int | None) -> Iterable[str]:
        from strongroom.catalog.queries.page import Page
        from strongroom.catalog.queries.registered import registered

        found = registered(session, vault_id, page=Page(limit=MOST_NAMES)).items if vault_id is not None else ()
        return _told_apart((row.cloud_service, row.name) for row in found)

    return _names(ctx, incomplete, read)


def item_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of registered items."""

    def read(session: Session, vault_id: int | None) -> Iterable[str]:
        from strongroom.catalog.queries.page import Page
        from strongroom.catalog.queries.registered import registered

        found = registered(session, vault_id, page=Page(limit=MOST_NAMES)).items if vault_id is not None else ()
        return _told_apart((row.cloud_service, row.name) for row in found if row.item_id is not None)

    return _names(ctx, incomplete, read)


def policy_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the vault's policies."""

    def read(session: Session, vault_id: int | None) -> Iterable[str]:
        from strongroom.catalog.queries.policies import policies

        return (row.name for row in policies(session, vault_id).items) if vault_id is not None else ()

    return _names(ctx, incomplete, read)


def _told_apart(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """NAME where it is the only one, SERVICE/NAME where it is not."""
    known = list(pairs)
    names = [name for _, name in known]
    return [name if names.count(name) == 1 else f"{service}/{name}" for service, name in known]


def _names(ctx: typer.Context, incomplete: str, read: Callable[[Session, int | None], Iterable[str]]) -> list[str]:
    from strongroom.cli.invocation import Invocation
    from strongroom.domain.errors import StrongroomError

    invocation = ctx.find_root().obj
    invocation = invocation if isinstance(invocation, Invocation) else Invocation()
    try:
        context = invocation.context(create=False)
        with context.catalog.read() as session:
            found = [name for name in read(session, _vault_id(invocation)) if name.startswith(incomplete)]
    except StrongroomError:
        return []
    finally:
        invocation.close()
    return [name for name in found if name.isprintable()]


def _vault_id(invocation: object) -> int | None:
    from strongroom.cli.invocation import Invocation
    from strongroom.engine.errors import VaultNotFound, VaultRequired

    if not isinstance(invocation, Invocation):
        return None
    try:
        return invocation.vault_id()
    except (VaultNotFound, VaultRequired):
        return None
