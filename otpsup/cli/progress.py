"""What is being waited for, in one changing line on a terminal, from the second second on.

Decides when there is such a line and what is in it. It asks the tree over a connection of its own,
for the one that waits is taken. Nothing is shown where nobody looks: without a terminal, with
--json, on a terminal that cannot take a line back (TERM=dumb).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator

from ..control.client import TreeClient
from ..durations import duration
from ..errors import OtpsupError
from ..graph.marks import width
from ..plain import plain
from ..views import ChildStatus
from ..waiting import told
from .parameters import Options

_PATIENCE = 1.0
"""Seconds after which somebody wants to know."""
_AGAIN = 0.5
"""Seconds between two looks."""
_BUSY = ("starting", "stopping", "restarting")


@contextlib.contextmanager
def shown(options: Options, what: str = "") -> Iterator[None]:
    """Tell what is waited for while the body waits.

    Args:
        what: said until the tree can be asked.
    """
    if not is_wanted(options):
        yield
        return
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(options, what, done), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join(_PATIENCE)


def is_wanted(options: Options) -> bool:
    """Somebody looks, at a terminal that can take a line back."""
    if getattr(options, "json", False) or sys.stderr is None or not sys.stderr.isatty():
        return False
    return os.environ.get("TERM", "dumb") != "dumb"


def _tell(options: Options, what: str, done: threading.Event) -> None:
    begin, is_drawn = time.monotonic(), False
    try:
        while not done.wait(_AGAIN if is_drawn else _PATIENCE):
            since, busy = duration(time.monotonic() - begin), _waiting(options)
            _draw(f"waiting {since}: {busy}" if busy else f"{what or 'waiting'}, {since}")
            is_drawn = True
    finally:
        if is_drawn:
            _draw("")


def _draw(line: str) -> None:
    import shutil  # brings bz2 and lzma, for a line that most commands do not draw

    columns = shutil.get_terminal_size().columns - 1
    text = plain(line)
    while width(text) > columns:
        text = text[: columns - width(text) - 1] + "…"
    with contextlib.suppress(OSError, ValueError):  # the terminal is gone
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def _waiting(options: Options) -> str:
    try:
        with TreeClient.connect(options.tree, options.socket) as client:
            return summary(client.status())
    except (OtpsupError, OSError):
        return ""


def summary(root: ChildStatus) -> str:
    """Who is on the way to another state, and what each of them waits for."""
    busy = [node for node in root.walk() if node.state in _BUSY and not node.children]
    return "; ".join(map(told, busy))
