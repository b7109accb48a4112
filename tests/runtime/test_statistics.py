"""What a tree counts and measures of its children: right, for as long as they are there."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import (
    Check,
    Command,
    DynamicSupervisor,
    LogFile,
    Supervisor,
    Tree,
    TreeClient,
)
from otpsup.engine.cause import BOOT
from otpsup.engine.effects import StateChange
from otpsup.engine.reasons import Reason
from otpsup.runtime import sampler, usage
from otpsup.runtime.ledger import Account, Ledger, Use
from otpsup.runtime.usage import Meter, Usage
from otpsup.statistics import ChildStatistics
from tests.support.trees import pid, python, running
from tests.support.waiting import until

SLEEP = ["sleep", "1000"]


def seen(tree: Tree, path: str, look: Callable[[ChildStatistics], object]) -> ChildStatistics:
    """The statistics of a child, once they are so."""

    def there() -> ChildStatistics | None:
        child = tree.statistics().children[path]
        return child if look(child) else None

    return until(there)


def crash(tree: Tree, path: str) -> None:
    """Kill it; returns when it has been started again."""
    before = tree.statistics().children[path].starts
    os.kill(pid(tree, path), signal.SIGKILL)
    seen(tree, path, lambda child: child.starts > before and child.state == "running")


def test_starts_ends_and_restarts_are_counted() -> None:
    """By the kind of the end; a supervisor's restarts and what they have used of its limit, too."""
    with running(
        Supervisor("s", children=[Command("c", SLEEP)], intensity=2, period=100),
        Command("once", ["sh", "-c", "exit 3"], restart="temporary", autostart=False),
        name="counting",
    ) as tree:
        crash(tree, "s/c")
        told = tree.statistics()
        child = told.children["s/c"]
        assert (child.starts, child.restarts, child.exits) == (2, 1, {"signaled": 1})
        assert child.ready
        assert child.start_seconds is not None
        assert 0 <= child.start_seconds < 10
        assert child.started_at is not None
        assert abs(child.started_at - time.time()) < 10
        assert (told.supervisors["s"].used, told.supervisors["s"].intensity) == (1, 2)
        assert told.supervisors[""].used == 0
        crash(tree, "s/c")
        os.kill(pid(tree, "s/c"), signal.SIGKILL)
        again = seen(tree, "s/c", lambda child: child.starts == 4)
        assert (again.restarts, again.exits["signaled"]) == (2, 3)
        assert tree.statistics().supervisors["s"].restarts == 1
        tree.start_child("once")
        seen(tree, "once", lambda child: child.exits == {"exited": 1})
        tree.terminate_child("s/c")
        down = tree.statistics().children["s/c"]
        assert (down.state, down.started_at, down.memory) == ("down", None, 0)


def test_what_a_child_uses_is_that_of_its_whole_group() -> None:
    """Memory, threads, processes and descriptors; the host is told, too."""
    holding = (
        "import os, subprocess, threading\n"
        "files = [open('/dev/null') for _ in range(50)]\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "block = b'x' * (40 << 20)\n"
        "subprocess.Popen(['sleep', '1000']).wait()\n"
    )
    with running(Command("c", python(holding)), name="using") as tree:
        child = seen(tree, "c", lambda child: child.processes == 2 and child.threads == 3)
        assert child.memory > 40 << 20
        assert child.descriptors > 50
        host = tree.statistics().host
        assert (host.cpu_seconds > 0, host.memory > 0, host.descriptors > 3) == (True,) * 3
        assert host.threads > 1


def test_processor_time_goes_on_over_incarnations() -> None:
    """It never becomes less; what ended children of a child have used is part of it."""
    busy = "import time\nwhile time.process_time() < 0.15: pass\ntime.sleep(1000)"
    waits = f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {busy[:-16]!r}])"
    with running(
        Command("c", python(busy)), Command("p", python(f"{waits}\ntime.sleep(1000)"))
    ) as tree:
        first = seen(tree, "c", lambda child: child.cpu_seconds >= 0.1).cpu_seconds
        crash(tree, "c")
        seen(tree, "c", lambda child: child.cpu_seconds > first + 0.1)
        seen(tree, "p", lambda child: child.cpu_seconds >= 0.1)


