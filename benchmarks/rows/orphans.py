"""Who is left when a supervisor is killed (SIGKILL), and for how long: of 120, none of whom asks
for any time to end.

    python -m benchmarks.rows.orphans [RIVAL ...] [--rounds 3]

A hundred are the programs themselves; ten of these have started another in a session of its own,
and ten a daemon that forked twice. They are known by the records that they write.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import places, processes
from ..records import Records
from ..report import Figure, Row, detail
from ..rivals import COMMANDS
from ..rivals.rival import Program, Rival, Running

DIRECT, EACH = 100, 10
ALL = DIRECT + 2 * EACH
PATIENCE = 5.0
"""Seconds after which whoever is alive counts as left."""
_LATEST = 60.0
_SCRIPT = """\
#!/bin/sh
# FIFO ID: become that program; some start another before, whom nobody has ordered.
if [ "$2" -ge {daemons} ]; then
    ( setsid sh -c '"$0" "$1" "$2" &' {child} "$1" $(($2 + {others})) & )
elif [ "$2" -ge {sessions} ]; then
    setsid {child} "$1" $(($2 + {others})) &
fi
exec {child} "$1" "$2"
"""


def family(folder: Path) -> list[Program]:
    """The programs, of which some start others."""
    script = folder / "family.sh"
    script.write_text(
        _SCRIPT.format(
            child=places.compiled("child"), others=2 * EACH,
            daemons=DIRECT - EACH, sessions=DIRECT - 2 * EACH,
        )
    )  # fmt: skip
    script.chmod(0o755)
    return [Program(f"c{id}", [str(script), str(folder / "fifo"), str(id)]) for id in range(DIRECT)]


def run(rival: Rival, place: Path) -> tuple[int, float]:
    """How many were left, and the ms until the last of the others was gone."""
    place.mkdir()
    records = Records(place / "fifo")
    running = rival.start(family(place), place / "own")
    helpers: list[int] = []
    fds: list[int] = []
    try:
        records.of_all(ALL, _LATEST)
        time.sleep(rival.settle)
        everybody = list(records.pids.values())
        helpers = running.supervisors(everybody)
        fds = [os.pidfd_open(pid) for pid in everybody]
        return _after_kill(running, fds)
    finally:
        _end(running, helpers, fds, records)


def _after_kill(running: Running, fds: Sequence[int]) -> tuple[int, float]:
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    left, begun = len(fds), time.monotonic()
    last = begun
    running.process.kill()
    while left and (remaining := begun + PATIENCE - time.monotonic()) > 0:
        for fd, _ in poll.poll(remaining * 1000):
            poll.unregister(fd)
            left, last = left - 1, time.monotonic()
    return left, (last - begun) * 1000


def _end(running: Running, helpers: Sequence[int], fds: Sequence[int], records: Records) -> None:
    """Leave nothing behind. First whoever would start them again, then they; those that have been
    started again meanwhile have written a record, too."""
    running.kill()
    processes.kill(processes.alive(helpers))
    processes.await_gone(helpers, 5.0)
    for fd in fds:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)
    while late := [record.pid for record in records.take(0.2)]:
        processes.kill(pid for pid in late if _is_ours(pid, records.path))
    records.close()


def _is_ours(pid: int, fifo: Path) -> bool:
    """Whether this number still belongs to one of the programs."""
    try:
        return os.fsencode(fifo) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def measure(rivals: Sequence[Rival], *, quick: bool, progress: Callable[[str], None]) -> list[Row]:
    """The rows: of who is left, and of how long it took where nobody is."""
    return _rows([rival for rival in rivals if rival.most >= DIRECT], 1 if quick else 3, progress)


def _rows(rivals: Sequence[Rival], rounds: int, progress: Callable[[str], None]) -> list[Row]:
    found: dict[str, list[tuple[int, float]]] = {rival.name: [] for rival in rivals}
    with tempfile.TemporaryDirectory() as place:
        for turn in range(rounds):
            for number, rival in enumerate(rivals):
                progress(f"Orphans: {rival.name}, round {turn + 1} of {rounds}")
                found[rival.name].append(run(rival, Path(place) / f"{turn}-{number}"))
    left = [
        Figure(rival.name, rival.kind, [float(count) for count, _ in found[rival.name]])
        for rival in rivals
    ]
    times = [
        Figure(rival.name, rival.kind, [took for _, took in found[rival.name]])
        for rival in rivals
        if not any(count for count, _ in found[rival.name])
    ]
    title = f"SIGKILL of the supervisor of {ALL}"
    return [
        Row("orphans", f"{title}: alive {PATIENCE:g} s later", "processes", left, target=0.0),
        Row("orphans-time", f"{title}: until all are gone", "ms", times, base="otpsup",
            target=100.0, target_is_absolute=True),
    ]  # fmt: skip


def main() -> None:
    """Print tables."""
    parser = argparse.ArgumentParser(prog="benchmarks.rows.orphans", description=__doc__)
    parser.add_argument("rivals", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    chosen = [r for r in COMMANDS if not given.rivals or any(n in r.name for n in given.rivals)]
    found = _rows([r for r in chosen if not r.missing()], given.rounds, lambda _: None)
    print(*map(detail, found), sep="\n")


if __name__ == "__main__":
    main()
