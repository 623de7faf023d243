"""The settings of one installation: ``config.toml``, then ``STRONGROOM_*`` variables; unknown keys are errors."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strongroom.domain.errors import ErrorKind, StrongroomError

PREFIX = "STRONGROOM_"


class ConfigInvalid(StrongroomError):
    """The configuration file, or a STRONGROOM_ variable, cannot be understood."""

    kind = ErrorKind.USAGE


class Settings(BaseModel):
    """What an operator may tune; every field is documented in ``docs/guides/configuration.md``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 2) - 1), ge=1, le=64)
    """Data jobs at once."""
    niceness: int = Field(default=10, ge=0, le=19)
    """Added to the niceness of worker processes."""
    attempts: int = Field(default=3, ge=1, le=10)
    """How often a job tries when its failure may pass by itself."""
    retry_seconds: float = Field(default=5.0, ge=0)
    """The wait before the second attempt; it doubles with each further one."""
    verify_writes: bool = True
    """Decrypt and decode every chunk before its pack is published (invariant 4)."""
    full_read_every: int = Field(default=30, ge=1)
    """Every n-th backup reads whole disks, whatever the change tracking says (invariant 10)."""
    lease_seconds: float = Field(default=30.0, ge=1)
    """How long a silent service keeps its lease."""
    stop_seconds: float = Field(default=20.0, ge=1)
    """How long running jobs may take to end when the service is told to stop."""


def load_settings(config: Path) -> Settings:
    """Settings from ``config`` (which need not exist) and the environment; raises ``ConfigInvalid`` naming the key."""
    values: dict[str, Any] = _from_file(config)
    values.update({name: os.environ[key] for name in Settings.model_fields if (key := PREFIX + name.upper()) in os.environ})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigInvalid(f"Setting {key!r} is not valid", cause=first["msg"], action=f"Correct it in {config}") from error


def _from_file(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{config} cannot be read", cause=str(error), action="Correct or remove the file") from error
