"""supervisord's state of each process, from what the engine tells; and its structs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from otpsup.engine.cause import Cause
from otpsup.engine.effects import State as EngineState
from otpsup.engine.effects import StateChange
from otpsup.engine.reasons import Reason
from otpsup.supervisord.compare import differences
from otpsup.supervisord.conf.model import Group, Log, Process
from otpsup.supervisord.processes import TOO_QUICKLY, Record, follow, spawned
from otpsup.supervisord.rpc import structs
from otpsup.supervisord.rpc.faults import Fault, RpcError
from otpsup.supervisord.sayings import sayings
from otpsup.supervisord.states import State

WEB = Process(name="web", section="program:web", command="cat", exitcodes=(0, 2))
GROUP = Group(name="web", processes=(WEB,))
NEW = Record(group=GROUP, process=WEB)
EXIT_3 = Reason("exited", "exit code 3", code=3)
EXIT_2 = Reason("normal", "ended normally", code=2)
KILLED = Reason("killed", "killed (SIGKILL)", signal=9)


def change(state: EngineState, kind: Any = "exit", reason: Reason | None = None) -> StateChange:
    return StateChange(1.0, "web/web", state, Cause(kind), reason=reason)


def after(record: Record, *changes: StateChange, problem: str | None = None) -> list[Record]:
    """All records that follow, when each change comes a second after the one before."""
    found = []
    for at, each in enumerate(changes):
        for one in follow(record, each, 100.0 + at, problem):
            found.append(one)
            record = one
    return found


def running() -> Record:
    starting = spawned(after(NEW, change("starting"))[-1], 7)
    return after(starting, change("running"))[-1]


def test_a_start_that_goes_well() -> None:
    """STARTING with a time, RUNNING with a pid."""
    found = running()
    assert (found.state, found.pid, found.started, found.stopped) == (State.RUNNING, 7, 100.0, 0.0)
    assert [text for _, text in sayings(after(NEW, change("starting"))[0], found)] == [
        "success: web entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)"
    ]


def test_an_end_of_its_own() -> None:
    """EXITED, with its code, or -1 for a signal, and with `spawnerr` if it is not expected."""
    (bad,) = after(running(), change("restarting", reason=EXIT_3))
    assert (bad.state, bad.exitstatus, bad.spawnerr, bad.pid) == (
        State.EXITED, 3, "Bad exit code 3", 0,
    )  # fmt: skip
    (good,) = after(running(), change("down", reason=EXIT_2))
    assert (good.state, good.exitstatus, good.spawnerr, good.is_expected) == (
        State.EXITED, 2, "", True,
    )  # fmt: skip
    (killed,) = after(running(), change("down", reason=KILLED))
    assert (killed.exitstatus, killed.spawnerr) == (-1, "Bad exit code -1")
    assert list(sayings(running(), bad)) == [("warn", "exited: web (exit status 3; not expected)")]
    assert list(sayings(running(), good)) == [("info", "exited: web (exit status 2; expected)")]


def test_starts_that_fail() -> None:
    """BACKOFF counts them; when there are no more retries, BACKOFF and FATAL come together."""
    first = spawned(after(NEW, change("starting"))[-1], 7)
    (once,) = after(first, change("restarting", "start_failed", EXIT_3))
    assert (once.state, once.backoff, once.spawnerr, once.exitstatus) == (
        State.BACKOFF, 1, TOO_QUICKLY, None,
    )  # fmt: skip
    again = spawned(after(once, change("starting"))[-1], 8)
    assert (again.spawnerr, again.backoff) == ("", 1)
    twice, fatal = after(again, change("down", "retries_used", EXIT_3))
    assert (twice.state, twice.backoff) == (State.BACKOFF, 2)
    assert (fatal.state, fatal.backoff, fatal.spawnerr) == (State.FATAL, 0, TOO_QUICKLY)
    assert [text for _, text in sayings(twice, fatal)] == [
        "gave up: web entered FATAL state, too many start retries too quickly"
    ]


def test_a_command_that_is_not_there() -> None:
    """No process, no end; the reason is what is wrong with the command."""
    starting = after(NEW, change("starting"))[-1]
    problem = "can't find command '/no/such'"
    found = follow(starting, change("restarting", "start_failed"), 200.0, problem)[0]
    assert (found.state, found.spawnerr, found.stopped) == (State.BACKOFF, problem, 0.0)
    assert list(sayings(starting, found)) == [("info", f"spawnerr: {problem}")]


def test_a_stop() -> None:
    """STOPPING, STOPPED with how it ended; in BACKOFF at once; at the daemon's end FATAL."""
    stopping, stopped = after(
        running(), change("stopping", "request"), change("down", "request", KILLED)
    )
    assert (stopping.state, stopping.pid) == (State.STOPPING, 7)
    assert (stopped.state, stopped.exitstatus, stopped.pid) == (State.STOPPED, -1, 0)
    assert [text for _, text in sayings(stopping, stopped)] == [
        "killing 'web' (7) with SIGKILL", "stopped: web (terminated by SIGKILL)",
    ]  # fmt: skip
    waits = after(after(NEW, change("starting"))[-1], change("restarting", "start_failed"))[-1]
    assert after(waits, change("down", "request"))[-1].state is State.STOPPED
    assert after(waits, change("down", "shutdown"))[-1].state is State.FATAL


