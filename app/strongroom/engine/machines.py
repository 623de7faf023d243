"""Machines at their source, without a job: take our change tracking off a host (``machine release``)."""

from __future__ import annotations

from strongroom.catalog.entities import Machine
from strongroom.engine.audit import note
from strongroom.engine.context import Context
from strongroom.engine.errors import MachineNotFound
from strongroom.engine.sources import source_by_id
from strongroom.providers.registry import open_provider


def release(context: Context, machine_id: int) -> list[str]:
    """Remove everything of ours from the machine at its host; the next backup reads its disks whole. Returns what went, in words."""
    with context.catalog.read() as session:
        machine = session.get(Machine, machine_id)
        if machine is None:
            raise MachineNotFound(f"There is no machine {machine_id}")
        source = source_by_id(session, machine.source_id)
    provider = open_provider(source.address, source.region)
    try:
        removed = provider.release(machine.native_id)
    finally:
        provider.close()
    with context.catalog.write() as session:
        note(session, context, "Release machine", machine.name, removed=removed)
    return removed
