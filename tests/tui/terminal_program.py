"""What the real-terminal tests start: the product's own entry on a furnished catalog, with a service that is only said to run."""

import sys
from dataclasses import replace
from pathlib import Path

from strongroom.tui import app as application
from tests.tui.installation import FakeService, furnish, furnished_context


def main(folder: Path) -> int:
    template = folder / "template.db"
    furnish(template)
    shown = furnished_context(template, folder)
    context = replace(shown, paths=replace(shown.paths, state=folder))
    application.InstalledService = lambda _context: FakeService()  # type: ignore[assignment, misc]
    return application.run_ui(context, "bob")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
