"""What every use case is given: the catalog, the places, the clock, and who asks."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.catalog.catalog import Catalog
from strongroom.config import Paths
from strongroom.domain.clock import Clock
from strongroom.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """One caller at one installation; ``caller`` goes into jobs and the audit log."""

    catalog: Catalog
    paths: Paths
    settings: Settings
    clock: Clock
    caller: str
