"""Names as operators type them, NAME or SERVICE/NAME, become rows; an ambiguous name lists its candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from strongroom.engine.errors import JobNotFound, MachineNotFound, NameAmbiguous, PointNotFound, PolicyNotFound

if TYPE_CHECKING:
    from strongroom.catalog.queries.jobs import JobDetails
    from strongroom.catalog.queries.points import PointRow
    from strongroom.catalog.queries.policies import PolicyRow
    from strongroom.catalog.queries.protected import ProtectedRow
    from strongroom.catalog.queries.registered import RegisteredRow
    from strongroom.engine.context import Context


class Named(Protocol):
    """A row that operators name."""

    @property
    def name(self) -> str: ...

    @property
    def cloud_service(self) -> str: ...


Row = TypeVar("Row", bound=Named)


def one_machine(context: Context, name: str, vault_id: int | None = None) -> RegisteredRow:
    """The discovered or registered machine of that name. Raises ``MachineNotFound``, ``NameAmbiguous``."""
    from strongroom.catalog.queries.registered import find_machine

    with context.catalog.read() as session:
        return _only(name, find_machine(session, name, vault_id))


def one_item(context: Context, vault_id: int | None, name: str) -> ProtectedRow:
    """The registered item of that name. Raises ``MachineNotFound``, ``NameAmbiguous``."""
    from strongroom.catalog.queries.protected import find_item

    with context.catalog.read() as session:
        return _only(name, find_item(session, vault_id, name))


def item_ids(context: Context, vault_id: int | None, names: Iterable[str]) -> list[int]:
    """The ids of several items, each named once."""
    return list(dict.fromkeys(one_item(context, vault_id, name).item_id for name in names))


def one_policy(context: Context, vault_id: int, name: str) -> PolicyRow:
    """The vault's policy of that name. Raises ``PolicyNotFound``."""
    from strongroom.catalog.queries.policies import find_policy

    with context.catalog.read() as session:
        found = find_policy(session, vault_id, name)
    if found is None:
        raise PolicyNotFound(f"The vault has no policy named {name}")
    return found


def one_point(context: Context, point_id: int) -> PointRow:
    """The recovery point of that number. Raises ``PointNotFound``."""
    from strongroom.catalog.queries.points import point

    with context.catalog.read() as session:
        found = point(session, point_id)
    if found is None:
        raise PointNotFound(f"There is no recovery point {point_id}")
    return found


def one_job(context: Context, job_id: int) -> JobDetails:
    """The job of that number. Raises ``JobNotFound``."""
    from strongroom.catalog.queries.jobs import job

    with context.catalog.read() as session:
        found = job(session, job_id)
    if found is None:
        raise JobNotFound(f"There is no job {job_id}")
    return found


def _only(name: str, found: Sequence[Row]) -> Row:
    if not found:
        raise MachineNotFound(f"There is no machine named {name}")
    if len(found) > 1:
        candidates = sorted({f"{row.cloud_service}/{row.name}" for row in found})
        listed = ", ".join(candidates) if len(candidates) > 1 else f"{len(found)} machines are {candidates[0]}; name the vault with --vault"
        raise NameAmbiguous(f"Several machines are named {name}", cause=listed, action="Name one as SERVICE/NAME.")
    return found[0]
