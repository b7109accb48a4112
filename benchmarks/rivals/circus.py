"""circus, as it comes (it looks every 5 s), and looking every 0.1 s."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Sequence
from pathlib import Path

from .rival import Launch, Program, Rival

_HEAD = """\
[circus]
check_delay = {delay:g}
endpoint = ipc://{folder}/endpoint
pubsub_endpoint = ipc://{folder}/pubsub
"""
_WATCHER = """
[watcher:{name}]
cmd = {cmd}
args = {args}
"""


def _prepare(delay: float, programs: Sequence[Program], folder: Path) -> Launch:
    parts = [
        _WATCHER.format(name=each.name, cmd=each.argv[0], args=shlex.join(each.argv[1:]))
        for each in programs
    ]
    head = _HEAD.format(delay=delay, folder=folder)
    (folder / "circus.ini").write_text(head + "".join(parts))
    return Launch(["circusd", str(folder / "circus.ini")])


_VERSION = ("circusd", "--version")
CIRCUS = Rival(
    "circus, check_delay 0.1", functools.partial(_prepare, 0.1), needs="circusd", kills=40,
    poll=0.1, repetitions=2, version=_VERSION,
)  # fmt: skip
CIRCUS_DEFAULT = Rival(
    "circus", functools.partial(_prepare, 5.0), needs="circusd", kills=8, poll=5.0, repetitions=1,
    version=_VERSION,
)  # fmt: skip
