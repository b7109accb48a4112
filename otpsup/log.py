"""otpsup's own log, through loguru: what each report and each stop looks like there.

Decides levels and lines. No handler is added here: the host's set-up says where they go.
"""

from __future__ import annotations

from . import explain
from .engine.effects import Halt, LastOutput, Readiness, Report, StateChange, Told
from .logger import Words, logger
from .plain import plain

_LEVELS = {
    "progress": "INFO",
    "restart": "WARNING",
    "child_terminated": "WARNING",
    "start_error": "ERROR",
    "shutdown_error": "ERROR",
    "shutdown": "ERROR",
}
_WITH_TRACEBACK = ("child_terminated", "start_error", "shutdown_error")


def write(tree: str, effect: Told) -> None:
    """Log what is worth a line: every report, every child that is down now, what one that crashed
    wrote last, and for a tree that gave up, how it came to that."""
    if logger.is_off:  # spare the words
        return
    if isinstance(effect, StateChange):
        if effect.state == "down":
            logger.info("{}: {}", plain(tree), Words(_down, effect))
    elif isinstance(effect, Report):
        logger.log(_level(effect), "{}: {}", plain(tree), Words(_report, effect))
    elif isinstance(effect, Readiness):
        logger.log(_level_of_mark(effect), "{}: {}", plain(tree), Words(explain.readiness, effect))
    elif isinstance(effect, LastOutput):
        lines = "".join(f"\n  | {line}" for line in effect.lines)
        logger.warning("{}: {} wrote last:{}", plain(tree), plain(effect.path), lines)
    elif isinstance(effect, Halt) and effect.kind == "gave_up":
        for line in explain.story(effect):
            logger.error("{}: how it came to that: {}", plain(tree), plain(line))


def _report(report: Report) -> str:
    return plain(explain.report(report)) + _trace(report)


def _down(change: StateChange) -> str:
    path, why = change.path or "the tree", change.reason or "stopped"
    return plain(f"{path} is down: {why}{explain.reason_of(change)}")


def _level_of_mark(mark: Readiness) -> str:
    """Of one that is being ended its end tells why, in a moment: once is enough."""
    if mark.is_ending:
        return "DEBUG"
    return "WARNING" if mark.why else "INFO"


def _level(report: Report) -> str:
    """What was started by request is no news to who asked (OTP.md 18.3). Nobody asks for the steps
    of an update, which may come by SIGHUP."""
    asked = report.cause.kind == "request" and report.cause.rule != "update_start"
    is_asked_for = report.context == "progress" and asked
    return "DEBUG" if is_asked_for else _LEVELS[report.context]


def _trace(report: Report) -> str:
    """The traceback of the exception that ended a Python child, once for each."""
    has_one = report.context in _WITH_TRACEBACK and report.reason.traceback
    return f"\n{report.reason.traceback.rstrip()}" if has_one else ""
