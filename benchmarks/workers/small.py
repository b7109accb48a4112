"""A worker that imports next to nothing."""

from __future__ import annotations

import signal

from ..announce import announce


def main(fifo: str, id: int) -> None:
    """Say when it came to life, and wait."""
    announce(fifo, id)
    while True:
        signal.pause()
