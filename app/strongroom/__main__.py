"""``strongroom`` and ``python -m strongroom``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run one command and return its exit code; everything else is the command line's."""
    from strongroom.cli.main import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
