"""`logs`, `tail`, `events`: what children wrote and what happened to them, line by line.

Decides how a line looks. What reaches a terminal has nothing in it that steers one; into a pipe or
a file goes what the child wrote.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator

from ..control.client import TreeClient
from ..graph.marks import pad, paint, width
from ..plain import plain
from ..selection import found, processes
from ..views import Event
from ..wire.lines import LogLine
from . import show, table
from .parameters import Options

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""One a child, in turn; red is kept for what went wrong."""


def logs(options: Options) -> Iterator[str]:
    """The lines of all children, or of some, each with the child's path before it."""
    with TreeClient.connect(options.tree, options.socket) as client:
        root = client.status()
        paths = processes(root, options.paths) if options.paths else None
        lines = client.logs(paths, options.lines, options.follow, None)
        known = paths or [node.path for node in root.walk() if not node.children and node.path]
        yield from _shown(lines, options, _Prefix(known).line)


def tail(options: Options) -> Iterator[str]:
    """The lines of one child as they are."""
    with TreeClient.connect(options.tree, options.socket) as client:
        path = found(client.status(), options.path).path
        lines = client.logs([path], options.lines, options.follow, options.stream)
        yield from _shown(lines, options, lambda line: f"{_text(line.text)}\n")


def _shown(
    lines: Iterable[LogLine], options: Options, line: Callable[[LogLine], str]
) -> Iterator[str]:
    if not options.json:
        yield from map(line, lines)
    elif options.follow:
        yield from map(show.json_line, lines)
    else:
        yield show.as_json(list(lines))


def _text(text: str) -> str:
    return plain(text) if sys.stdout.isatty() else text


class _Prefix:
    """Puts the child's path before a line, in its colour, and as wide as the widest."""

    def __init__(self, paths: list[str]) -> None:
        self._colour = table.wants_colour(sys.stdout)
        self._width = max((width(plain(path)) for path in paths), default=0)
        self._codes = {path: _COLOURS[n % len(_COLOURS)] for n, path in enumerate(paths)}

    def line(self, line: LogLine) -> str:
        code = self._codes.setdefault(line.path, _COLOURS[len(self._codes) % len(_COLOURS)])
        mark = "!" if line.stream == "stderr" else "|"
        prefix = f"{pad(plain(line.path), self._width)} {mark} "
        return f"{paint(prefix, code) if self._colour else prefix}{_text(line.text)}\n"


def events(options: Options) -> Iterator[str]:
    """What happened lately, and what happens from now on."""
    with TreeClient.connect(options.tree, options.socket) as client:
        if options.follow:
            told = client.events(recent=options.lines)
            yield from map(show.json_line if options.json else _event, told)
            return
        recent = client.recent_events()
        recent = recent[max(0, len(recent) - options.lines) :]
        yield show.as_json(recent) if options.json else "".join(map(_event, recent))


def _event(event: Event) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    return show.lines([f"{clock}.{int(event.at % 1 * 1000):03} {event.text}"])
