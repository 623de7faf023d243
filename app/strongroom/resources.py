"""Where the files that are not code lie: ``styles/`` and ``data/``, in a checkout and in an installed wheel.

A wheel carries both inside the package, under ``_bundled``; a checkout (and an editable installation, which is a line that points
into one) has them at its top. Nothing else in Strongroom knows which of the two it runs from.
"""

from __future__ import annotations

from pathlib import Path

from strongroom.domain.errors import StrongroomError

_PACKAGE = Path(__file__).resolve().parent


class ResourceMissing(StrongroomError):
    """A file that belongs to Strongroom itself is not where the installation should have put it."""

    default_cause = "The installation is incomplete."
    default_action = "Install Strongroom again."


def styles_folder() -> Path:
    """The folder of the terminal's style sheets."""
    return _folder("styles")


def data_folder() -> Path:
    """The folder of defaults, examples and the demo lab's images."""
    return _folder("data")


def data_file(*parts: str) -> Path:
    """One shipped file, such as ``data_file("lab", "lab.json")``; raises ``ResourceMissing``."""
    path = data_folder().joinpath(*parts)
    if not path.is_file():
        raise ResourceMissing(f"The file {path} is missing")
    return path


def _folder(name: str) -> Path:
    bundled = _PACKAGE / "_bundled" / name
    checkout = _PACKAGE.parents[1] / name
    for folder in (bundled, checkout):
        if folder.is_dir():
            return folder
    raise ResourceMissing(f"The folder {name} is neither at {bundled} nor at {checkout}")
