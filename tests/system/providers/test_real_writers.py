"""Real programs that hold images are seen, and are not disturbed (A12)."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from strongroom.domain.plan import MachinePlan
from strongroom.domain.states import PowerState
from strongroom.providers.errors import MachineInUse
from strongroom.providers.images.provider import ImagesProvider
from strongroom.testing.provider_suite import read_whole
from tests.contract.providers.machines import MIB, patchwork, write_machine
from tests.parts import require_part

pytestmark = pytest.mark.system
CONTENT = patchwork(4 * MIB, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_machine(tmp_path / "vm" / "m", {"a.qcow2": CONTENT})
    return tmp_path / "vm" / "m"


@pytest.fixture
def provider(folder: Path) -> ImagesProvider:
    return ImagesProvider(folder.parent, "r")


@contextmanager
def held(*options: str) -> Iterator[subprocess.Popen[str]]:
    """qemu-io with an image open, waiting for commands."""
    program = require_part("qemu-io")
    with subprocess.Popen([program, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("length\n")
        process.stdin.flush()
        assert "MiB" in process.stdout.readline()  # the length: it answers only once the image is open and locked
        yield process
        process.stdin.close()
        try:
            process.wait(timeout=20)
        finally:
            process.kill()


def test_an_image_open_for_writing_is_in_use_until_it_is_closed(provider: ImagesProvider, folder: Path) -> None:
    """A12: without a single write."""
    with held("-f", "qcow2", str(folder / "a.qcow2")):
        assert provider.describe(str(folder)).power is PowerState.RUNNING
        with pytest.raises(MachineInUse) as caught, provider.begin(str(folder), MachinePlan({}), "j"):
            pass
        assert "QEMU" in caught.value.cause
        assert "qemu:///system" in caught.value.action
    assert provider.describe(str(folder)).power is PowerState.OFF
    with provider.begin(str(folder), MachinePlan({}), "j") as session:
        assert read_whole(session.disks[0]) == CONTENT
        session.confirm()


def test_qemu_opens_and_writes_while_we_read_and_is_not_disturbed(provider: ImagesProvider, folder: Path) -> None:
    """A12: our open files hold no lock, so a machine may start in the middle of a backup; the backup yields."""
    with provider.begin(str(folder), MachinePlan({}), "j") as session:
        with held("-f", "qcow2", str(folder / "a.qcow2")) as qemu:
            with pytest.raises(MachineInUse):
                session.confirm()
            said, _ = qemu.communicate("write -P 0x31 0 65536\nquit\n", timeout=20)
            assert "wrote 65536/65536" in said
        with pytest.raises(MachineInUse):
            session.confirm()


def test_a_qemu_that_only_reads_is_no_writer(provider: ImagesProvider, folder: Path) -> None:
    """A12"""
    with held("-r", "-f", "qcow2", str(folder / "a.qcow2")), provider.begin(str(folder), MachinePlan({}), "j") as session:
        session.confirm()


def test_the_base_of_a_running_machine_can_be_backed_up_and_its_overlay_cannot(provider: ImagesProvider, folder: Path) -> None:
    """A12: QEMU only reads a backing file."""
    other = folder.parent / "other"
    other.mkdir()
    create = (require_part("qemu-img"), "create", "-f", "qcow2", "-b", "../m/a.qcow2", "-F", "qcow2", str(other / "top.qcow2"))
    subprocess.run(create, check=True, capture_output=True)
    with held("-f", "qcow2", str(other / "top.qcow2")):
        with provider.begin(str(folder), MachinePlan({}), "j") as session:
            session.confirm()
        with pytest.raises(MachineInUse), provider.begin(str(other), MachinePlan({}), "j"):
            pass


def test_a_machine_that_we_may_not_read_is_a_warning(folder: Path) -> None:
    """A3, A19: really another user's file."""
    require_part("root")
    write_machine(folder.parent / "secret", {"b.raw": b"x"})
    (folder.parent / "secret" / "b.raw").chmod(0o600)
    write_machine(folder.parent / "locked", {"b.raw": b"x"})
    (folder.parent / "locked").chmod(0o700)
    for path in (folder.parent, *folder.parent.parents):
        if path != Path("/") and path.stat().st_uid == 0 and path != Path("/tmp"):
            path.chmod(path.stat().st_mode | 0o055)
    (folder / "a.qcow2").chmod(0o644)
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        found = ImagesProvider(folder.parent, "r").discover()
        os.write(tell, "\n".join([*(machine.name for machine in found.machines), "--", *found.warnings]).encode())
        os._exit(0)
    os.close(tell)
    os.waitpid(child, 0)
    text = os.read(told, 1 << 16).decode()
    os.close(told)
    names, _, warnings = text.partition("--")
    assert names.split() == ["m"]
    assert "Permission denied" in warnings
    assert "secret" in warnings
    assert "locked" in warnings


def test_a_store_through_a_shared_mapping_of_another_process_is_seen(provider: ImagesProvider, folder: Path) -> None:
    """A12: long after the page was dirtied first."""
    script = (
        "import mmap, sys, time\n"
        "file = open(sys.argv[1], 'r+b'); memory = mmap.mmap(file.fileno(), 0)\n"
        "memory[300000] = 1; print('dirty', flush=True); sys.stdin.readline(); memory[300001] = 2; print('again', flush=True); sys.stdin.readline()\n"
    )
    python = require_part("python3")
    with subprocess.Popen(
        [python, "-c", script, str(folder / "a.qcow2")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.1)
        with provider.begin(str(folder), MachinePlan({}), "j") as session:
            process.stdin.write("\n")
            process.stdin.flush()
            process.stdout.readline()
            with pytest.raises(MachineInUse):
                session.confirm()
        process.communicate("\n", timeout=20)
