"""Chaos with real processes.

python -m tests.chaos                  10,000 faults
python -m tests.chaos --faults 500     so many
python -m tests.chaos --seed 7         the same faults again

As root it also has a small disk of its own under the logs, processes of another user, and a control
group that keeps the launcher from forking; otherwise limits take their place, as it says.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from .books import growth, table
from .grounds import Grounds
from .log import Log
from .run import WEIGHTS, Outcome, Plan, run

_OWN_NAMESPACE = "OTPSUP_CHAOS_OWN_NAMESPACE"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--hung", type=float, default=150, help="at most so many seconds per rest")
    options = parser.parse_args()
    _enter_own_namespace()
    plan = Plan(options.seed, options.faults, options.hung)
    report = _take_stdout()
    _have_a_low_limit()
    report(f"seed {options.seed}, {options.faults} faults")
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    began, log = time.monotonic(), Log()
    with tempfile.TemporaryDirectory(prefix="otpsup-chaos-", dir="/tmp") as folder:
        may_mount = _OWN_NAMESPACE in os.environ
        try:
            outcome = run(plan, Grounds(Path(folder), may_mount=may_mount), log, report)
        except Exception as error:  # of whatever kind: the log tells what was before
            report(f"{log}\n{_words(error)}")
            report(f"again: python -m tests.chaos --seed {options.seed} --faults {options.faults}")
            return 1
    return _tell(outcome, options.faults, time.monotonic() - began, report)


def _words(error: Exception) -> str:
    if isinstance(error, AssertionError):
        return f"failed: {error}"
    return "".join(traceback.format_exception(error))


def _enter_own_namespace() -> None:
    """Begin anew where mounts are nobody else's, if that is possible: only for root."""
    unshare = shutil.which("unshare")
    if _OWN_NAMESPACE in os.environ or unshare is None or os.geteuid() != 0:
        return
    into = [unshare, "--mount", "--propagation", "private"]
    if subprocess.run([*into, "true"], check=False, capture_output=True).returncode == 0:
        argv = [*into, sys.executable, "-m", "tests.chaos", *sys.argv[1:]]
        os.execve(unshare, argv, {**os.environ, _OWN_NAMESPACE: "1"})


def _take_stdout() -> Callable[[str], None]:
    """Our stdout for the report alone; the tree has /dev/null, and worse now and then."""
    own = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return lambda text: print(text, file=own, flush=True)


def _have_a_low_limit() -> None:
    """As many hosts have. otpsup raises its own; the children's must stay what it was."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))


def _tell(outcome: Outcome, count: int, took: float, report: Callable[[str], None]) -> int:
    report(f"in the end: {outcome.series[-1]}")
    report(table(outcome.series))
    report(f"faults: {_counts(outcome.done)}")
    report(f"starts that failed as they were made to: {_counts(outcome.seen)}")
    left_out = [fault.__name__ for fault in WEIGHTS if not outcome.done[fault.__name__]]
    if left_out and count >= 150:
        report(f"these have not happened: {', '.join(left_out)}")
        return 1
    report(f"{count} faults in {took:.0f} s: 0 orphans, 0 zombies, all as the engine predicts")
    if count < 3000:
        return 0
    grown = list(growth(outcome.series, since=1000))
    report("; ".join(grown) or "flat from the 1000th fault to the last thousand")
    return 1 if grown else 0


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


if __name__ == "__main__":
    sys.exit(main())
