"""Children's output: read from pipes by one thread, written to files or to the host's own output.

    pump        the thread: reads, and knows who writes where
    formats     what a line looks like where it is written
    file        a log file, and when it is rotated; `rotation` has the arithmetic, `backups` the
                files that were rotated, `compressor` makes .gz files of them
    outlet      what may keep us waiting: the host's stdout, terminals, pipes with a name
    ring        the last lines of each child, and whoever follows them
    taps        who reads along byte by byte, and may change what is logged

Knows processes only by a path, a pid and a number; decides nothing about them.
"""

from .pump import LogPump, Watcher
from .sink import Nowhere, Sink
from .source import Source

__all__ = ["LogPump", "Nowhere", "Sink", "Source", "Watcher"]
