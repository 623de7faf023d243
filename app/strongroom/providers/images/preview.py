"""Says before a restore starts what it will make, what will not come back, and why it cannot start."""

from __future__ import annotations

from pathlib import Path

from strongroom.domain.errors import StrongroomError
from strongroom.providers.base import RestorePreview, RestoreRequest
from strongroom.providers.images.names import DEFINITION_FILE, shown
from strongroom.providers.images.restore import refuse_writers
from strongroom.providers.images.route import Route, route_of


def preview(source: Path, region: str, request: RestoreRequest) -> RestorePreview:
    """Decide the restore without making anything."""
    try:
        route = route_of(source, region, request)
        refuse_writers(route.folder, route.keep)
    except StrongroomError as error:
        return RestorePreview((), _LOST, (str(error),))
    return RestorePreview(tuple(_made(route)), (*_LOST, *_staying(route)), ())


_LOST = (
    "the split into backing files: every disk comes back as one file that stands alone",
    "snapshots inside of qcow2 images",
    "files beside the disks in the machine's folder",
)


def _made(route: Route) -> list[str]:
    lines = []
    if route.stated is not None:
        lines.append(f"machine {shown(route.stated.name)} in folder {shown(str(route.folder))}, with its {DEFINITION_FILE}")
    lines.extend(f"{shown(str(route.folder / disk.file_name))}: {disk.format}, {disk.disk.size_bytes} bytes" for disk in route.disks)
    lines.extend(f"{shown(name)}, which is there now, is kept aside in {shown(str(route.folder / route.kept_name))}" for name in route.keep)
    return lines


def _staying(route: Route) -> list[str]:
    return [f"{shown(name)} is not part of this restore and stays as it is now" for name in route.stays]
