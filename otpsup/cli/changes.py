"""`plan`, `update`, `scale`, `add`, `remove`: what is in the tree, and what it would become.

The host reads tree files, for it knows what they may name; here a path is only made absolute.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..control.client import TreeClient
from ..graph.marks import paint
from ..selection import chosen
from ..verbs import Change
from . import progress, show, table
from .parameters import Options
from .verbs import SomeFailed, connected, each

_DONE = {"start": "started", "stop": "stopped", "restart": "restarted", "change": "changed"}
_LOOKS = {"start": ("+", 32), "stop": ("-", 31), "restart": ("~", 33), "change": ("*", 36)}
"""A mark and a colour for whatever is touched."""


@connected
def plan(client: TreeClient, options: Options) -> str:
    """What an update would do."""
    changes = client.plan(_absolute(options.file))
    output = show.as_json(changes) if options.json else _told(changes)
    if wrong := sum(1 for change in changes if change.error):
        raise SomeFailed(f"{wrong} of {_counted(changes)} would fail; an update is refused", output)
    return output


@connected
def update(client: TreeClient, options: Options) -> str:
    """Make the tree what its file says; tells what became of each change."""
    with progress.shown(options):
        changes = client.update(_absolute(options.file))
    return _result(changes, options)


@connected
def scale(client: TreeClient, options: Options) -> str:
    """Have so many copies."""
    with progress.shown(options):
        changes = client.scale(options.path, options.count)
    return _result(changes, options)


def _absolute(file: str | None) -> str | None:
    return None if file is None else str(Path(file).absolute())


def _result(changes: Sequence[Change], options: Options) -> str:
    output = show.as_json(list(changes)) if options.json else _told(changes, is_done=True)
    failed = [change for change in changes if change.error]
    if failed:
        raise SomeFailed(f"{len(failed)} of {_counted(changes)} failed", output)
    return output


def _counted(changes: Sequence[Change]) -> str:
    number = sum(1 for change in changes if change.action != "stay")
    return "1 change" if number == 1 else f"{number} changes"


def _told(changes: Sequence[Change], *, is_done: bool = False) -> str:
    """A line for whatever is touched, and one for how many are not."""
    touched = [change for change in changes if change.action != "stay"]
    colour = table.wants_colour(sys.stdout)
    lines = [_line(change, is_done=is_done, colour=colour) for change in touched]
    return "".join(f"{line}\n" for line in [*lines, _sum(changes, is_done=is_done)])


def _line(change: Change, *, is_done: bool, colour: bool) -> str:
    mark, code = _LOOKS.get(change.action, (" ", 0))
    why = f": {change.why}" if change.why else ""
    verb = "failed" if is_done else "would fail"
    failed = f"; {verb}: {change.error}" if change.error else ""
    line = show.lines([f"{mark} {change.action} {change.path}{why}{failed}"]).rstrip("\n")
    return paint(line, 31 if change.error else code) if colour else line


def _sum(changes: Sequence[Change], *, is_done: bool) -> str:
    count = Counter(change.action for change in changes if not change.error)
    failed = sum(1 for change in changes if change.error)
    stays = count.pop("stay", 0)
    if not count and not failed:
        return f"nothing to do: {_children(stays)}"
    said = _DONE if is_done else {action: f"to {action}" for action in _DONE}
    parts = [f"{number} {said[action]}" for action, number in count.items()]
    parts += [f"{failed} {'failed' if is_done else 'would fail'}"] if failed else []
    return ", ".join([*parts, "1 stays as it is" if stays == 1 else f"{stays} stay as they are"])


def _children(number: int) -> str:
    return "1 child stays as it is" if number == 1 else f"{number} children stay as they are"


@connected
def add(client: TreeClient, options: Options) -> str:
    """Add the children in a file, or on standard input, and start them."""
    text = sys.stdin.read() if options.file == "-" else None
    file = None if text is not None else _absolute(options.file)
    with progress.shown(options):
        added = client.add(file, options.parent or "", text)
    if options.json:
        return show.as_json(list(added))
    return show.lines(f"{child.path}: {child.state}" for child in added)


@connected
def remove(client: TreeClient, options: Options) -> str:
    """Stop children and forget them."""

    def gone(path: str) -> str:
        client.remove(path)
        return "removed"

    return each(chosen(client.status(), options.paths, last_first=True), gone, options)
