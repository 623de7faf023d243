"""Sources: add and remove the places where machines run (feature A3)."""

from __future__ import annotations

from sqlmodel import Session, col, select

from strongroom.catalog.entities import Item, Machine, Source
from strongroom.domain.errors import InvalidInput
from strongroom.engine.audit import note
from strongroom.engine.context import Context
from strongroom.engine.errors import SourceExists, SourceInUse, SourceNotFound
from strongroom.providers.registry import canonical_address, workload_type_of


def add_source(context: Context, address: str, region: str) -> int:
    """Remember a source; nothing is contacted before the first discovery. Raises ``ProviderUnknown``, ``SourceInvalid``, ``SourceExists``."""
    if not region.strip():
        raise InvalidInput("A source needs a region", action="Give one, for example --region de-berlin")
    canonical = canonical_address(address)
    workload = workload_type_of(canonical)
    with context.catalog.write() as session:
        if session.exec(select(Source).where(Source.address == canonical)).first():
            raise SourceExists(f"Source {canonical} was added before", action="Discover it: strongroom source discover")
        source = Source(address=canonical, region=region.strip(), workload_type=workload, added_at=context.clock.now())
        session.add(source)
        note(session, context, "Add source", canonical, region=source.region)
        session.flush()
        return source.id or 0


def remove_source(context: Context, source_id: int) -> None:
    """Forget a source and its discovered machines; refused while one of them is registered (``SourceInUse``)."""
    with context.catalog.write() as session:
        source = source_by_id(session, source_id)
        query = select(Item.name).join(Machine, col(Machine.id) == col(Item.machine_id)).where(Machine.source_id == source_id)
        registered = sorted(session.exec(query))
        if registered:
            raise SourceInUse(f"Source {source.address} is in use", cause=f"registered: {', '.join(registered[:10])}")
        session.delete(source)
        note(session, context, "Remove source", source.address)


def source_by_id(session: Session, source_id: int) -> Source:
    """The source's row or ``SourceNotFound``."""
    source = session.get(Source, source_id)
    if source is None:
        raise SourceNotFound(f"There is no source {source_id}")
    return source


def find_source(context: Context, address: str) -> int:
    """The id of the source with this address. Raises ``SourceNotFound``."""
    canonical = canonical_address(address)
    with context.catalog.read() as session:
        source = session.exec(select(Source).where(Source.address == canonical)).first()
    if source is None:
        raise SourceNotFound(f"There is no source {address}")
    return source.id or 0
