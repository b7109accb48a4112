"""What otpsup's own processes cost: the time until a command has started, and the memory of who
supervises.

    python -m benchmarks.startup [ROUNDS]

All starts take turns in one run, because absolute times drift with the machine's load; what counts
is how much more each takes than an interpreter that does nothing. None of them runs `site`: the
`.pth` files of an editable install load half of what is measured here beforehand. Memory is the
proportional set size (proc(5), smaps_rollup): what is shared counts by its share.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

from .rivals.ours import compile_package

PROJECT = Path(__file__).resolve().parents[1]
BARE = "python, nothing"
SIZES = (10, 100, 1000)
"""Children of the trees whose memory is measured."""

STARTS = {
    BARE: ["-c", "pass"],
    "import otpsup": ["-c", "import otpsup"],
    "import Command, Worker, Supervisor": ["-c", "from otpsup import Command, Supervisor, Worker"],
    "import Tree": ["-c", "from otpsup import Command, Supervisor, Tree, Worker"],
    "otpsup --version": ["-m", "otpsup", "--version"],
    "otpsup status, a tree of 3": ["-m", "otpsup", "status", "--tree", "startup"],
    "otpsup why, a tree of 3": ["-m", "otpsup", "why", "--tree", "startup"],
    "otpsup status, no tree": ["-m", "otpsup", "status", "--tree", "no-such-tree"],
}
LIBRARIES = {
    "import asyncio": ["-c", "import asyncio"],
    "import attrs": ["-c", "import attrs"],
}
"""Much of it is theirs."""
RIVALS = {
    "supervisor": {
        "supervisorctl version, no server": [
            "-m", "supervisor.supervisorctl", "-s", "unix:///no/such/socket", "version",
        ],
    },
    "circus": {"circusctl --version": ["-m", "circus.circusctl", "--version"]},
}  # fmt: skip
"""By the package that has to be installed for it."""

HOST = """
import sys
from otpsup import Command, Supervisor, Tree

children = [Command(f"c{n}", ["/bin/sleep", "100000"]) for n in range(int(sys.argv[1]))]
with Tree(Supervisor("startup", children=children)):
    print("up", flush=True)
    sys.stdin.read()
"""


class Memory(NamedTuple):
    """MiB of the host of a tree, and of its launcher."""

    host: float
    launcher: float

    @property
    def both(self) -> float:
        """All that supervises."""
        return self.host + self.launcher


class Result(TypedDict):
    """What `measure` has found.

    Attributes:
        starts: milliseconds from before the start to after the end, of each round.
        memory: by the number of children.
    """

    starts: dict[str, list[float]]
    memory: dict[int, Memory]


def measure(rounds: int = 15, sizes: Sequence[int] = SIZES) -> Result:
    """Measure all of it.

    Args:
        rounds: how often each is started.
        sizes: of the trees whose memory is measured.
    """
    compile_package()
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(folder)
        with _host(3, environment):
            starts = _starts(rounds, environment)
        memory = {size: _memory(size, environment) for size in sizes}
    return {"starts": starts, "memory": memory}


def _environment(folder: str) -> dict[str, str]:
    """That of a program in which libraries are found without `site`."""
    path = os.pathsep.join((str(PROJECT), sysconfig.get_path("purelib")))
    return {**os.environ, "PYTHONPATH": path, "OTPSUP_RUNTIME_DIR": folder}


def commands() -> dict[str, list[str]]:
    """What is started, with the rivals that are installed."""
    found = {**STARTS, **LIBRARIES}
    for package, starts in RIVALS.items():
        if importlib.util.find_spec(package):
            found |= starts
    return found


def _starts(rounds: int, environment: dict[str, str]) -> dict[str, list[float]]:
    turns = list(commands().items())
    taken: dict[str, list[float]] = {name: [] for name, _ in turns}
    for _, argv in turns:  # once before it counts: files are read, and compiled
        _start(argv, environment)
    for _ in range(rounds):
        random.shuffle(turns)
        for name, argv in turns:
            taken[name].append(_start(argv, environment))
    return {name: taken[name] for name in commands()}


def _start(argv: Sequence[str], environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-S", *argv], env=environment, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return (time.perf_counter() - begun) * 1000


@contextlib.contextmanager
def _host(children: int, environment: dict[str, str]) -> Iterator[int]:
    """A process that runs a tree of so many commands; its pid."""
    argv = [sys.executable, "-S", "-c", HOST, str(children)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=environment, stdin=pipe, stdout=pipe) as process:
        assert process.stdin
        assert process.stdout
        if process.stdout.readline() != b"up\n":
            raise RuntimeError("the tree did not start")
        yield process.pid
        process.stdin.close()


def _memory(children: int, environment: dict[str, str]) -> Memory:
    with _host(children, environment) as pid:
        launcher = sum(map(pss, _children(pid)))  # there are no workers: it is the only one
        return Memory(pss(pid), launcher)


def _children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


def pss(pid: int) -> float:
    """The proportional set size of a process, MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def per_child(memory: dict[int, Memory]) -> dict[int, float]:
    """KiB that each child takes in host and launcher, beyond the smallest tree."""
    least = min(memory)
    return {
        size: (each.both - memory[least].both) * 1024 / (size - least)
        for size, each in memory.items()
        if size > least
    }


def report(found: Result) -> str:
    """The figures as a table."""
    starts, memory = found["starts"], found["memory"]
    bare = statistics.median(starts[BARE])
    lines = [f"{'':36}{'ms':>8}{'more':>8}   {'half of them':14}"]
    for name, taken in starts.items():
        low, middle, high = statistics.quantiles(taken, n=4)
        lines.append(f"{name:36}{middle:8.1f}{middle - bare:8.1f}   {low:.1f} to {high:.1f}")
    lines += [
        "",
        f"{'MiB at so many commands':28}{'host':>8}{'launcher':>10}{'both':>8}  KiB a child",
    ]
    each = per_child(memory)
    for size, mib in memory.items():
        more = f"{each[size]:13.2f}" if size in each else ""
        lines.append(f"{size:<28}{mib.host:8.2f}{mib.launcher:10.2f}{mib.both:8.2f}{more}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 15)))