def test_output_is_counted_and_what_is_lost_of_it(tmp_path: Path) -> None:
    """Bytes as the child wrote them, in all incarnations; lines that a full disk has lost."""
    lost = LogFile(Path("/dev/full"))
    with running(
        Command("c", ["sh", "-c", "echo 123456789; sleep 1000"], stdout=LogFile(tmp_path / "c")),
        Command("full", ["sh", "-c", "echo 1; echo 2; sleep 1000"], stdout=lost),
    ) as tree:
        seen(tree, "c", lambda child: child.log_bytes == 10)
        crash(tree, "c")
        seen(tree, "c", lambda child: child.log_bytes == 20)
        seen(tree, "full", lambda child: (child.log_bytes, child.log_dropped) == (4, 2))


def test_checks_are_told_as_they_stand(tmp_path: Path) -> None:
    """What was looked at, how often, and what it said; not of a child that is down."""
    no = Check(["sh", "-c", "echo first; echo no; exit 1"], interval=0.02, timeout=10, failures=1)
    with running(Command("c", SLEEP, readiness=[no]), name="checked") as tree:
        child = seen(tree, "c", lambda child: child.checks and child.checks[0].said[-2:] == "no")
        (check,) = child.checks
        assert check.is_well is False
        assert (check.purpose, check.what) == ("readiness", "command sh")
        assert check.failures == check.looks > 0
        assert check.said == "exit code 1: no"
        assert not child.ready
        crash(tree, "c")
        more = seen(tree, "c", lambda child: child.checks and child.checks[0].is_well is False)
        assert more.checks[0].failures > check.failures
        tree.terminate_child("c")
        assert tree.statistics().children["c"].checks == ()


def test_the_control_socket_and_asyncio_tell_the_same() -> None:
    """All three handles; a tree of none of these children has none in its statistics."""
    with running(Command("c", SLEEP), name="told") as tree, TreeClient.connect("told") as client:
        found = [tree.statistics(), client.statistics(), client.statistics(samples=0)]
        assert [set(each.children) for each in found] == [{"c"}] * 3
        assert [each.children["c"].starts for each in found] == [1] * 3

    async def asked() -> Any:
        async with Tree(Supervisor("aio", children=[Command("c", SLEEP)])).aio as tree:
            return await tree.statistics(samples=1)

    assert asyncio.run(asked()).children["c"].processes == 1


