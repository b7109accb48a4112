"""Chaos with real processes.

python -m tests.chaos                  10,000 faults
python -m tests.chaos --faults 500     so many
python -m tests.chaos --seed 7         the same faults again
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import signal
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from loguru import logger

from tests.chaos.faults import run


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.faults} faults", flush=True)
    log: deque[str] = deque(maxlen=60)
    logger.remove()
    logger.add(lambda message: log.append(str(message)), level="DEBUG")
    logger.enable("otpsup")
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="otpsup-chaos-") as folder:
        try:
            chaos = run(
                options.seed,
                options.faults,
                Path(folder),
                report=lambda text: print(text, flush=True),
            )
        except AssertionError as error:
            print("".join(log), error, sep="\n")
            return 1
    print(", ".join(f"{name} {count}" for name, count in sorted(chaos.done.items())))
    took = time.monotonic() - began
    print(f"{options.faults} faults in {took:.0f} s: 0 orphans, 0 zombies, all as the tree says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
