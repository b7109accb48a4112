"""Breaks the engine in one place after another, and expects the quick tests to notice each time.

    python -m tests.mutation                     all mutants, two at a time
    python -m tests.mutation NAME ...            only these
    python -m tests.mutation --markdown          the table at the end in Markdown
    python -m tests.mutation --equivalent        those that change nothing: no test may notice them

Nothing is changed here: every mutant lives in a copy of its own. Exit code 1 if one survives, or if
one that should change nothing does not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutation.mutants import EQUIVALENT, MUTANTS, Mutant
from tests.mutation.trial import Verdict, make_original, run, trial

Result = tuple[Mutant, Verdict]

SURVIVED = "SURVIVED"


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    options, began = _options(argv), time.monotonic()
    table = EQUIVALENT if options.equivalent else MUTANTS
    mutants = [m for m in table if not options.names or m.name in options.names]
    with tempfile.TemporaryDirectory(prefix="otpsup-mutants-") as name:
        original = Path(name)
        make_original(original)
        verdict = run(original)
        if verdict.killed_by:
            print(f"without any mutant: {verdict.killed_by} fails: {verdict.why}")
            return 1
        print(f"without any mutant all tests pass, in {verdict.seconds:.0f} s", flush=True)
        results = list(_try_all(mutants, original, options.jobs))
    print(_table(results, markdown=options.markdown))
    print(_count(results, time.monotonic() - began))
    return int(any(bool(v.killed_by) == options.equivalent for _, v in results))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help="a mutant's; all if none is given")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (%(default)s)")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--equivalent", action="store_true", help="those that change nothing")
    options = parser.parse_args(argv)
    known = {mutant.name for mutant in (EQUIVALENT if options.equivalent else MUTANTS)}
    if unknown := set(options.names) - known:
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    return options


def _try_all(mutants: Sequence[Mutant], original: Path, jobs: int) -> Iterator[Result]:
    with ThreadPoolExecutor(jobs) as pool:
        verdicts = pool.map(lambda mutant: trial(mutant, original), mutants)
        for number, (mutant, verdict) in enumerate(zip(mutants, verdicts, strict=True), 1):
            how = f"killed by {verdict.killed_by}" if verdict.killed_by else SURVIVED
            seconds = f"{verdict.seconds:.0f} s"
            print(f"{number}/{len(mutants)} {mutant.name}: {how} ({seconds})", flush=True)
            yield mutant, verdict


def _table(results: Sequence[Result], *, markdown: bool) -> str:
    """Each mutant, the rule that it breaks, and what killed it."""
    form = "| {} | {} | {} |" if markdown else "{:28} {:84} {}"
    rows = [
        form.format(m.name, f"{m.rule} ({m.source})", verdict.killed_by or SURVIVED)
        for m, verdict in results
    ]
    head = form.format("mutant", "the rule that it breaks", "killed by")
    return "\n".join([head, *(["|---|---|---|"] if markdown else []), *rows])


def _count(results: Sequence[Result], seconds: float) -> str:
    killed = sum(bool(verdict.killed_by) for _, verdict in results)
    count = f"{len(results)} mutants, {killed} killed, {len(results) - killed} survived"
    return f"{count}; {len(EQUIVALENT)} change nothing (see mutants.py); {seconds:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
