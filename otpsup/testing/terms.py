"""Reasons and answers as OTP has them, in JSON: tuples are arrays, atoms texts, pids paths.

Only translates, from the engine's values to OTP's.
"""

from __future__ import annotations

from typing import Any, Final

from .. import errors
from ..engine.reasons import NORMAL, SHUTDOWN, Reason

Term = Any

CRASH: Final = Reason("exited", "crash", code=1)
SHUTDOWN_TERM: Final = Reason("shutdown", "{shutdown,done}")
KILLED: Final = Reason("killed", "killed")

ENDINGS: dict[str, Reason] = {
    "crash": CRASH,
    "normal": NORMAL,
    "shutdown": SHUTDOWN,
    "shutdown_term": SHUTDOWN_TERM,
    "kill": KILLED,
}
"""How a child ends by itself, by the scenario's word."""

START_ERRORS: dict[str, Term] = {
    "error": "start_error",
    "exit": ["EXIT", "start_exit"],
    "throw": "start_throw",
    "bad": "bad_return",
    "init_crash": "init_crash",
}
"""Why a start failed, as OTP's supervisor sees it (OTP.md 5.2)."""

_BY_ERROR: dict[type[errors.OtpsupError], Term] = {
    errors.AlreadyPresent: "already_present",
    errors.NotFound: "not_found",
    errors.Running: "running",
    errors.Restarting: "restarting",
    errors.SimpleOneForOne: "simple_one_for_one",
}

NOPROC: Final = ["exit", "noproc"]


def of_reason(reason: Reason | None) -> Term:
    """An exit reason: `crash`, `normal`, `shutdown`, `killed` or `["shutdown","done"]`."""
    if reason is None:
        return "normal"
    if reason == CRASH:
        return "crash"
    if reason == SHUTDOWN_TERM:
        return ["shutdown", "done"]
    return reason.kind


def of_error(error: errors.OtpsupError, path: str) -> Term:
    """The answer that refuses a request about `path`."""
    if isinstance(error, errors.AlreadyStarted):
        return ["error", ["already_started", path]]
    if isinstance(error, errors.InvalidSpec):
        return ["error", ["bad_combination", [["auto_shutdown", "never"], ["significant", True]]]]
    return ["error", _BY_ERROR[type(error)]]
