"""One run of the command line: which installation, which vault, in which form the answer is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from strongroom.cli.output import Output

if TYPE_CHECKING:
    from strongroom.config import Paths
    from strongroom.engine.context import Context


@dataclass(slots=True)
class Invocation:
    """What the options of every command said; opens the catalog once, when a command first needs it."""

    home: str | None = None
    vault_name: str | None = None
    as_json: bool = False
    operator: str | None = None
    one_line_errors: bool = False
    _context: Context | None = field(default=None, repr=False)

    @property
    def output(self) -> Output:
        return Output(as_json=self.as_json, one_line_errors=self.one_line_errors)

    @property
    def paths(self) -> Paths:
        """The installation's places; raises ``InstallationForbidden``."""
        from strongroom.config import find_paths

        return find_paths(self.home)

    def context(self, *, create: bool = True, lost: bool = False) -> Context:
        """The open context; a missing catalog is made unless ``create`` is False. Raises what ``open_context`` raises.

        An installation that holds keys but no catalog has lost it: an empty one is made only for ``rebuild``, which says ``lost``.
        """
        if self._context is None:
            from strongroom.bootstrap import open_context

            if not lost:
                _refuse_lost(self.paths)
            self._context = open_context(self.home, self.operator, create=create)
        return self._context

    def vault_id(self) -> int:
        """The vault named by ``--vault``, or the only one. Raises ``VaultNotFound``, ``VaultRequired``."""
        from strongroom.engine.vaults import choose_vault

        return choose_vault(self.context(), self.vault_name)

    def optional_vault_id(self) -> int | None:
        """The vault if one was named; names of machines are looked for in all of them otherwise."""
        return self.vault_id() if self.vault_name else None

    def close(self) -> None:
        """Close the catalog if it was opened."""
        if self._context is not None:
            self._context.catalog.close()
            self._context = None


def asked(ctx: typer.Context) -> Invocation:
    """The invocation that a command runs in."""
    return ctx.ensure_object(Invocation)


def _refuse_lost(paths: Paths) -> None:
    if paths.catalog.exists() or not any(paths.keys.glob("*.key")):
        return
    from strongroom.catalog.errors import CatalogMissing

    raise CatalogMissing(
        f"There is no catalog at {paths.catalog}",
        cause="keys of its vaults are there, so the catalog was lost",
        action=f"Bring it back, once for each repository: strongroom rebuild DIR (the usual place: {paths.vaults}/NAME)",
    )