def info(record: Record, now: float = 3761.0) -> dict[str, Any]:
    return structs.info(record, {"stdout": "/o", "stderr": None}.get, now)


def test_info_has_the_types_that_clients_decode() -> None:
    """14 members; texts and ints, never nil, never a float; times fit into 32 bits."""
    found = info(running(), now=2.0**40)
    texts = ("name", "group", "description", "spawnerr", "statename", "logfile", "stdout_logfile",
             "stderr_logfile")  # fmt: skip
    ints = ("start", "stop", "now", "state", "exitstatus", "pid")
    assert {name: type(value) for name, value in found.items()} == {
        **dict.fromkeys(texts, str), **dict.fromkeys(ints, int),
    }  # fmt: skip
    assert found["now"] == 2**31 - 1
    assert found["stderr_logfile"] == ""


def test_descriptions() -> None:
    """As supervisorctl shows them."""
    assert info(NEW)["description"] == "Not started"
    assert info(running())["description"] == "pid 7, uptime 1:01:01"
    assert info(running(), 90161.0)["description"] == "pid 7, uptime 1 day, 1:01:01"
    stopped = after(running(), change("stopping"), change("down", reason=KILLED))[-1]
    local = time.strftime("%b %d %I:%M %p", time.localtime(101))
    assert info(stopped)["description"] == local
    failed = after(after(NEW, change("starting"))[-1], change("restarting", "start_failed"))[-1]
    assert info(failed)["description"] == TOO_QUICKLY
    assert info(after(NEW, change("starting"))[-1])["description"] == ""


def test_config_has_the_types_that_clients_decode() -> None:
    """29 keys; no value is the text `none`, a log without a place yet is `auto`."""
    told = structs.config(GROUP, WEB, {"stdout": "AUTO"}.get, is_used=True)
    assert len(told) == 29
    assert {type(value) for value in told.values()} == {str, int, bool, list}
    assert (told["stdout_logfile"], told["stderr_logfile"], told["uid"], told["serverurl"]) == (
        "auto", "none", "none", "none",
    )  # fmt: skip


def test_status() -> None:
    """80 and OK, or the fault."""
    assert structs.status(NEW)["status"] == 80
    told = structs.status(NEW, RpcError(Fault.NOT_RUNNING, "web"))
    assert (told["status"], told["description"]) == (70, "NOT_RUNNING: web")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ()),
        ({"command": "dog"}, ("web",)),
        ({"stdout": Log(logfile="/somewhere")}, ()),
        ({"stdout": Log(maxbytes=1)}, ("web",)),
    ],
)
def test_what_has_changed(changed: dict[str, Any], expected: tuple[str, ...]) -> None:
    """Any option; but no log of which supervisord chooses the place."""
    values = {"name": "web", "section": "program:web", "command": "cat", "exitcodes": (0, 2)}
    other = Group(name="web", processes=(Process(**{**values, **changed}),))
    found = differences([GROUP, Group(name="old")], [other, Group(name="new")])
    assert found == (("new",), expected, ("old",))
