"""Probes on real processes: what fails ends or marks a child, and hurts nobody else."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from otpsup import (
    Check,
    Command,
    Worker,
    cpu,
    file_age,
    heartbeat,
    http,
    log_line,
    max_age,
    memory,
    port,
    probe,
    silence,
)
from tests.support import targets
from tests.support.trees import Watcher, node, pid, python, running, watching
from tests.support.waiting import LONG, descriptors, until

SLEEP = ["sleep", "1000"]


@contextmanager
def looked_after(spec: Command | Worker, **options: Any) -> Iterator[tuple[Any, Watcher]]:
    """A tree of this child, and its events from its start on."""
    with running(intensity=100, **options) as tree, watching(tree) as events:
        tree.start_child(spec)
        yield tree, events


def ended(events: Watcher, path: str = "c") -> str:
    """Read on until the child has been ended; why."""
    event = events.until(path, kind="child_terminated")
    assert event.reason is not None
    return event.reason


def file_check(path: Path, **options: Any) -> Check:
    """Well as long as this file is there."""
    return Check(["test", "-e", str(path)], interval=0.02, timeout=10, **options)


def test_a_failure_of_liveness_is_an_end_and_goes_through_the_strategy(tmp_path: Path) -> None:
    """After so many failures in a row it is asked to end, and restarted, with its siblings where
    the strategy says so; the reason says what failed, how often, and why."""
    alive = tmp_path / "alive"
    touch = ["touch", str(alive)]
    spec = Command("c", SLEEP, before_start=touch, liveness=file_check(alive, failures=2))
    sibling = Command("d", SLEEP)
    with running(sibling, strategy="one_for_all", intensity=100) as tree, watching(tree) as events:
        tree.start_child(spec)
        before = pid(tree, "c"), pid(tree, "d")
        alive.unlink()
        reason = ended(events)
        events.until_all("c", "d", state="running")
        assert reason == "unhealthy: command test failed 2 times in a row: exit code 1"
        assert not {pid(tree, "c"), pid(tree, "d")} & set(before)
        assert node(tree, "c").restarts == 1
        assert "unhealthy" in (node(tree, "c").last_exit or "")


def test_readiness_only_marks(tmp_path: Path) -> None:
    """It goes on, is not ready, says why, and is ready again after so many successes."""
    ready = tmp_path / "ready"
    ready.touch()
    spec = Command("c", SLEEP, readiness=file_check(ready, failures=1, successes=2))
    with looked_after(spec) as (tree, events):
        before = pid(tree, "c")
        assert node(tree, "c").ready
        ready.unlink()
        event = events.until("c", kind="readiness")
        assert event.reason == "command test failed: exit code 1"
        assert not node(tree, "c").ready
        assert any("not ready" in line for line in node(tree, "c").why)
        ready.touch()
        assert events.until("c", kind="readiness").reason is None
        assert node(tree, "c").ready
        assert pid(tree, "c") == before


def test_other_checks_begin_when_startup_has_succeeded(tmp_path: Path) -> None:
    """Until then liveness is not looked at, and would fail."""
    begun, alive = tmp_path / "begun", tmp_path / "alive"
    spec = Command(
        "c",
        SLEEP,
        startup=file_check(begun, failures=1000),
        liveness=file_check(alive, failures=1),
    )
    with looked_after(spec) as (tree, events):
        first = pid(tree, "c")
        until(lambda: tree._session._runner.checkups.of("c").results[0].looks > 3)
        assert pid(tree, "c") == first
        begun.touch()
        assert "command test failed" in ended(events)


def test_a_startup_that_fails_ends_it(tmp_path: Path) -> None:
    """As a failure of liveness does."""
    spec = Command("c", SLEEP, startup=file_check(tmp_path / "begun", failures=3))
    with looked_after(spec) as (_, events):
        why = "unhealthy: startup: command test failed 3 times in a row: exit code 1"
        assert ended(events) == why


@pytest.mark.usefixtures("patient")
def test_a_hung_worker_is_ended_with_its_stacks() -> None:
    """Its heartbeats stop; the report says where it hangs."""
    spec = Worker("c", targets.beat_and_hang, ready="notify", liveness=heartbeat(0.5), shutdown=0.5)
    with looked_after(spec) as (_, events):
        event = events.until("c", kind="child_terminated")
        assert event.reason == "unhealthy: heartbeat failed: no heartbeat for 0.5 s"
        assert "beat_and_hang" in event.traceback
        assert "bootstrap" not in event.traceback


def test_heartbeats_keep_it(tmp_path: Path) -> None:
    """As long as they come, from a worker, or by sd_notify(3) from any program, which is told how
    often."""
    beating = Worker("c", targets.beat_for_ever, liveness=heartbeat(1.2))
    program = """
        import os, socket, time
        seconds = int(os.environ["WATCHDOG_USEC"]) / 1e6
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect("\\0" + os.environ["NOTIFY_SOCKET"][1:])
            for _ in range(6):
                sock.send(b"WATCHDOG=1")
                time.sleep(seconds / 4)
        time.sleep(1000)
    """
    notifying = Command("n", python(program), liveness=heartbeat(1.2))
    with looked_after(beating) as (tree, events):
        begun = events.until("c", "running").at
        tree.start_child(notifying)
        event = events.until("n", kind="child_terminated")
        assert event.reason == "unhealthy: heartbeat failed: no heartbeat for 1.2 s"
        assert event.at - begun > 1.6
        assert node(tree, "c").restarts == 0


@pytest.mark.parametrize(
    ("liveness", "argv", "why"),
    [
        (silence(0.2), ["sh", "-c", "echo hello; exec sleep 100"], "output failed: no output for"),
        (max_age(0.2, jitter=0.1), SLEEP, "age failed: it has run for 0 s"),
        (
            Check(memory(40 << 20), interval=0.05),
            python("x = bytearray(64 << 20); import time; time.sleep(100)"),
            "memory failed: ",
        ),
        (Check(cpu(0.02), interval=0.2), python("while True: pass"), "cpu failed: "),
    ],
)
def test_what_is_measured(liveness: Any, argv: list[str], why: str) -> None:
    """Silence, age, memory and processor time, of all that is below it."""
    with looked_after(Command("c", argv, liveness=liveness)) as (_, events):
        assert why in ended(events)


def test_a_small_limit_of_memory_is_told_as_it_is() -> None:
    """And not as 0 MiB."""
    spec = Command("c", SLEEP, liveness=Check(memory(1000), interval=0.05, timeout=9))
    with looked_after(spec) as (_, events):
        assert ended(events).endswith("are more than 1000 bytes")


def test_memory_is_that_of_all_below_it() -> None:
    """Also of a child of its own, in a session of its own."""
    code = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            kept = bytearray(64 << 20)
        time.sleep(1000)
    """
    spec = Command("c", python(code), liveness=Check(memory(60 << 20), interval=0.05))
    with looked_after(spec) as (_, events):
        assert "memory failed" in ended(events)


