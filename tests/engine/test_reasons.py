"""Why a process ended, in OTP's classes."""

from __future__ import annotations

import pytest

from otpsup.engine.reasons import Crash, Exit, Kind, classify, signal_name

TERM, KILL, INT, SEGV = 15, 9, 2, 11

NO_PORT = Crash("ValueError", "no port", "Traceback (most recent call last): ...")

CASES: list[tuple[Exit, set[int], int, bool, bool, Kind, str]] = [
    # exit, exitcodes, stop signal, was it sent, was SIGKILL sent: kind, in words
    (Exit(code=0), {0}, TERM, False, False, "normal", "ended normally (exit code 0)"),
    (Exit(code=1), {0}, TERM, False, False, "exited", "exit code 1"),
    (Exit(code=3), {0, 3}, TERM, False, False, "normal", "ended normally (exit code 3)"),
    (Exit(code=0), {3}, TERM, False, False, "exited", "exit code 0"),
    # asked to stop
    (Exit(code=0), {0}, TERM, True, False, "normal", "ended normally (exit code 0)"),
    (Exit(code=1), {0}, TERM, True, False, "exited", "exit code 1"),
    (Exit(signal=TERM), {0}, TERM, True, False, "shutdown", "stopped by SIGTERM"),
    (Exit(signal=INT), {0}, INT, True, False, "shutdown", "stopped by SIGINT"),
    (Exit(signal=INT), {0}, TERM, True, False, "signaled", "SIGINT"),
    (Exit(code=143), {0}, TERM, True, False, "shutdown", "stopped by SIGTERM"),
    (Exit(code=130), {0}, INT, True, False, "shutdown", "stopped by SIGINT"),
    (Exit(code=130), {0}, TERM, True, False, "exited", "exit code 130"),
    # nobody asked
    (Exit(signal=TERM), {0}, TERM, False, False, "signaled", "SIGTERM"),
    (Exit(code=143), {0}, TERM, False, False, "exited", "exit code 143"),
    (Exit(signal=KILL), {0}, TERM, False, False, "signaled", "SIGKILL"),
    (Exit(signal=SEGV, core=True), {0}, TERM, False, False, "signaled", "SIGSEGV (core dumped)"),
    (Exit(signal=200), {0}, TERM, False, False, "signaled", "signal 200"),
    # killed after the stop timeout, or at once
    (Exit(signal=KILL), {0}, TERM, True, True, "killed", "killed (SIGKILL)"),
    (Exit(signal=KILL), {0}, TERM, False, True, "killed", "killed (SIGKILL)"),
    (Exit(signal=KILL), {0}, TERM, True, False, "signaled", "SIGKILL"),
    (Exit(signal=TERM), {0}, TERM, True, True, "shutdown", "stopped by SIGTERM"),
    (Exit(signal=SEGV), {0}, TERM, True, True, "signaled", "SIGSEGV"),
    (Exit(signal=KILL), {0}, KILL, True, False, "shutdown", "stopped by SIGKILL"),
    (Exit(code=0), {0}, TERM, True, True, "normal", "ended normally (exit code 0)"),
    # an exception of a Python child
    (Exit(code=1, crash=NO_PORT), {0}, TERM, False, False, "exception", "ValueError: no port"),
    (Exit(code=1, crash=Crash("KeyError", "")), {0, 1}, TERM, True, False, "exception", "KeyError"),
    (Exit(signal=KILL, crash=NO_PORT), {0}, TERM, True, True, "killed", "killed (SIGKILL)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("exit", "exitcodes", "stop_signal", "stopping", "killed", "kind", "words"), CASES
)
def test_classify(
    exit: Exit,
    exitcodes: set[int],
    stop_signal: int,
    stopping: bool,
    killed: bool,
    kind: Kind,
    words: str,
) -> None:
    """DESIGN 4.8: exitcodes are normal, our stop signal is shutdown, our SIGKILL is killed."""
    reason = classify(
        exit, exitcodes=exitcodes, stop_signal=stop_signal, stopping=stopping, killed=killed
    )

    assert (kind, words) == (reason.kind, str(reason))
    assert exit.signal == reason.signal
    assert reason.signal is not None or exit.code == reason.code


def test_traceback_is_kept() -> None:
    """The traceback of a Python child is part of the reason, and not of its one line of words."""
    reason = classify(
        Exit(code=1, crash=NO_PORT), exitcodes={0}, stop_signal=TERM, stopping=False, killed=False
    )

    assert NO_PORT.traceback == reason.traceback
    assert "Traceback" not in str(reason)


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (15, "SIGTERM"), (63, "signal 63")])
def test_signal_name(number: int, name: str) -> None:
    """A signal has its name, or its number where it has none."""
    assert name == signal_name(number)
