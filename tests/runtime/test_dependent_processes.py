"""Dependencies with real processes: who starts when, and what a task or a heartbeat sets free."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from otpsup import (
    Command,
    Event,
    StartFailed,
    Supervisor,
    Tree,
    Worker,
    completed,
    healthy,
    started,
)
from tests.support import targets
from tests.support.trees import REPORT, node, pid, python, running, watching
from tests.support.waiting import LONG, until

TELLS = f"""{REPORT}
os.mkfifo(sys.argv[1]) if not os.path.exists(sys.argv[1]) else None
open(sys.argv[1]).read()
tell(op=sys.argv[2])
signal.pause()
"""
"""Says a word to its supervisor once somebody has opened and closed the pipe at argv[1]."""

NOTIFIES = """
import os, signal, socket
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect("\\0" + os.environ["NOTIFY_SOCKET"][1:])
sock.send(b"READY=1")
sock.send(b"WATCHDOG=1")
signal.pause()
"""


def told(name: str, pipe: Path, word: str, **options: Any) -> Command:
    return Command(name, python(TELLS, str(pipe), word), **options)


def go_on(pipe: Path) -> None:
    """Let the child behind this pipe say its word."""
    until(pipe.exists)
    pipe.open("w").close()


def order(events: list[Event], state: str) -> list[str]:
    """The paths in the order in which they came into this state."""
    return [e.path for e in events if e.kind == "state" and e.state == state and e.path]


def sleeper(name: str, **options: Any) -> Command:
    return Command(name, ["sleep", "1000"], **options)


def test_parallel_start(tmp_path: Path) -> None:
    """Two that are after the same one start side by side: each gets ready only after the other has
    been started."""
    a, b = tmp_path / "a", tmp_path / "b"
    meet = python(
        REPORT + "os.mkfifo(sys.argv[1])\n"
        "while not os.path.exists(sys.argv[2]): os.sched_yield()\n"
        "tell(op='ready'); signal.pause()"
    )
    children = [
        sleeper("db"),
        Command("a", [*meet, str(a), str(b)], ready="notify", after=["db"]),
        Command("b", [*meet, str(b), str(a)], ready="notify", after=["db"]),
    ]
    with running(*children) as tree:
        assert {node(tree, name).state for name in ("db", "a", "b")} == {"running"}


def test_rest_is_the_dependents() -> None:
    """Under rest_for_one a kill takes along who depends on the killed one, and nobody else."""
    children = [
        sleeper("db"),
        sleeper("cache", after=["db"]),
        sleeper("cron"),
        sleeper("web", after=["cache"]),
    ]
    with running(*children, strategy="rest_for_one") as tree, watching(tree) as events:
        before = {name: pid(tree, name) for name in ("db", "cache", "cron", "web")}
        os.kill(before["cache"], signal.SIGKILL)
        events.until("web", "running")
        after = {name: pid(tree, name) for name in before}

        assert {name for name in before if before[name] != after[name]} == {"cache", "web"}
        assert order(events.seen, "starting") == ["cache", "web"]


def test_stop_is_the_reverse() -> None:
    """A child stops after all that depend on it have stopped."""
    children = [sleeper("web", after=["db"]), sleeper("mail", after=["db"]), sleeper("db")]
    tree = Tree(Supervisor("test", children=children))
    with tree:
        stream = tree.events()
    stopped = order(list(stream), "down")

    assert set(stopped[:2]) == {"web", "mail"}
    assert stopped[2] == "db"


def test_completed_task() -> None:
    """A one-shot task runs to its end before what is after `completed(task)` starts, in the first
    start and again in a restart."""
    children = [
        sleeper("db"),
        Command("migrate", ["true"], restart="transient", after=["db"]),
        sleeper("web", after=[completed("migrate")]),
    ]
    with running(*children, strategy="rest_for_one") as tree, watching(tree) as events:
        assert (node(tree, "migrate").state, node(tree, "web").state) == ("down", "running")

        os.kill(pid(tree, "db"), signal.SIGKILL)
        events.until("web", "running")

        assert order(events.seen, "starting") == ["db", "migrate", "web"]
        assert node(tree, "migrate").last_exit == "ended normally (exit code 0)"


def test_failed_task() -> None:
    """A task that fails while somebody waits for it to complete is a tree that does not start."""
    children = [
        Command("migrate", ["sh", "-c", "exit 3"], restart="transient"),
        sleeper("web", after=[completed("migrate")]),
    ]
    with pytest.raises(StartFailed, match="exit code 3 before it had completed"):
        Tree(Supervisor("test", children=children)).start()


@pytest.mark.parametrize("kind", ["command", "worker", "sd_notify"])
def test_healthy(kind: str, tmp_path: Path) -> None:
    """A heartbeat, in whichever way it is sent, starts what is after `healthy(child)`."""
    pipe = tmp_path / "pipe"
    db = {
        "command": told("db", pipe, "heartbeat"),
        "worker": Worker("db", targets.beat_after, (str(pipe),), ready="notify"),
        "sd_notify": Command("db", python(NOTIFIES), ready="notify"),
    }[kind]
    with running() as tree, watching(tree) as events:
        sub = Supervisor("sub", autostart=False, children=[db, sleeper("web", after=healthy("db"))])
        answer = tree.call_start(sub, (), "")
        events.until("sub/db", "running")

        assert kind == "sd_notify" or node(tree, "sub/web").state == "down"

        if kind != "sd_notify":
            go_on(pipe)
        answer.result(LONG)

        assert node(tree, "sub/web").state == "running"


def test_never_healthy() -> None:
    """Who is never healthy, where somebody waits for that, did not start; the message says what
    was missing."""
    children = [sleeper("db", start_timeout=1), sleeper("web", after=[healthy("db")])]
    with pytest.raises(StartFailed, match="not healthy within 1 s: it has sent no heartbeat"):
        Tree(Supervisor("test", children=children)).start()


def test_started_is_not_ready(tmp_path: Path) -> None:
    """`started` waits for the process alone."""
    pipe = tmp_path / "pipe"
    children = [
        told("db", pipe, "ready", ready="notify"),
        sleeper("web", after=[started("db")]),
    ]
    with running() as tree, watching(tree) as events:
        answer = tree.call_start(Supervisor("sub", children=children), (), "")
        events.until("sub/web", "running")

        assert node(tree, "sub/db").state == "starting"

        go_on(pipe)
        answer.result(LONG)


def test_added_child_may_depend() -> None:
    """A child that is added while the tree runs may be after those that are there."""
    with running(sleeper("db"), sleeper("web", after=["db"]), strategy="rest_for_one") as tree:
        tree.start_child(sleeper("page", after=["web"]))
        with watching(tree) as events:
            os.kill(pid(tree, "db"), signal.SIGKILL)
            events.until("page", "running")

        assert order(events.seen, "starting") == ["db", "web", "page"]
