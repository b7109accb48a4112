"""`python -m otpsup`, and the program `otpsup`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run one command; returns the exit code. Whoever interrupts the loading sees no traceback."""
    try:
        from .cli import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
