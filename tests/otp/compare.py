"""Compares otpsup with Erlang/OTP's own supervisor, trace by trace.

    python -m tests.otp.compare                       5,000 fresh random scenarios
    python -m tests.otp.compare --scenarios 200000    the long run
    python -m tests.otp.compare --seed 7              the same ones again
    python -m tests.otp.compare --record FILE         keep scenarios with OTP's traces

Every scenario runs three times: on OTP; on otpsup's engine with deviation 1 undone (see `waking`),
where the whole trace must be OTP's, to the letter; and on otpsup as it is, where it must be so too
unless deviation 1 shows. What OTP leaves open is put in order first, see `in_order`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from attrs import define

from otpsup.testing import simulate
from otpsup.testing.scenario import parse
from tests.otp import erlang
from tests.otp.generator import Generator
from tests.otp.waking import WakingSimulation

Json = dict[str, Any]
CHUNK = 1000


@define
class Tally:
    """What came of the comparison."""

    scenarios: int = 0
    events: int = 0
    records: int = 0
    woken: int = 0
    """Scenarios in which deviation 1 shows."""
    seconds_otp: float = 0.0
    seconds_ours: float = 0.0


class Different(Exception):
    """The traces of a scenario differ."""

    def __init__(self, scenario: Json, ours: Any, otp: Any, where: str) -> None:
        super().__init__(
            f"scenario {scenario['id']} differs in {where}\n"
            f"scenario: {json.dumps(scenario)}\nours: {json.dumps(ours)}\nOTP:  {json.dumps(otp)}"
        )


def in_order(trace: Any) -> Any:
    """A trace in which the ends of a template's instances that come together are sorted.

    OTP stops them all at once and says nothing of their order (OTP.md 16.7).
    """
    if isinstance(trace, list):
        return [in_order(item) for item in _sorted_instances(trace)]
    if isinstance(trace, dict):
        return {key: in_order(value) for key, value in trace.items()}
    return trace


def _sorted_instances(records: list[Any]) -> Iterator[Any]:
    for pool, group in groupby(records, _pool_of_end):
        together = list(group)
        yield from sorted(together, key=lambda r: str(r["path"])) if pool else together


def _pool_of_end(record: Any) -> str:
    """The path of the template's supervisor, for the end of an instance; else nothing."""
    if not isinstance(record, dict) or record.get("ev") != "exit":
        return ""
    path, hash, _ = record["path"].rpartition("#")
    return path.rpartition("/")[0] if hash else ""


def difference(ours: Json, otp: Json) -> str:
    """Where two traces differ first; nothing if they do not."""
    if ours == otp:
        return ""
    for n, (a, b) in enumerate(zip(ours["events"], otp["events"], strict=True)):
        if a != b:
            return f"event {n}"
    return next(key for key in otp if ours.get(key) != otp[key])


def check(scenario: Json, otp: Json, tally: Tally) -> None:
    """Compare one scenario.

    Raises:
        Different: something is not as in OTP.
    """
    otp = in_order(otp)
    waking = in_order(WakingSimulation(parse(scenario)).run())
    if where := difference(waking, otp):
        raise Different(scenario, waking, otp, where)
    ours = in_order(simulate(scenario))
    tally.scenarios += 1
    tally.events += len(otp["events"])
    tally.records += sum(len(event["trace"]) for event in otp["events"])
    if ours != otp:
        if not shows_deviation_1(scenario, ours, otp):
            raise Different(scenario, ours, otp, "more than deviation 1")
        tally.woken += 1


def shows_deviation_1(scenario: Json, ours: Json, otp: Json) -> bool:
    """Whether an operator has stopped a child before the traces part: nothing else may part them.

    That it is this deviation is shown by the waking simulation, which does not part from OTP.
    """
    for n, (a, b) in enumerate(zip(ours["events"], otp["events"], strict=True)):
        if a != b:
            return "terminate_child" in json.dumps(scenario["events"][: n + 1])
    return False


def compare(generator: Generator, count: int, otp: erlang.Otp) -> Iterator[Tally]:
    """Compare so many scenarios; tells how far it has come after each thousand."""
    tally = Tally()
    scenarios = generator.scenarios(count)
    while chunk := list(islice(scenarios, CHUNK)):
        began = time.perf_counter()
        traces = otp.run(chunk)
        between = time.perf_counter()
        for scenario, trace in zip(chunk, traces, strict=True):
            check(scenario, trace, tally)
        tally.seconds_otp += between - began
        tally.seconds_ours += time.perf_counter() - between
        yield tally


def record(generator: Generator, count: int, otp: erlang.Otp, path: Path) -> None:
    """Keep scenarios and OTP's traces of them, for places without Erlang."""
    scenarios = list(generator.scenarios(count))
    pairs = zip(scenarios, otp.run(scenarios), strict=True)
    lines = (json.dumps({"scenario": s, "otp": t}, separators=(",", ":")) for s, t in pairs)
    with path.open("wb") as file, gzip.GzipFile("", "wb", mtime=0, fileobj=file) as packed:
        packed.write("".join(f"{line}\n" for line in lines).encode())


def recorded(path: Path) -> list[tuple[Json, Json]]:
    """Scenarios, and OTP's traces of them."""
    with gzip.open(path, "rt") as file:
        pairs = map(json.loads, file)
        return [(pair["scenario"], pair["otp"]) for pair in pairs]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a comparison from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.otp.compare", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--scenarios", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--record", type=Path)
    options = parser.parse_args(argv)
    if not erlang.is_installed():
        parser.error("there is no Erlang here; on Debian: apt-get install erlang-base")
    print(f"seed {options.seed}, OTP {erlang.release()}", flush=True)
    with erlang.Otp() as otp:
        generator = Generator(options.seed)
        if options.record:
            record(generator, options.scenarios, otp, options.record)
            return 0
        try:
            for tally in compare(generator, options.scenarios, otp):
                print(f"\r{tally.scenarios} of {options.scenarios}", end="", flush=True)
        except Different as error:
            print(f"\n{error}\nagain: python -m tests.otp.compare --seed {options.seed}")
            return 1
    print(f"\r{summary(tally)}")
    return 0


def summary(tally: Tally) -> str:
    """The last lines of a run."""
    return (
        f"{tally.scenarios} scenarios, {tally.events} events, {tally.records} starts and ends: "
        "every trace, result and final state is OTP's\n"
        f"deviation 1 (what an operator stopped stays down) shows in {tally.woken} of them\n"
        f"OTP {tally.scenarios / tally.seconds_otp:.0f} scenarios/s; otpsup, each twice, "
        f"{tally.scenarios / tally.seconds_ours:.0f}/s"
    )


if __name__ == "__main__":
    sys.exit(main())