def test_samples_come_by_themselves_and_end_when_nobody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the interval, no more than are kept, the newest last; the same for the loop."""
    monkeypatch.setattr(sampler, "INTERVAL", 0.02)
    monkeypatch.setattr(sampler, "MOST", 3)
    monkeypatch.setattr(usage, "_FRESH", 0.0)
    monkeypatch.setattr(usage, "_SHARE", 0)
    with running(Command("c", SLEEP)) as tree:
        history = seen(tree, "c", lambda child: len(child.history) == 3).history
        assert history[0].at < history[1].at < history[2].at
        assert all(sample.memory > 0 for sample in history)
        later = seen(tree, "c", lambda child: child.history[-1].at > history[-1].at).history
        assert len(later) <= 3
        assert len(tree.statistics(samples=1).children["c"].history) == 1
        assert tree.statistics(samples=0).children["c"].history == ()
        assert tree._session is not None
        own = tree._session._runner._sampler
        monkeypatch.setattr(sampler, "_PATIENCE", 0.0)
        until(lambda: own._timer is None and own._task is None and own._lag._timer is None)
        monkeypatch.setattr(sampler, "_PATIENCE", 100.0)
        assert tree.statistics().children["c"].starts  # and it begins anew
        assert own._lag._timer is not None


def test_a_tree_of_which_nobody_asks_measures_nothing() -> None:
    """No timer, no thread."""
    with running(Command("c", SLEEP)) as tree:
        assert tree._session is not None
        runner = tree._session._runner
        assert (runner._sampler._timer, runner._sampler._lag._timer) == (None, None)
        assert runner.meter._last.at == 0


def test_who_comes_and_goes_is_forgotten() -> None:
    """A million dynamic children leave no more behind than there are now, and a bit."""
    template = Command("job", SLEEP, restart="temporary")
    with running(DynamicSupervisor("pool", template=template)) as tree:
        names = [tree.start_child("pool").path for _ in range(3)]
        assert set(tree.statistics().children) == set(names)
        tree.terminate_child(names[0])
        assert set(tree.statistics().children) == set(names[1:])


@given(st.integers(0, 20), st.lists(st.booleans(), max_size=600))
def test_accounts_are_bounded(stay: int, news: list[bool]) -> None:
    """By twice the number of children, and some; who is there keeps his."""
    there: dict[str, Any] = {f"stays-{n}": None for n in range(stay)}
    ledger = Ledger(there)
    for path in there:
        ledger.heard(StateChange(0.0, path, "starting", BOOT))
    for number, has_output in enumerate(news):
        path = f"goes-{number}"
        ledger.heard(StateChange(1.0, path, "starting", BOOT))
        if has_output:
            ledger.log(path)
        ledger.heard(StateChange(2.0, path, "down", BOOT, reason=Reason("normal"), run=number + 1))
    assert len(ledger._accounts) <= 2 * stay + 66
    assert all(ledger.of(path).starts == 1 for path in there)


@given(st.lists(st.tuples(st.integers(1, 3), st.floats(0, 100), st.floats(0, 100))))
def test_processor_time_never_goes_down(news: list[tuple[int, float, float]]) -> None:
    """Whatever is measured of whichever process; a process alone is told exactly."""
    use = Use()
    for number, cpu, ended in news:
        before = use.cpu
        use.measured(number, Usage(cpu=cpu, ended=ended, processes=1))
        assert use.cpu >= before
    alone = Use()
    for cpu in sorted(cpu for _, cpu, _ in news):
        alone.measured(1, Usage(cpu=cpu, processes=1))
        assert alone.cpu == pytest.approx(cpu)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=20), st.integers(1, 8))
def test_samples_are_kept_small_and_in_order(memory: list[int], most: int) -> None:
    """Twelve bytes each, the last of them; memory to the KiB."""
    use = Use()
    for number, used in enumerate([0, *memory]):
        use.measured(1, Usage(memory=used, cpu=number * 1.0, processes=1))
        use.sample(number, number * 2.0, most)
    kept = list(use.samples(most))
    numbered = list(enumerate(memory, 1))[-most:]
    assert kept == [(number, 0.5, used >> 10 << 10) for number, used in numbered]
    assert len(use._samples or b"") == 12 * len(kept)
    assert list(use.samples(0)) == []


@given(st.lists(st.integers(0, 2**20), min_size=1, max_size=10))
def test_restarts_go_on_when_a_record_is_made_anew(restarts: list[int]) -> None:
    """A supervisor that starts again makes the records of its children anew, and they count from
    0; what is told never becomes less."""
    account = Account()
    before = 0
    for number, told in enumerate(restarts):
        account.started(float(number), told)
        assert account.restarts >= before
        before = account.restarts
    assert account.starts == len(restarts)


def test_many_who_ask_share_one_look() -> None:
    """A pass is good for half a second, or longer if it took long."""

    async def asked() -> int:
        meter = Meter(lambda: [os.getpid()])
        first = await asyncio.gather(*(meter.usage(os.getpid()) for _ in range(20)))
        return len({at for at, _ in first})

    assert asyncio.run(asked()) == 1
