"""A wheel of the present checkout, and an empty place where it is installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
BUILT_FROM = ("app", "styles", "data", "LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "requirements.lock")


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel in it, and the home of a user who never ran it."""

    environment: Path
    home: Path

    def program(self, name: str) -> str:
        return str(self.environment / "bin" / name)

    def variables(self) -> dict[str, str]:
        """An environment without a trace of the checkout."""
        return {"PATH": os.defpath, "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "xterm-256color"}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program(command[0]), *command[1:]],
            cwd=self.home,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by hatchling from a copy, so that nothing is written beside the sources."""
    copy = tmp_path_factory.mktemp("sources")
    for name in BUILT_FROM:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, copy / name)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(copy / "built")]
    outcome = subprocess.run(build, cwd=copy, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    (built,) = (copy / "built").glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel in an empty environment; its dependencies are lent by the present one, so that no network is needed."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place / "venv", with_pip=False, symlinks=True)
    (place / "home").mkdir()
    installed = Installation(place / "venv", place / "home")
    install = [sys.executable, "-m", "pip", "--python", installed.program("python"), "install", "-q", "--no-index", "--no-deps", str(wheel)]
    outcome = subprocess.run(install, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    (packages,) = (place / "venv").glob("lib/python*/site-packages")
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "lent.pth").write_text("".join(f"{folder}\n" for folder in sorted(lent)))
    return installed
