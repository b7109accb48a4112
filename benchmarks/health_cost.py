"""What it costs to look after many children: probes, samples, scrapes.

    python -m benchmarks.health_cost [--children 1000] [--seconds 60] [--only NAME]

Each kind is a tree of so many commands, in a host of its own, one kind after the other. What is
counted is the processor time of the host and its launcher, all their threads, over some time in
which nothing else happens (proc_pid_stat(5)), less what a tree without any of it takes in the
same run. In percent of one processor; so no clock is compared with that of another run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
from attrs import frozen

from . import places, processes

CHILDREN = 1000
SECONDS = 60.0
PROBED = 10.0
"""Seconds between two looks of a probe."""
SAMPLED = 15.0
"""Seconds between two samples, and between two scrapes."""
_SETTLE = 12.0
"""Seconds until all checks have begun, and take their turns."""

_HOST = """\
import socket, sys, threading
from otpsup import Check, Command, Metrics, Supervisor, Tree, heartbeat, memory, port

kind, count = sys.argv[1], int(sys.argv[2])
every = float(sys.argv[3])
server = socket.create_server(("127.0.0.1", 0), backlog=4096)

def accept():
    while True:
        server.accept()[0].close()

def options():
    number = server.getsockname()[1]
    checks = {
        "port": Check(port(number), interval=every),
        "memory": Check(memory(1 << 40), interval=every),
        "heartbeat": heartbeat(1000.0),
    }
    return {"liveness": [checks[kind]]} if kind in checks else {}

if kind == "port":
    import multiprocessing
    multiprocessing.get_context("fork").Process(target=accept, daemon=True).start()
children = [
    Command(f"c{n}", ["/bin/sleep", "100000"], stdout="null", stderr="null", **options())
    for n in range(count)
]
plugins = [Metrics()] if kind == "scrape" else []
with Tree(Supervisor("cost", children=children), plugins=plugins) as tree:
    if kind == "sample":
        tree.statistics()
    print("up", flush=True)
    for line in sys.stdin:
        tree.ask_plugin("metrics", "text", {"accept": "application/openmetrics-text"})
"""


@frozen
class Kind:
    """One kind of looking.

    Attributes:
        goal: percent of a processor that it may take; None if nobody has said.
        asks: seconds after which the host is asked for all metrics again; None for never.
    """

    name: str
    what: str
    goal: float | None = None
    asks: float | None = None


NOTHING = Kind("nothing", "a tree that nobody looks at")
KINDS = (
    NOTHING,
    Kind("port", f"a TCP probe of each every {PROBED:g} s", 5.0),
    Kind("memory", f"the memory of each every {PROBED:g} s", 5.0),
    Kind("heartbeat", "a heartbeat of each that has time", 5.0),
    Kind("sample", f"a sample of each every {SAMPLED:g} s", 2.0),
    Kind("scrape", f"the same, and all metrics as text every {SAMPLED:g} s", None, SAMPLED),
)


@contextlib.contextmanager
def _host(kind: Kind, children: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs such a tree."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "OTPSUP_RUNTIME_DIR": folder}
        argv = [places.python(), "-c", _HOST, kind.name, str(children), str(PROBED)]
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, env=environment, stdin=pipe, stdout=pipe) as process:
            try:
                assert process.stdout
                if process.stdout.readline() != b"up\n":
                    raise RuntimeError("the tree did not start")
                yield process
            finally:
                assert process.stdin
                process.stdin.close()


def _supervisors(pid: int) -> list[int]:
    """The host and its launcher: not who accepts the probes, and not the children."""
    return [pid, *(each for each in processes.children(pid) if _is_launcher(each))]


def _is_launcher(pid: int) -> bool:
    return b"launcher" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _used(pids: Sequence[int]) -> float:
    """Seconds of processor time, with that of threads that have ended: there is one for each
    pass over /proc."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system for each in times)


def share(kind: Kind, children: int, seconds: float) -> float:
    """Percent of one processor that host and launcher use while nothing happens."""
    with _host(kind, children) as process:
        time.sleep(_SETTLE)
        pids = _supervisors(process.pid)
        before, begun = _used(pids), time.monotonic()
        _wait(process, kind, begun + seconds)
        return (_used(pids) - before) / (time.monotonic() - begun) * 100


def _wait(process: subprocess.Popen[bytes], kind: Kind, until: float) -> None:
    assert process.stdin
    while (left := until - time.monotonic()) > 0:
        if kind.asks is not None:
            process.stdin.write(b"\n")
            process.stdin.flush()
        time.sleep(min(left, kind.asks or left))


def measure(
    kinds: Sequence[Kind] = KINDS, children: int = CHILDREN, seconds: float = SECONDS
) -> dict[str, float]:
    """Percent of one processor, by kind; `nothing` is among them."""
    wanted = [NOTHING, *(kind for kind in kinds if kind is not NOTHING)]
    return {kind.name: share(kind, children, seconds) for kind in wanted}


def report(found: dict[str, float], children: int) -> str:
    """The figures as a table."""
    base = found[NOTHING.name]
    lines = [f"{f'{children:,} children, % of one processor':56}{'all':>8}{'more':>8}  goal"]
    for kind in KINDS:
        if kind.name in found:
            goal = f"  < {kind.goal:g}" if kind.goal is not None else ""
            all, more = found[kind.name], found[kind.name] - base
            lines.append(f"{kind.what:56}{all:8.2f}{more:8.2f}{goal}")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.health_cost", description=__doc__)
    parser.add_argument("--children", type=int, default=CHILDREN)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    names = [kind.name for kind in KINDS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave nobody behind
    kinds = [kind for kind in KINDS if kind.name in (given.only or names)]
    print(report(measure(kinds, given.children, given.seconds), given.children))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
