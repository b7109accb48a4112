"""The whole table: otpsup, its rivals and the least possible, side by side in one run.

    python -m benchmarks.setup              once
    python -m benchmarks [--quick] [--only ROW] [--out FOLDER]

Progress goes to standard error, the table to standard output, and results.json, results.md and
chart.svg into the folder.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from attrs import define, field, frozen

from . import charts, machine, places, processes
from .report import Report, Row, markdown, to_json
from .rivals import COMMANDS
from .rivals.rival import Rival


@frozen
class Kind:
    """A module of `benchmarks.rows`.

    Attributes:
        minutes: that it takes, in full and in short; what is said to whoever waits.
    """

    name: str
    what: str
    minutes: tuple[float, float]

    @property
    def module(self) -> str:
        """The module's name."""
        return f"{__package__}.rows.{self.name}"

    def is_there(self) -> bool:
        """Whether it has been written."""
        return importlib.util.find_spec(self.module) is not None


KINDS = (
    Kind("restart", "kill -9 of one command, until it is back", (2.5, 0.7)),
    Kind("bulk", "many commands: start, idle, memory, kill -9 of all, stop", (15.0, 5.0)),
    Kind("logs", "how fast output gets into rotated files", (5.0, 2.0)),
    Kind("workers", "Python workers: start, restart, memory", (3.0, 1.0)),
    Kind("orphans", "who is left when the supervisor is killed", (2.0, 1.0)),
)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    names = [kind.name for kind in KINDS]
    parser.add_argument("--only", action="append", choices=names, metavar="ROW", help="again: more")
    parser.add_argument("--rival", action="append", metavar="NAME", help="only these; again: more")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter, in minutes")
    parser.add_argument("--list", action="store_true", help="what there is, and who can take part")
    parser.add_argument("--out", type=Path, default=places.RIVALS / "results", metavar="FOLDER")
    parser.add_argument("--document", action="store_true", help="write into the documentation")
    return parser.parse_args(argv)


@define
class Run:
    """A run in progress."""

    rivals: Sequence[Rival]
    kinds: Sequence[Kind]
    is_quick: bool
    rows: list[Row] = field(factory=list)
    failures: list[str] = field(factory=list)
    _begun: float = field(factory=time.monotonic)

    def measure_all(self, after_each: Callable[[], None]) -> None:
        """One kind of work after the other; what fails is noted, and nothing is left running."""
        for number, kind in enumerate(self.kinds):
            try:
                self._measure(kind, self.kinds[number:])
            except Exception as error:  # a rival, or a row, must not take the others with it
                traceback.print_exc()
                self.failures.append(f"{kind.name}: {type(error).__name__}: {error}")
            finally:
                processes.sweep()
            after_each()

    def _measure(self, kind: Kind, left: Sequence[Kind]) -> None:
        minutes = sum(each.minutes[self.is_quick] for each in left)
        self.say(f"{kind.name}: {kind.what}; some {minutes:.0f} minutes to the end")

        def progress(text: str) -> None:
            self.say(f"{kind.name}: {text}")

        module = importlib.import_module(kind.module)
        self.rows += module.measure(self.rivals, quick=self.is_quick, progress=progress)

    def say(self, text: str) -> None:
        """A line for whoever waits."""
        seconds = int(time.monotonic() - self._begun)
        print(f"[{seconds // 60}:{seconds % 60:02}] {text}", file=sys.stderr, flush=True)


def able(names: Sequence[str] | None) -> tuple[list[Rival], list[str]]:
    """Who takes part, and who cannot and why."""
    wanted = [each for each in COMMANDS if not names or any(name in each.name for name in names)]
    missing = [why for each in wanted if (why := each.missing())]
    return [each for each in wanted if not each.missing()], missing


def write(report: Report, folder: Path) -> None:
    """results.json, results.md and chart.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(to_json(report), indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n")
    (folder / "results.md").write_text(markdown(report))
    title = "otpsup, its rivals and the least possible"
    (folder / "chart.svg").write_text(charts.chart(report.rows, title))


def show_list(kinds: Sequence[Kind], rivals: Sequence[Rival], missing: Sequence[str]) -> None:
    """What there is."""
    for kind in kinds:
        full, short = kind.minutes
        print(f"{kind.name:10}{kind.what} ({full:g} minutes, --quick {short:g})")
    print("\n".join(["", *(rival.name for rival in rivals), *missing]))


def terminated(*_: object) -> NoReturn:
    """SIGTERM ends a run as Ctrl-C does: nothing is left behind."""
    raise KeyboardInterrupt


def main() -> None:
    """Measure, and show."""
    given = parse()
    kinds = [kind for kind in KINDS if kind.is_there() and kind.name in (given.only or [kind.name])]
    rivals, missing = able(given.rival)
    if given.list:
        show_list(kinds, rivals, missing)
        return
    signal.signal(signal.SIGTERM, terminated)
    processes.adopt()
    run = Run(rivals, kinds, given.quick, failures=missing)
    about = machine.describe(rivals) | {"run": "quick" if given.quick else "full"}
    folder = places.RESULTS if given.document else given.out

    def save() -> None:
        write(Report(about, run.rows, run.failures), folder)

    run.measure_all(after_each=save)
    print(markdown(Report(about, run.rows, run.failures)))
    run.say(f"written into {folder}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
