"""`why`: the causes of a state in words, from a running tree or from the last words of one."""

from __future__ import annotations

import time

from ..control import last_words
from ..control.client import TreeClient
from ..control.last_words import LastWords
from ..durations import duration
from ..errors import NotRunning
from ..selection import found
from ..views import ChildStatus
from . import show
from .parameters import Options


def command(options: Options) -> str:
    """Why the child at PATH, or the tree, is as it is."""
    try:
        with TreeClient.connect(options.tree, options.socket) as client:
            status = _meant(found(client.status(), options.path))
    except NotRunning as error:
        return _of_the_dead(options, error)
    if options.json:
        keys = ("path", "state", "why", "waits", "next_attempt", "last_exit")
        return show.as_json({key: getattr(status, key) for key in keys})
    return show.lines(list(status.why))


def _meant(status: ChildStatus) -> ChildStatus:
    """Of supervisord's programs in no group the program, which has its group to itself: it is
    what people call by this name."""
    names = [child.name for child in status.children]
    is_group = status.path != "" and status.state == "running"
    return status.children[0] if is_group and names == [status.name] else status


def _of_the_dead(options: Options, error: NotRunning) -> str:
    """No such tree runs: what did it say when it ended?"""
    if options.socket is not None or "several trees" in str(error):
        raise error
    words = _last_words(options.tree, error)
    if options.json:
        return show.as_json(words)
    alone = f"of {options.path!r} alone nothing is kept; this is what the tree said:"
    return show.lines([_when(words), *([alone] if options.path else []), words.text, *words.story])


def _last_words(name: str | None, error: NotRunning) -> LastWords:
    try:
        return last_words.read(name)
    except NotRunning as unknown:
        raise NotRunning(f"{error}; {unknown}") from None


def _when(words: LastWords) -> str:
    ago = duration(time.time() - words.at)
    still = ", which still exists" if words.has_process else ""
    verb = "began" if words.kind == last_words.VANISHED else "ended"
    return f"{words.tree} is not running; it {verb} {ago} ago, in process {words.pid}{still}"
