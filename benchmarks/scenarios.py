"""How many scenarios a second: otpsup's engine beside Erlang/OTP's supervisor, in turns.

    python -m benchmarks.scenarios [ROUNDS]

Each round is the same 1,000 random scenarios of six events on the average, JSON in, JSON out, on
one core. The start of Python, and of OTP's virtual machine, is in it. Without Erlang only ours is
measured.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.otp import erlang
from tests.otp.generator import Generator

COUNT = 1000
ROOT = Path(__file__).parent.parent


def seconds(run: object) -> float:
    """How long one call takes."""
    assert callable(run)
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main(rounds: int) -> None:
    scenarios = list(Generator(1).scenarios(COUNT))
    events = sum(len(scenario["events"]) for scenario in scenarios)
    print(f"{COUNT} scenarios, {events} events, {rounds} rounds", flush=True)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(f"{json.dumps(scenario)}\n" for scenario in scenarios))
        file.flush()
        argv = [sys.executable, "-m", "otpsup", "simulate", file.name]

        def ours() -> None:
            subprocess.run(argv, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)

        if not erlang.is_installed():
            report("otpsup", [seconds(ours) for _ in range(rounds)])
            return
        with erlang.Otp() as otp:
            pairs = [(seconds(ours), seconds(lambda: otp.run(scenarios))) for _ in range(rounds)]
        report("otpsup", [a for a, _ in pairs])
        report(f"OTP {erlang.release()}", [b for _, b in pairs])
        print(f"ratio of times, pair by pair: {statistics.median(a / b for a, b in pairs):.2f}")


def report(name: str, times: list[float]) -> None:
    """One row: the median, and the best."""
    median, best = COUNT / statistics.median(times), COUNT / min(times)
    print(f"{name:8} {median:6.0f} scenarios/s (best {best:.0f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
