"""The wheel is the whole product: installed in an empty place it answers, finds its files and opens its terminal (C5)."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import strongroom
from tests.packaging.conftest import CHECKOUT, Installation
from tests.packaging.terminal import Terminal
from tests.parts import require

OWNER = """
from strongroom.bootstrap import open_context, service_state
import sys
print(service_state(open_context(sys.argv[1], create=False)).owner)
"""


def end_service(installation: Installation, home: Path) -> None:
    """The terminal starts a service that outlives it; a test does not leave one behind."""
    outcome = installation.run("python", "-c", OWNER, str(home))
    owner = outcome.stdout.strip()
    if not owner:
        return
    process = int(owner.rsplit(":", 2)[1])
    os.kill(process, signal.SIGTERM)
    for _ in range(200):
        if not Path(f"/proc/{process}").exists():
            return
        time.sleep(0.1)
    os.kill(process, signal.SIGKILL)


@pytest.fixture
def home(installation: Installation, tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    end_service(installation, tmp_path / "home")


def test_the_wheel_holds_styles_and_data_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "strongroom/py.typed" in names
    for top in ("styles", "data"):
        wanted = {
            path.relative_to(CHECKOUT).as_posix()
            for path in (CHECKOUT / top).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        shipped = {name.removeprefix("strongroom/_bundled/") for name in names if name.startswith(f"strongroom/_bundled/{top}/")}
        assert shipped == {name for name in wanted if not name.endswith(".py")}
    assert {name.split("/")[0] for name in names} == {"strongroom", f"strongroom-{strongroom.__version__}.dist-info"}


def test_the_version_is_told(installation: Installation) -> None:
    outcome = installation.run("strongroom", "--version")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.strip() == f"strongroom {strongroom.__version__}"


def test_help_names_the_nouns_and_leaves_no_trace(installation: Installation) -> None:
    """C5."""
    outcome = installation.run("strongroom", "--help")
    assert outcome.returncode == 0, outcome.stderr
    assert all(noun in outcome.stdout for noun in ("vault", "machine", "item", "policy", "job", "point", "demo"))
    assert list(installation.home.iterdir()) == []


def test_the_installed_code_is_what_runs(installation: Installation) -> None:
    outcome = installation.run("python", "-c", "import strongroom; print(strongroom.__file__)")
    assert outcome.stdout.startswith(str(installation.environment)), outcome.stderr


def test_shipped_files_are_found_without_a_checkout(installation: Installation) -> None:
    code = "from strongroom.resources import *; print(styles_folder()); print(data_file('lab', 'lab.json'))"
    outcome = installation.run("python", "-c", code)
    assert outcome.returncode == 0, outcome.stderr
    assert all(line.startswith(str(installation.environment)) for line in outcome.stdout.splitlines())


def test_the_lab_unpacks_from_the_wheel(installation: Installation, tmp_path: Path) -> None:
    code = "import sys, pathlib; from strongroom.lab import build_lab; print(len(build_lab(pathlib.Path(sys.argv[1])).machines))"
    outcome = installation.run("python", "-c", code, str(tmp_path / "lab"))
    assert outcome.stdout.strip() == "5", outcome.stderr


def test_the_bundled_provider_comes_through_its_entry_point(installation: Installation) -> None:
    """A3."""
    outcome = installation.run("python", "-c", "from strongroom.providers.registry import schemes; print(*schemes())")
    assert "images" in outcome.stdout.split(), outcome.stderr


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
def test_the_terminal_opens_and_closes(installation: Installation, home: Path, columns: int, lines: int) -> None:
    """A2, C5: on a real terminal, with the styles of the wheel."""
    command = [installation.program("strongroom"), "--home", str(home), "ui"]
    with Terminal(command, env=installation.variables(), cwd=installation.home, columns=columns, lines=lines) as terminal:
        terminal.wait_for("Registered", seconds=60)
        terminal.wait_for("Jobs", seconds=10)
        terminal.press("q")
        assert terminal.wait_for_end(seconds=30) == 0


@pytest.mark.system
def test_the_wheel_names_everything_it_needs(wheel: Path, tmp_path: Path) -> None:
    """Installed by pip with its dependencies and nothing of the development tools, the demo's whole way runs (A16, B1)."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    installed = Installation(tmp_path / "venv", tmp_path / "home")
    installed.home.mkdir()
    pip = [installed.program("python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel)]
    outcome = subprocess.run(pip, capture_output=True, text=True, check=False)
    require(
        lambda: "No matching distribution" not in outcome.stderr or "Connection" not in outcome.stderr, "no package index can be reached"
    )
    assert outcome.returncode == 0, outcome.stderr
    demo = installed.run("strongroom", "demo", "--headless")
    assert demo.returncode == 0, demo.stdout[-2000:] + demo.stderr[-2000:]
    said = json.loads(demo.stdout.strip().splitlines()[-1])
    assert said["ok"] is True
    assert said["source_sha256"] == said["restored_sha256"]
