"""What supervisord would say of each process: made from what the engine tells of a child.

Pure: a record and a change of state give the records that follow, the last one being what it is
now. Where supervisord goes through two states at once (BACKOFF, FATAL), there are two.

Source: http://supervisord.org/subprocess.html#process-states, `process.py` of supervisor 4.3.0.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..engine.effects import StateChange
from ..engine.reasons import Reason, signal_name
from .conf.model import Group, Process
from .states import State

TOO_QUICKLY = "Exited too quickly (process log may have details)"


@frozen(kw_only=True)
class Record:
    """A process.

    Attributes:
        started, stopped: when it was started and ended last, in seconds since 1970; 0 for never.
        pid: 0 if there is no process.
        exitstatus: of the last one that ended; -1 if that was by a signal, None if not known.
        spawnerr: why it did not start, or ended; nothing if all is well.
        backoff: failed starts in a row.
        ended: how its last process ended, in supervisord's words.
    """

    group: Group
    process: Process
    state: State = State.STOPPED
    started: float = 0.0
    stopped: float = 0.0
    pid: int = 0
    exitstatus: int | None = None
    spawnerr: str = ""
    backoff: int = 0
    ended: str = ""

    @property
    def name(self) -> str:
        """Its own name, without its group's."""
        return self.process.name

    @property
    def namespec(self) -> str:
        """What clients call it: `group:process`, or only one name if these are the same."""
        return namespec(self.group.name, self.name)

    @property
    def is_expected(self) -> bool:
        """Whether its exit code is one of those it may have."""
        return self.exitstatus in self.process.exitcodes


def namespec(group: str, process: str) -> str:
    """`group:process`, or only one name if these are the same."""
    return process if group == process else f"{group}:{process}"


def spawned(record: Record, pid: int) -> Record:
    """It has a process."""
    return evolve(record, pid=pid, spawnerr="")


def follow(
    record: Record, change: StateChange, now: float, problem: str | None = None
) -> tuple[Record, ...]:
    """What becomes of a record.

    Args:
        change: of the child that the process is.
        now: in seconds since 1970.
        problem: why its command cannot be run, if a start has failed.
    """
    reason = change.reason or change.cause.reason
    match change.state:
        case "starting":
            return (_starting(record, now),)
        case "running" if record.state is State.STARTING:
            return (evolve(record, state=State.RUNNING, backoff=0),)
        case "stopping" if record.state in (State.STARTING, State.RUNNING):
            return (evolve(record, state=State.STOPPING),)
        case "restarting" | "down":
            return _ended(record, change, reason, now, problem)
    return ()


def _starting(record: Record, now: float) -> Record:
    return evolve(
        record, state=State.STARTING, started=now, spawnerr="", exitstatus=None, pid=0, ended=""
    )


def _ended(
    record: Record, change: StateChange, reason: Reason | None, now: float, problem: str | None
) -> tuple[Record, ...]:
    goes_on = change.state == "restarting" or change.cause.kind == "retries_used"
    is_failed_start = record.state is State.STARTING or (record.state is State.STOPPING and goes_on)
    if is_failed_start:
        failed = _failed(record, reason, now, problem)
        return (failed,) if change.state == "restarting" else (failed, _given_up(failed))
    if record.state is State.RUNNING:
        return (_exited(record, reason, now),)
    if record.state is State.STOPPING:
        return (_stopped(record, reason, now),)
    if record.state is State.BACKOFF and change.state == "down":
        is_over = change.cause.kind in ("shutdown", "retries_used")
        return (_given_up(record) if is_over else evolve(record, state=State.STOPPED),)
    return ()


def _failed(record: Record, reason: Reason | None, now: float, problem: str | None) -> Record:
    """It did not get as far as RUNNING."""
    had_process = record.pid != 0
    return evolve(
        record,
        state=State.BACKOFF,
        backoff=record.backoff + 1,
        spawnerr=problem or TOO_QUICKLY,
        exitstatus=None,
        pid=0,
        stopped=now if had_process else record.stopped,
        ended=ending(reason) if had_process else "",
    )


def _given_up(record: Record) -> Record:
    return evolve(record, state=State.FATAL, backoff=0)


def _exited(record: Record, reason: Reason | None, now: float) -> Record:
    status = exit_status(reason)
    is_expected = status in record.process.exitcodes
    return evolve(
        record,
        state=State.EXITED,
        exitstatus=status,
        spawnerr=record.spawnerr if is_expected else f"Bad exit code {status}",
        backoff=0,
        pid=0,
        stopped=now,
        ended=ending(reason),
    )


def _stopped(record: Record, reason: Reason | None, now: float) -> Record:
    return evolve(
        record,
        state=State.STOPPED,
        exitstatus=exit_status(reason),
        pid=0,
        stopped=now,
        ended=ending(reason),
    )


def exit_status(reason: Reason | None) -> int:
    """The exit code; -1 if it was a signal that ended the process."""
    if reason is None or reason.signal is not None or reason.code is None:
        return -1
    return reason.code


def ending(reason: Reason | None) -> str:
    """How a process ended: `exit status 1`, `terminated by SIGTERM (core dumped)`."""
    if reason is not None and reason.signal is not None:
        dumped = " (core dumped)" if "core dumped" in reason.detail else ""
        return f"terminated by {signal_name(reason.signal)}{dumped}"
    return f"exit status {exit_status(reason)}"
