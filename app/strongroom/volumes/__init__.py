"""What is on a disk: partition tables, and whether its file systems prove clean."""

from __future__ import annotations

from strongroom.volumes.proof import prove

__all__ = ["prove"]
