"""What somebody would write by hand: no supervisor, only a loop; and the least in C."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .. import places
from .rival import Launch, Program, Rival


def _limit(programs: Sequence[Program], _folder: Path) -> Launch:
    program, fifo, _ = programs[0].argv
    return Launch([places.compiled("limit"), str(len(programs)), program, fifo])


def _asyncio(programs: Sequence[Program], _folder: Path) -> Launch:
    program, fifo, _ = programs[0].argv
    loop = str(places.NATIVE / "asyncio_loop.py")
    return Launch([places.python(), loop, str(len(programs)), program, fifo])


LIMIT = Rival("limit in C", _limit, kind="limit", needs="cc")
ASYNCIO = Rival("asyncio + pidfd", _asyncio, kind="bare loop")