def test_the_age_of_a_file(tmp_path: Path) -> None:
    """Of one that the child touches; one that is not there is as old as can be. What it was before
    the child began is not the child's fault."""
    alive = tmp_path / "alive"
    alive.touch()
    os.utime(alive, (0, 0))
    check = Check(file_age(alive, 1.0), interval=0.02, timeout=9)
    touches = ["sh", "-c", f"for i in 1 2 3 4 5 6; do touch {alive}; sleep 0.3; done; sleep 100"]
    with looked_after(Command("c", touches, liveness=check)) as (tree, events):
        begun = node(tree, "c").since
        event = events.until("c", kind="child_terminated")
        assert "was changed" in (event.reason or "")
        assert event.at - begun > 1.6
    check = Check(file_age(tmp_path / "none", 0.1), interval=0.02, timeout=9)
    with looked_after(Command("c", SLEEP, liveness=check)) as (_, events):
        assert "No such file" in ended(events)


def test_ports_and_addresses() -> None:
    """A port that nobody listens on, an address that answers as it should not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        check = Check(port(number), interval=0.02, failures=1)
        with looked_after(Command("c", SLEEP, liveness=check)) as (tree, events):
            health = tree._session._runner.checkups.of("c")
            until(lambda: health.results[0].is_well)
            server.close()
            assert f"port {number} of 127.0.0.1 failed" in ended(events)


def test_a_look_that_hangs_hurts_nobody() -> None:
    """It is a failure after its time; no second one is begun meanwhile; others go on."""
    hangs, calls = threading.Event(), []

    def hang() -> bool:
        calls.append(1)
        return hangs.wait(60)

    address = "http://127.0.0.1:1/"
    specs = (
        Command("c", SLEEP, readiness=Check(probe(hang), interval=0.05, timeout=0.05, failures=3)),
        Command("d", SLEEP, readiness=Check(http(address), interval=0.05, failures=1)),
        Command("e", SLEEP, readiness=Check(["sleep", "60"], timeout=0.1, failures=1)),
    )
    try:
        with running(intensity=100) as tree, watching(tree) as events:
            for spec in specs:
                tree.start_child(spec)
            why: dict[str, str | None] = {}
            while len(why) < 3:
                event = events.stream.next(timeout=LONG)
                if event.kind == "readiness":
                    why[event.path] = event.reason
            assert "the look before this one hangs" in (why["c"] or "")
            assert "failed: " in (why["d"] or "")
            assert "no answer within 0.1 s" in (why["e"] or "")
            assert len(calls) == 1
    finally:
        hangs.set()


def test_who_is_told_to_stop_while_he_is_being_ended_for_his_health(tmp_path: Path) -> None:
    """He stops as asked, once, and is not started again."""
    deaf = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"]
    check = file_check(tmp_path / "no", failures=1)
    spec = Command("c", deaf, ready=log_line("deaf"), liveness=check, shutdown=1.0)
    with looked_after(spec) as (tree, events):
        events.until("c", kind="readiness")
        tree.terminate_child("c")
        assert node(tree, "c").state == "down"
        assert node(tree, "c").restarts == 0


def test_nothing_of_a_look_is_left(tmp_path: Path) -> None:
    """Neither open nor running, when the tree ends while a program looks."""
    gc.collect()  # of what earlier tests have left, nothing is to be closed meanwhile
    before = descriptors()
    slow = ["sh", "-c", f"touch {tmp_path}/looks; exec sleep 60"]
    spec = Command("c", SLEEP, readiness=Check(slow, interval=0.02, timeout=50))
    with running(spec):
        until(lambda: (tmp_path / "looks").exists())
    assert descriptors() == before


def test_nothing_is_looked_at_once_it_is_gone(tmp_path: Path) -> None:
    """Neither while it is down, nor of the incarnation before."""
    spec = Command("c", SLEEP, liveness=file_check(tmp_path / "no", failures=10_000))
    with looked_after(spec) as (tree, _):
        os.kill(pid(tree, "c"), signal.SIGKILL)
        until(lambda: node(tree, "c").restarts == 1 or None)
        tree.terminate_child("c")
        assert tree._session._runner.checkups.of("c") is None


def test_a_look_that_hangs_has_one_thread_however_often_its_child_is_restarted() -> None:
    """The next incarnation is not looked at before that thread has ended."""
    go, calls = threading.Event(), []

    def hang() -> bool:
        calls.append(1)
        return go.wait(60)

    check = Check(probe(hang), interval=0.02, timeout=0.05, failures=1)
    try:
        with looked_after(Command("c", SLEEP, liveness=check)) as (tree, events):
            assert ended(events).endswith("no answer within 0.05 s")
            for _ in range(5):
                assert "the look before this one hangs" in ended(events)
            assert len(calls) == 1
            go.set()
            until(lambda: node(tree, "c").state == "running" and len(calls) > 3)
    finally:
        go.set()


def test_a_moment_without_threads_is_over_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that could not begin does not hang."""
    real, fails = threading.Thread.start, [True]

    def start(thread: threading.Thread) -> None:
        if fails and thread.name == "otpsup-probe":
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    check = Check(probe(lambda: True), interval=0.02, failures=1)
    with running(Command("c", SLEEP, readiness=check)) as tree:
        until(lambda: not node(tree, "c").ready)
        fails.clear()
        until(lambda: node(tree, "c").ready)


def test_a_name_that_is_not_answered_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many look up names at a server that hangs, others are looked at in time; and there
    is one thread for each that hangs, not one for each look."""
    go, real = threading.Event(), socket.getaddrinfo

    def slow(host: Any, *rest: Any, **more: Any) -> Any:
        if str(host).startswith("hangs"):
            go.wait(60)
        return real("127.0.0.1" if host == "answers" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)  # a name server is not ours to run
    hanging = [
        Command(f"h{n}", SLEEP, readiness=Check(port(1, host=f"hangs{n}"), interval=0.02))
        for n in range(40)
    ]
    with socket.create_server(("127.0.0.1", 0)) as sock:
        at = port(sock.getsockname()[1], host="answers")
        well = Command("w", SLEEP, readiness=Check(at, interval=0.02, timeout=5, failures=1))
        try:
            with running(*hanging, well, intensity=100) as tree, watching(tree) as events:
                sock.close()
                reason = events.until("w", kind="readiness").reason or ""
                assert "Connect call failed" in reason
                names = [thread.name for thread in threading.enumerate()]
                assert names.count("otpsup-probe") <= 41
                assert node(tree, "h0").state == "running"
        finally:
            go.set()
