"""Hostile input for everything that otpsup reads from outside.

python -m tests.fuzz                        100,000 inputs
python -m tests.fuzz --inputs 5000          so many for each target
python -m tests.fuzz --target scenarios     for one of them
python -m tests.fuzz --seed 7               the same inputs again
python -m tests.fuzz --target specs --input 0badcafe    one input, in hexadecimal
"""

from __future__ import annotations

import argparse
import random
import sys
import traceback
from collections.abc import Sequence

from loguru import logger

from .channels import Channels, Datagrams
from .clients import Answers, Clients
from .codecs import Outlines, Requests, Scenarios, Specs, StatusMessages
from .files import Files
from .target import Target, Totals, made, run
from .tree_files import TreeFiles

TARGETS: tuple[type[Target], ...] = (
    StatusMessages, Channels, Datagrams, Requests, Clients, Answers, Outlines, Scenarios, Files,
    Specs, TreeFiles,
)  # fmt: skip
_ALL = 100_000


def main() -> int:
    """Run from the command line; 1 if anything is wrong."""
    options = _parser().parse_args()
    logger.remove()
    chosen = [target for target in TARGETS if options.target in (None, target.name)]
    if options.input is not None:
        return _conclude([run(chosen[0](), iter([bytes.fromhex(options.input)]))], options.seed)
    print(f"seed {options.seed}", flush=True)
    return _conclude([_fuzz(kind(), options) for kind in chosen], options.seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--inputs", type=int, help="for each target")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--target", choices=[target.name for target in TARGETS])
    parser.add_argument("--input", help="one input for --target, in hexadecimal")
    return parser


def _fuzz(target: Target, options: argparse.Namespace) -> Totals:
    count = options.inputs or share_of(target, _ALL)

    def report(totals: Totals) -> None:
        if totals.tried % max(500, count // 4 // 500 * 500) == 0:
            print(f"  {target.name}: {totals.tried} of {count}", flush=True)

    return run(target, made(target, options.seed, count), report)


def share_of(target: Target, total: int) -> int:
    """How many of all inputs a target gets."""
    return int(total * target.share / sum(each.share for each in TARGETS))


def _conclude(found: Sequence[Totals], seed: int) -> int:
    print(table(found))
    for totals in found:
        if totals.error is not None:
            _tell(totals, seed)
    return 1 if any(totals.crashes for totals in found) else 0


def table(found: Sequence[Totals]) -> str:
    """The totals, a line a target, and of all."""
    rows = [("target", "inputs", "accepted", "refused", "crashes", "most memory", "seconds")]
    rows += [
        (t.target, f"{t.tried:,}", f"{t.accepted:,}", f"{t.tried - t.accepted:,}", str(t.crashes),
         f"+{t.memory / (1 << 20):.1f} MiB", f"{t.seconds:.1f}")
        for t in found
    ]  # fmt: skip
    tried, crashes = sum(t.tried for t in found), sum(t.crashes for t in found)
    accepted, seconds = sum(t.accepted for t in found), sum(t.seconds for t in found)
    rows.append(("all", f"{tried:,}", f"{accepted:,}", f"{tried - accepted:,}", str(crashes), "",
                 f"{seconds:.1f}"))  # fmt: skip
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def _tell(totals: Totals, seed: int) -> None:
    assert totals.error is not None
    data = (totals.input or b"").hex()
    print(f"\n{totals.target}: {type(totals.error).__name__} after {totals.tried} inputs")
    traceback.print_exception(totals.error, file=sys.stdout)
    print(f"input: {data}\npython -m tests.fuzz --target '{totals.target}' --input {data}")
    print(f"python -m tests.fuzz --target '{totals.target}' --seed {seed}")


if __name__ == "__main__":
    sys.exit(main())
