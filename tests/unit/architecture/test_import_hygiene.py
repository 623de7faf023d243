"""What a process loads, seen from outside: rooms stay light because nothing below pulls the heavy libraries in."""

import json
import subprocess
import sys

import pytest

from tests.unit.architecture.places import CHECKOUT

ORM = ("sqlmodel", "sqlalchemy", "alembic")
TERMINAL = ("textual",)
SCHEDULER = ("apscheduler",)

LOAD_ALL = """
import importlib, json, pkgutil, sys
room = importlib.import_module(sys.argv[1])
if sys.argv[2] == "whole":
    for module in pkgutil.walk_packages(getattr(room, "__path__", []), room.__name__ + "."):
        if module.name != "strongroom.catalog.migrations.env":  # alembic runs it, inside a migration only
            importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""


def loaded_by(room: str, extent: str = "whole") -> set[str]:
    """The modules that a fresh interpreter holds after importing the room, ``whole`` with every module in it."""
    command = [sys.executable, "-c", LOAD_ALL, room, extent]
    outcome = subprocess.run(command, cwd=CHECKOUT, env={"PYTHONPATH": "app"}, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr[-2000:]
    return set(json.loads(outcome.stdout))


def offenders(modules: set[str], *forbidden: str) -> list[str]:
    return sorted(name for name in modules if any(name == banned or name.startswith(f"{banned}.") for banned in forbidden))


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("strongroom.domain", (*ORM, *TERMINAL, *SCHEDULER, "pydantic", "strongroom.catalog", "strongroom.repository")),
        ("strongroom.volumes", (*ORM, *TERMINAL, *SCHEDULER, "pydantic")),
        ("strongroom.repository", (*ORM, *TERMINAL, *SCHEDULER, "pydantic", "strongroom.catalog")),
        ("strongroom.providers", (*ORM, *TERMINAL, *SCHEDULER, "libvirt", "strongroom.catalog")),
        ("strongroom.catalog", (*TERMINAL, *SCHEDULER, "libvirt")),
        ("strongroom.engine", (*TERMINAL, *SCHEDULER, "libvirt")),
        ("strongroom.engine.work", (*ORM, *TERMINAL, *SCHEDULER, "pydantic", "strongroom.catalog")),
        ("strongroom.scheduler", (*TERMINAL, "libvirt")),
        ("strongroom.cli", (*TERMINAL,)),
    ],
)
def test_a_room_loads_nothing_that_is_not_its_own(room: str, forbidden: tuple[str, ...]) -> None:
    assert offenders(loaded_by(room), *forbidden) == []


def test_the_command_line_starts_without_the_heavy_libraries() -> None:
    """C5: a command answers at once because it imports what it needs when it runs."""
    modules = loaded_by("strongroom.cli.main", "alone")
    assert offenders(modules, *ORM, *TERMINAL, *SCHEDULER, "pydantic", "cryptography", "strongroom.engine") == []
