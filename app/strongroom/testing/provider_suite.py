"""What every provider must do, as tests: subclass ``ProviderSuite``, give it a fixture ``specimen``, and run pytest.

The suite stands on ``strongroom.providers.base`` alone. A provider of another source runs the same sentences over its own machines.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from strongroom.domain.disk import Extent, ExtentKind, covering
from strongroom.domain.errors import StrongroomError
from strongroom.domain.plan import DiskPlan, MachinePlan
from strongroom.domain.states import ReadMode
from strongroom.providers.base import (
    MachineDescription,
    Placement,
    Provider,
    ProviderFactory,
    Restored,
    RestoreDisk,
    RestoreRequest,
    RestoreSession,
    SnapshotDisk,
    SnapshotSession,
)
from strongroom.providers.errors import MachineInUse, MachineVanished, SourceInvalid, TargetExists

_READERS = 4
_SAMPLES = 64
_WRITE_BYTES = 1 << 20
_MODES = (ReadMode.FULL, ReadMode.COMPARE, ReadMode.INCREMENTAL, ReadMode.UNCHANGED)


@dataclass(frozen=True)
class Specimen:
    """A source made for one test, with one machine that nobody uses.

    ``contents`` are its included disks, whole, by disk id. ``disturb`` writes to the machine behind the provider's back, ``vanish`` takes it
    away for good; ``free_service`` is a cloud service that may be restored into; ``settle`` makes the machine's last writes old enough
    to count as past, where a source needs that.
    """

    factory: ProviderFactory
    address: str
    region: str
    native_id: str
    contents: Mapping[str, bytes]
    free_service: str
    disturb: Callable[[], None]
    vanish: Callable[[], None]
    settle: Callable[[], None] = field(default=lambda: None)

    def open(self) -> Provider:
        return self.factory(self.address, self.region)


class ProviderSuite:
    """The provider contract; ``specimen`` is fresh for every test."""

    @pytest.fixture
    def specimen(self) -> Specimen:
        """Override: the source under test."""
        raise pytest.UsageError("a subclass of ProviderSuite gives the fixture «specimen»")

    @pytest.fixture
    def provider(self, specimen: Specimen) -> Provider:
        return specimen.open()

    def test_an_address_has_one_spelling(self, specimen: Specimen) -> None:
        """A3: a source added twice is one source."""
        canonical = specimen.factory.canonical(specimen.address)
        assert specimen.factory.canonical(canonical) == canonical
        assert canonical.partition(":")[0] == specimen.address.partition(":")[0]

    def test_an_address_of_another_scheme_is_refused(self, specimen: Specimen) -> None:
        """A19: with our own error."""
        with pytest.raises(SourceInvalid):
            specimen.factory("no-such-scheme:whatever", specimen.region)

    def test_discovery_finds_the_machine_as_describe_shows_it(self, specimen: Specimen, provider: Provider) -> None:
        """A3: name, cloud service, region, power state, disks, agent."""
        machines = {machine.native_id: machine for machine in provider.discover().machines}
        assert machines[specimen.native_id] == provider.describe(specimen.native_id)
        assert machines[specimen.native_id].workload_type is specimen.factory.workload_type

    def test_discovery_is_repeatable(self, provider: Provider) -> None:
        """A3: nothing is found twice, and looking changes nothing."""
        first, second = provider.discover(), provider.discover()
        assert first == second
        ids = [machine.native_id for machine in first.machines]
        assert len(set(ids)) == len(ids)

    def test_the_disks_have_sizes_and_names_of_their_own(self, specimen: Specimen, provider: Provider) -> None:
        """B8: a disk id is stable and unique within its machine."""
        disks = provider.describe(specimen.native_id).disks
        assert len({disk.id for disk in disks}) == len(disks)
        assert {disk.id: disk.size_bytes for disk in disks if disk.included} == {
            disk_id: len(content) for disk_id, content in specimen.contents.items()
        }

    def test_a_definition_survives_json(self, specimen: Specimen, provider: Provider) -> None:
        """A16: the manifest keeps it, and a restore needs nothing else."""
        definition = provider.describe(specimen.native_id).definition
        assert json.loads(json.dumps(definition)) == definition

    def test_a_machine_that_is_gone_is_vanished(self, specimen: Specimen, provider: Provider) -> None:
        """A3: describe, inspect and begin say so alike."""
        specimen.vanish()
        with pytest.raises(MachineVanished):
            provider.describe(specimen.native_id)
        with pytest.raises(MachineVanished):
            provider.inspect(specimen.native_id, {})
        with pytest.raises(MachineVanished), provider.begin(specimen.native_id, MachinePlan({}), "job-vanished"):
            pass
        assert specimen.native_id not in {machine.native_id for machine in provider.discover().machines}

    def test_a_provider_is_made_again_from_its_address_alone(self, specimen: Specimen, provider: Provider) -> None:
        """A10: a worker process has nothing but the address."""
        provider.close()
        again = specimen.factory(specimen.factory.canonical(specimen.address), specimen.region)
        assert again.describe(specimen.native_id) == specimen.open().describe(specimen.native_id)

    def test_a_snapshot_reads_every_byte_of_every_included_disk(self, specimen: Specimen, provider: Provider) -> None:
        """A10: the extents cover each disk, and data and zeros are the source's."""
        with provider.begin(specimen.native_id, MachinePlan({}), "job-full") as session:
            assert {disk.description.id: read_whole(disk) for disk in session.disks} == dict(specimen.contents)
            session.confirm()
            assert session.taken_at.utcoffset() is not None

    def test_extents_may_be_asked_for_again(self, specimen: Specimen, provider: Provider) -> None:
        """B1: the fall-back reads all of a disk whose tracking proved wrong."""
        with provider.begin(specimen.native_id, MachinePlan({}), "job-again") as session:
            for disk in session.disks:
                first = normal(disk.all_extents(), disk)
                assert normal(disk.all_extents(), disk) == first
                assert normal(disk.extents(), disk) == first
                assert ExtentKind.UNCHANGED not in {extent.kind for extent in first}

    def test_any_range_is_read_from_many_threads(self, specimen: Specimen, provider: Provider) -> None:
        """A10: ``read_into`` serves every range, zeros included, whoever else reads."""
        with provider.begin(specimen.native_id, MachinePlan({}), "job-threads") as session:
            for disk in session.disks:
                read_samples(disk, specimen.contents[disk.description.id])

    def test_the_tracking_record_survives_json_and_is_understood(self, specimen: Specimen, provider: Provider) -> None:
        """B1: what the manifest keeps is what the next backup presents."""
        previous = take_tracking(provider, specimen)
        facts = provider.inspect(specimen.native_id, previous)
        assert set(facts) == set(specimen.contents)
        assert all(fact.unchanged or fact.usable or fact.reason for fact in facts.values())

    def test_a_record_of_something_else_proves_nothing(self, specimen: Specimen, provider: Provider) -> None:
        """B1, invariant 10: change tracking is a hint with a proof."""
        for foreign in ({}, {"kind": "another"}, {"kind": None, "files": 7}):
            facts = provider.inspect(specimen.native_id, dict.fromkeys(specimen.contents, foreign))
            assert not any(fact.unchanged or fact.usable for fact in facts.values())

    def test_an_unchanged_machine_is_read_without_reading(self, specimen: Specimen, provider: Provider) -> None:
        """B1, C2: if the source proves that nothing changed, a plan to read nothing is kept; the bytes stay readable for the proof."""
        specimen.settle()
        previous = take_tracking(provider, specimen)
        facts = provider.inspect(specimen.native_id, previous)
        plan = MachinePlan(
            {disk_id: DiskPlan(disk_id, ReadMode.UNCHANGED, "test", previous[disk_id]) for disk_id, fact in facts.items() if fact.unchanged}
        )
        with provider.begin(specimen.native_id, plan, "job-unchanged") as session:
            for disk in session.disks:
                if disk.plan.mode is ReadMode.UNCHANGED:
                    assert {extent.kind for extent in disk.extents()} <= {ExtentKind.UNCHANGED}
                read_samples(disk, specimen.contents[disk.description.id])
            session.confirm()

    def test_a_write_is_never_taken_for_unchanged(self, specimen: Specimen, provider: Provider) -> None:
        """B1, invariant 10: neither by inspect nor by a plan made too early, which is replaced by a fuller one with its reason."""
        specimen.settle()
        previous = take_tracking(provider, specimen)
        specimen.disturb()
        facts = provider.inspect(specimen.native_id, previous)
        assert not all(fact.unchanged for fact in facts.values())
        plan = MachinePlan({disk_id: DiskPlan(disk_id, ReadMode.UNCHANGED, "test", previous[disk_id]) for disk_id in previous})
        with provider.begin(specimen.native_id, plan, "job-late") as session:
            fuller = [disk.plan for disk in session.disks if not facts[disk.description.id].unchanged]
            assert fuller
            assert all(plan.mode is not ReadMode.UNCHANGED and plan.reason for plan in fuller)

    def test_a_plan_only_ever_becomes_fuller(self, specimen: Specimen, provider: Provider) -> None:
        """B1: a full read is never turned into less."""
        for mode in _MODES:
            plan = MachinePlan({disk_id: DiskPlan(disk_id, mode, "test") for disk_id in specimen.contents})
            with provider.begin(specimen.native_id, plan, f"job-{mode.value}") as session:
                assert all(_MODES.index(disk.plan.mode) <= _MODES.index(mode) for disk in session.disks)
                assert all(disk.plan.disk_id == disk.description.id for disk in session.disks)

    def test_a_machine_written_while_it_is_read_is_no_instant(self, specimen: Specimen, provider: Provider) -> None:
        """A12: a read that mixes moments is no recovery point; a provider with real snapshots reads the old bytes instead."""
        with provider.begin(specimen.native_id, MachinePlan({}), "job-torn") as session:
            specimen.disturb()
            read = {disk.description.id: read_whole(disk, tolerant=True) for disk in session.disks}
            refused = refusal(session)
        assert refused is not None or read == dict(specimen.contents)
        assert refused is None or (refused.cause and refused.action)

    def test_a_preview_makes_nothing(self, specimen: Specimen, provider: Provider) -> None:
        """A16: it says before it starts what will and will not come back."""
        before = provider.discover()
        preview = provider.preview_restore(restore_request(specimen, provider, Placement.NEW_MACHINE))
        assert preview.will_make
        assert not preview.problems
        assert provider.discover() == before

    def test_a_new_machine_holds_what_was_written(self, specimen: Specimen, provider: Provider) -> None:
        """A16: restored, discovered and read back."""
        request = restore_request(specimen, provider, Placement.NEW_MACHINE)
        restored = restore_all(provider, request, specimen.contents)
        assert restored.native_id in {machine.native_id for machine in provider.discover().machines}
        machine = provider.describe(restored.native_id)
        assert (machine.name, machine.cloud_service) == (request.name, request.cloud_service)
        with provider.begin(restored.native_id, MachinePlan({}), "job-compare") as session:
            contents = sorted(bytes(read_whole(disk)) for disk in session.disks)
        assert contents == sorted(specimen.contents.values())

    def test_a_restored_machine_keeps_its_order_and_its_words(self, specimen: Specimen, provider: Provider) -> None:
        """A16: what the definition says comes back."""
        original = provider.describe(specimen.native_id)
        restored = restore_all(provider, restore_request(specimen, provider, Placement.NEW_MACHINE), specimen.contents)
        machine = provider.describe(restored.native_id)
        included = [disk for disk in original.disks if disk.included]
        assert [disk.size_bytes for disk in machine.disks] == [disk.size_bytes for disk in included]
        assert machine.operating_system == original.operating_system

    def test_a_restore_that_is_left_leaves_nothing(self, specimen: Specimen, provider: Provider) -> None:
        """A18: cancel leaves no half machine."""
        before = provider.discover()
        request = restore_request(specimen, provider, Placement.NEW_MACHINE)
        with contextlib.suppress(KeyboardInterrupt), provider.begin_restore(request) as session:
            write_all(session, specimen.contents)
            raise KeyboardInterrupt
        assert provider.discover() == before
        assert provider.tidy(lambda _: False) == []
        restore_all(provider, request, specimen.contents)

    def test_a_machine_under_construction_is_not_found(self, specimen: Specimen, provider: Provider) -> None:
        """A16: nothing is visible before all of it is."""
        before = provider.discover()
        with provider.begin_restore(restore_request(specimen, provider, Placement.NEW_MACHINE)) as session:
            write_all(session, specimen.contents)
            assert specimen.open().discover() == before

    def test_a_taken_name_is_refused_and_left_alone(self, specimen: Specimen, provider: Provider) -> None:
        """A16: a restore replaces nothing by accident."""
        request = restore_request(specimen, provider, Placement.NEW_MACHINE)
        restore_all(provider, request, specimen.contents)
        before = provider.discover()
        assert provider.preview_restore(request).problems
        with pytest.raises(TargetExists), provider.begin_restore(request):
            pass
        assert provider.discover() == before

    def test_tidy_leaves_live_jobs_and_machines_alone(self, specimen: Specimen, provider: Provider) -> None:
        """A18: leftovers are found by the job's name, and only leftovers."""
        request = restore_request(specimen, provider, Placement.NEW_MACHINE)
        with provider.begin_restore(request) as session:
            specimen.open().tidy(lambda job_id: job_id == request.job_id)
            write_all(session, specimen.contents)
            restored = session.publish()
        before = provider.discover()
        provider.tidy(lambda _: False)
        assert provider.discover() == before
        assert restored.native_id in {machine.native_id for machine in before.machines}

    def test_a_deleted_machine_returns_to_its_place(self, specimen: Specimen, provider: Provider) -> None:
        """A16: a restore needs the recovery point alone."""
        request = restore_request(specimen, provider, Placement.ORIGINAL)
        specimen.vanish()
        restored = restore_all(provider, request, specimen.contents)
        assert restored.native_id == specimen.native_id
        with provider.begin(restored.native_id, MachinePlan({}), "job-compare") as session:
            assert {disk.description.id: read_whole(disk) for disk in session.disks} == dict(specimen.contents)

    def test_the_original_is_kept_aside(self, specimen: Specimen, provider: Provider) -> None:
        """A16: the old disks are kept, never overwritten."""
        request = restore_request(specimen, provider, Placement.ORIGINAL)
        specimen.disturb()
        restored = restore_all(provider, request, specimen.contents)
        assert restored.kept_aside
        with provider.begin(specimen.native_id, MachinePlan({}), "job-compare") as session:
            assert {disk.description.id: read_whole(disk) for disk in session.disks} == dict(specimen.contents)

    def test_releasing_a_machine_may_be_repeated(self, specimen: Specimen, provider: Provider) -> None:
        """B1: our change tracking goes, the machine stays."""
        provider.release(specimen.native_id)
        assert provider.release(specimen.native_id) == []
        assert provider.describe(specimen.native_id).native_id == specimen.native_id


