"""What the workers of `spawning` do; a module of its own, so that they import nothing else."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection


def to_descriptor(fd: int) -> None:
    """Write one byte."""
    os.write(fd, b".")


def to_connection(writer: Connection) -> None:
    """The same for multiprocessing's own start methods, which hand over connections."""
    os.write(writer.fileno(), b".")
