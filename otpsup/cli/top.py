"""`top`: what each child uses, in a table that is drawn again and again.

Decides what stands in the table and what keys do. It looks no oftener than it draws. Without rich
(the extra `cli`) the table is drawn plainly; without a terminal there is one look, and no more.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Iterator

from ..control.client import TreeClient
from ..durations import duration
from ..errors import NotRunning
from ..plain import plain
from ..views import ChildStatus
from . import show, table
from .main import is_installed
from .parameters import Options
from .usage import KEYS, Row, Sampler, ordered

HEAD = ("CHILD", "STATE", "PID", "CPU %", "MEMORY", "PROCS", "UPTIME", "RESTARTS")
_HELP = "q quit, t tree, c cpu, m memory, u uptime, r restarts"
_SORT = {key[0]: key for key in KEYS}
_FIRST = 0.5
"""Seconds between the first two looks: CPU is what was used between two."""


def command(options: Options) -> Iterator[str]:
    """One look, or one after the other until q."""
    with TreeClient.connect(options.tree, options.socket) as client:
        if not options.once and not options.json and sys.stdout.isatty():
            yield from _live(client, options)
            return
        sampler = Sampler()
        sampler.rows(client.status())
        time.sleep(min(_FIRST, options.delay))
        rows = ordered(sampler.rows(client.status()), options.sort)
    yield show.as_json(rows) if options.json else as_text(rows)


def cells(row: Row) -> tuple[str, ...]:
    """A row as it stands in the table."""
    return (
        plain(row.path),
        table.shown(row.state, row.ready),
        str(row.pid or "-"),
        "-" if row.cpu is None else f"{row.cpu:.1f}",
        "-" if row.memory is None else size(row.memory),
        str(row.processes or "-"),
        duration(row.uptime),
        str(row.restarts),
    )


def size(number: float) -> str:
    """Bytes in the largest unit of which there is one: `512 B`, `1.5 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def as_text(rows: list[Row]) -> str:
    """The table with blanks alone."""
    lines = [HEAD, *map(cells, rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(HEAD))]
    return "".join(f"{_line(line, widths)}\n" for line in lines)


def _line(line: tuple[str, ...], widths: list[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(line[:2], widths, strict=False)]
    right = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
    return "  ".join((*left, *right)).rstrip()


# Again and again.


def _live(client: TreeClient, options: Options) -> Iterator[str]:
    """Draws by itself; what is yielded is said when the screen is as it was before."""
    sampler, key = Sampler(), options.sort
    with _screen() as draw, _keys() as pressed:
        wait = min(_FIRST, options.delay)
        while True:
            try:
                root = client.status()
            except NotRunning:
                break
            draw(headline(root, key), ordered(sampler.rows(root), key))
            typed = pressed(wait)
            if typed in ("q", "\x03", "\x04"):
                return
            key, wait = _SORT.get(typed, key), options.delay
    yield f"{plain(root.name)} has ended\n"


def headline(root: ChildStatus, key: str) -> str:
    """What stands above the table."""
    states = [node.state for node in root.walk() if node.path and not node.children]
    up = states.count("running")
    clock = time.strftime("%H:%M:%S")
    return f"{plain(root.name)} is {root.state}: {up} of {len(states)} up, {clock}, by {key}"


Draw = Callable[[str, list[Row]], None]


def _screen() -> contextlib.AbstractContextManager[Draw]:
    if is_installed("rich"):
        from .screen import rich_screen

        return rich_screen(HEAD, _HELP, cells)
    return _plain_screen()


@contextlib.contextmanager
def _plain_screen() -> Iterator[Draw]:
    def draw(headline: str, rows: list[Row]) -> None:
        sys.stdout.write(f"\033[H\033[J{headline} ({_HELP})\n\n{as_text(rows)}")
        sys.stdout.flush()

    sys.stdout.write("\033[?1049h")
    try:
        yield draw
    finally:
        sys.stdout.write("\033[?1049l")
        sys.stdout.flush()


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Keys as they are pressed, without Enter; waits so many seconds for one."""
    if not sys.stdin.isatty():
        yield _no_keys
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield _pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _no_keys(wait: float) -> str:
    time.sleep(wait)
    return ""


def _pressed(wait: float) -> str:
    if not select.select([sys.stdin], [], [], wait)[0]:
        return ""
    return os.read(sys.stdin.fileno(), 1).decode(errors="replace") or "q"