def refusal(session: SnapshotSession) -> MachineInUse | None:
    """Why the session is no instant, or None if it confirms that it is one."""
    try:
        session.confirm()
    except MachineInUse as error:
        return error
    return None


def normal(extents: Iterable[Extent], disk: SnapshotDisk) -> list[Extent]:
    """The extents merged and checked to cover the disk."""
    return list(covering(extents, disk.description.size_bytes))


def read_whole(disk: SnapshotDisk, *, tolerant: bool = False) -> bytes:
    """The disk by its extents; ``tolerant`` takes an error of the source for the end, as a torn read may well be one."""
    content = bytearray(disk.description.size_bytes)
    view = memoryview(content)
    try:
        for extent in covering(disk.all_extents(), len(content)):
            if extent.kind is ExtentKind.DATA:
                disk.read_into(extent.offset, view[extent.offset : extent.end])
    except StrongroomError:
        if not tolerant:
            raise
    return bytes(content)


def read_samples(disk: SnapshotDisk, content: bytes) -> None:
    """Random ranges from several threads at once, each compared."""
    seed = random.Random(len(content))  # noqa: S311  ranges to read, no secret
    ranges = [sorted((seed.randint(0, len(content)), seed.randint(0, len(content)))) for _ in range(_SAMPLES)]
    gate = threading.Barrier(_READERS)

    def read(number: int) -> None:
        gate.wait()
        for start, end in ranges[number::_READERS]:
            buffer = bytearray(b"\xaa" * (end - start))
            disk.read_into(start, memoryview(buffer))
            assert buffer == content[start:end]

    with ThreadPoolExecutor(_READERS) as pool:
        list(pool.map(read, range(_READERS)))


