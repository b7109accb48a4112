"""Who keeps Python workers running: otpsup, and what one would write with multiprocessing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .. import places
from .loops import LIMIT
from .rival import Launch, Program, Rival

_HOST = """\
import os, sys
from benchmarks.announce import announce
from otpsup import Supervisor, Tree, Worker

def worker(id):
    return Worker(f"w{id}", module + ":main", args=(fifo, id))

if __name__ == "__main__":
    count, fifo, module = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    gate = os.open(fifo + ".go", os.O_RDONLY)
    os.read(gate, 1)
    announce(fifo, 1_000_000)
    with Tree(Supervisor("bench", children=[worker(0)], intensity=1_000_000)) as tree:
        for id in range(1, count):
            os.read(gate, 1)
            announce(fifo, 1_000_000 + id)
            tree.start_child(worker(id))
        tree.wait()
"""
Prepare = Callable[[Sequence[Program], Path], Launch]


def _otpsup(programs: Sequence[Program], folder: Path) -> Launch:
    module, fifo, _ = programs[0].argv
    (folder / "host.py").write_text(_HOST)
    return Launch([places.python(), "host.py", str(len(programs)), fifo, module])


def _loop(method: str) -> Prepare:
    def prepare(programs: Sequence[Program], folder: Path) -> Launch:
        module, fifo, _ = programs[0].argv
        argv = [places.python(), "-m", "benchmarks.workers.loop", method, str(len(programs))]
        return Launch([*argv, fifo, module])

    return prepare


ZYGOTE = Rival("a zygote in 60 lines", _loop("zygote"), kind="bare loop")
OTPSUP = Rival("otpsup", _otpsup, kind="otpsup")
STOCK = tuple(
    Rival(f"multiprocessing {method}", _loop(method), kind="rival", kills=kills)
    for method, kills in (("fork", 200), ("forkserver", 200), ("spawn", 60))
)
WORKERS: tuple[Rival, ...] = (LIMIT, ZYGOTE, OTPSUP, *STOCK)
"""`LIMIT` runs the program in C; it is there for the restarts alone."""
