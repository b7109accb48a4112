"""Deterministic simulation of the whole runtime.

python -m tests.simulation                    100,000 steps of a new seed
python -m tests.simulation --steps 5000000    so many
python -m tests.simulation --seed 7 --life 3  one life again, with all that happened in it
"""

from __future__ import annotations

import argparse
import random
import sys

from tests.simulation.run import FailedLife, one_life, run


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--life", type=int, help="only this one")
    options = parser.parse_args()
    try:
        if options.life is not None:
            one_life(options.seed, options.life, trace=print)
            return 0
        print(run(options.seed, options.steps, report=lambda text: print(text, flush=True)))
    except FailedLife as failure:
        print(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