def take_tracking(provider: Provider, specimen: Specimen) -> dict[str, dict[str, object]]:
    """The tracking records of one backup, through JSON as the manifest keeps them."""
    with provider.begin(specimen.native_id, MachinePlan({}), "job-tracking") as session:
        session.confirm()
        records = {disk.description.id: dict(disk.tracking) for disk in session.disks}
        session.committed()
    return {disk_id: json.loads(json.dumps(record)) for disk_id, record in records.items()}


def restore_request(specimen: Specimen, provider: Provider, placement: Placement) -> RestoreRequest:
    """A restore of the whole machine as it is described now."""
    machine: MachineDescription = provider.describe(specimen.native_id)
    new = placement is Placement.NEW_MACHINE
    return RestoreRequest(
        job_id=f"restore-{placement.name.lower().replace('_', '-')}",
        placement=placement,
        name="restored-machine" if new else machine.name,
        cloud_service=specimen.free_service if new else machine.cloud_service,
        definition=json.loads(json.dumps(machine.definition)),
        disks=tuple(RestoreDisk(disk.id, disk.size_bytes, disk.format) for disk in machine.disks if disk.included),
        native_id="" if new else specimen.native_id,
    )


def restore_all(provider: Provider, request: RestoreRequest, contents: Mapping[str, bytes]) -> Restored:
    """Carry the restore out."""
    with provider.begin_restore(request) as session:
        write_all(session, contents)
        return session.publish()


def write_all(session: RestoreSession, contents: Mapping[str, bytes]) -> None:
    """Write what is not zero, in pieces and not in order."""
    for disk_id, content in contents.items():
        view = memoryview(content)
        for start in reversed(range(0, len(content), _WRITE_BYTES)):
            piece = view[start : start + _WRITE_BYTES]
            if any(piece):
                session.disks[disk_id].write(start, piece)


__all__ = ["ProviderSuite", "Specimen", "read_whole", "restore_all", "restore_request", "write_all"]
