"""The three tiers of the test suite, each run alone, and a home that is not the developer's.

``pytest`` runs the default tier (nothing but Python needed), ``pytest --system`` the tests that need real parts of the host,
``pytest --long`` soak and scale. A test carries its tier as a marker; ``long`` wins where both are given.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TIERS = {"default": 120, "system": 600, "long": 2100}
"""Each tier with the seconds after which one of its tests counts as hung."""

TIER_LIMIT_SECONDS = {"default": 480, "system": 1200, "long": 2100}
"""What a whole tier may take on two cores."""

# Deadlines measure the machine, not the product: two cores are shared with everything else that runs.
settings.register_profile("strongroom", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("strongroom")

_started_at = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("strongroom")
    group.addoption("--tier", choices=sorted(TIERS), default="default", help="run exactly this tier (default: default)")
    for name in ("system", "long"):
        group.addoption(f"--{name}", action="store_const", const=name, dest="tier", help=f"the same as --tier {name}")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_started_at] = time.monotonic()


def tier_of(item: pytest.Item) -> str:
    """The tier in which a test runs."""
    return next((name for name in ("long", "system") if item.get_closest_marker(name)), "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("tier")
    chosen = [item for item in items if tier_of(item) == wanted]
    others = [item for item in items if tier_of(item) != wanted]
    if others:
        config.hook.pytest_deselected(items=others)
    for item in chosen:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIERS[wanted]))
    items[:] = chosen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tier = config.getoption("tier")
    seconds = time.monotonic() - config.stash[_started_at]
    terminalreporter.write_line(f"tier {tier}: {seconds:.1f} s of at most {TIER_LIMIT_SECONDS[tier]} s")


@pytest.fixture(scope="session", autouse=True)
def home_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty home for the whole run: no test reads or writes the folders of whoever runs it, its child processes included."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("STRONGROOM_", "XDG_"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        yield home
