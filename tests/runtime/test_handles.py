"""Handles under bad conditions: cancelled, interrupted, late, and many at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otpsup
from otpsup import Command, Event, NotRunning, StartFailed, Supervisor, Tree, Worker
from otpsup.stream import LIMIT, EventStream
from tests.support import targets
from tests.support.hosts import hosting
from tests.support.strays import adopting
from tests.support.trees import node, pid, running, watching
from tests.support.waiting import LONG, gone, until

STUBBORN = ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"]


def stubborn(name: str = "c", **options: Any) -> Command:
    """A command that has to be killed."""
    return Command(name, STUBBORN, ready=otpsup.log_line("up"), stdout="null", **options)


def sleeper(name: str = "c", **options: Any) -> Command:
    """A command that does nothing."""
    return Command(name, ["sleep", "100"], **options)


def slow(name: str = "slow", **options: Any) -> Command:
    """A command that never gets ready."""
    return sleeper(name, ready="notify", start_timeout=60, **options)


# Asyncio.


def test_a_cancelled_verb_harms_nobody() -> None:
    """Who gives up waiting (`asyncio.timeout`) only stops waiting: the work is done, and the tree
    goes on to serve others."""

    async def main() -> None:
        async with Tree(Supervisor("t", children=[stubborn(shutdown=60), sleeper("x")])).aio as t:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(t.terminate_child("c"), 0.05)
            found = (await t.status()).find("c")
            assert found
            assert found.pid
            assert found.state == "stopping"
            os.kill(found.pid, signal.SIGKILL)
            await t.terminate_child("c")
            found = (await t.status()).find("c")
            assert found
            assert (found.state, found.last_exit) == ("down", "SIGKILL")
            assert (await t.restart("x")).ready

    asyncio.run(main())


def test_a_cancelled_wait_for_the_end_harms_nobody() -> None:
    """`wait` can be given up and asked again, by several at once."""
    tree = Tree(Supervisor("t", children=[sleeper()]))

    async def main() -> None:
        async with tree.aio as t:
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(t.wait(), 0.02)
            waits = [asyncio.ensure_future(t.wait()) for _ in range(2)]
            await t.stop()
            assert {halt.kind for halt in await asyncio.gather(*waits)} == {"stopped"}

    asyncio.run(main())
    assert tree.wait(0).kind == "stopped"


def test_a_cancelled_start_leaves_nothing_behind() -> None:
    """`async with tree.aio` that is cancelled while the tree boots: it is stopped before the
    cancellation goes on, for nobody else will stop it."""
    tree = Tree(Supervisor("t", children=[sleeper(), slow()]))

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), tree.aio:
                raise AssertionError("it does not get ready")
        assert tree.wait(0).kind == "stopped"

    asyncio.run(main())
    with pytest.raises(NotRunning):
        tree.status()


def test_many_slow_starts_do_not_fill_the_programs_threads() -> None:
    """A hundred starts that are waited for use none of the threads of `asyncio.to_thread`."""

    async def main() -> None:
        async with Tree(Supervisor("t")).aio as t:
            starts = [asyncio.ensure_future(t.start_child(slow(f"s{n}"))) for n in range(40)]
            name = await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 5)
            assert name == "free"
            await t.stop(hurry=True)
            ends = await asyncio.gather(*starts, return_exceptions=True)
            assert all(isinstance(end, NotRunning | StartFailed) for end in ends)

    asyncio.run(main())


def test_an_aio_stream_that_is_read_after_the_end() -> None:
    """What happened is still there to be read, and then the stream ends; closing is harmless."""

    async def main() -> list[str]:
        tree = Tree(Supervisor("t", children=[sleeper()]))
        async with tree.aio as t:
            events = t.events()
            await t.terminate_child("c")
        kinds = [event.kind async for event in events]
        events.close()
        return kinds

    assert asyncio.run(main())[-1] == "halt"


# Streams.


def test_a_stream_can_be_closed_at_any_time() -> None:
    """Before anything was heard, twice, in the middle, and after the tree's end."""
    with running(sleeper()) as tree:
        tree.events().close()
        tree.events().close()
        stream = tree.events()
        tree.restart("c")
        stream.next(LONG)
        stream.close()
        stream.close()
        left = tree.events()
    assert [event.kind for event in left][-1] == "halt"
    left.close()
    assert list(left) == []


def test_closed_streams_are_not_listened_for() -> None:
    """A stream that is closed costs nothing, even if it is closed at once."""
    with running() as tree:
        assert tree._session
        listeners = tree._session._runner.listeners
        tree.status()
        before = len(listeners)
        for _ in range(20):
            tree.events().close()
        tree.status()
        tree.status()
        assert len(listeners) == before


def test_every_stream_ends(tmp_path: Path) -> None:
    """However late a stream was asked for while the tree was ending, it ends: nobody waits for
    ever."""
    for _ in range(10):
        tree = Tree(Supervisor("t", children=[sleeper()]))
        ends: list[bool] = []
        began = threading.Event()

        def listen(tree: Tree = tree, ends: list[bool] = ends) -> None:
            began.set()  # noqa: B023
            while True:
                try:
                    stream = tree.events()
                except NotRunning:
                    return
                list(stream)
                ends.append(True)

        with tree:
            listener = threading.Thread(target=listen)
            listener.start()
            began.wait()
        listener.join(LONG)
        assert not listener.is_alive()


def test_a_reader_that_sleeps_loses_the_oldest_only() -> None:
    """A stream that nobody reads does not grow without end, and keeps what is new."""
    stream = EventStream()
    for n in range(LIMIT + 50):
        stream.put(Event(n, "state", "", None, None, None, "", ""))
    stream.put(None)
    kept = [event.at for event in stream]
    assert (kept[-1], len(kept)) == (LIMIT + 49, LIMIT - 1)


# Threads.


def test_nobody_waits_for_ever_when_the_tree_stops() -> None:
    """Threads that ask all the time while the tree stops get an answer or NotRunning, each of
    them, whatever they ask and whenever it comes."""
    for _ in range(5):
        tree = Tree(Supervisor("t", children=[sleeper("a"), sleeper("b")]))
        wrong: list[BaseException] = []
        asks: list[Callable[[Tree], object]] = [
            lambda t: t.status(),
            lambda t: t.restart("a"),
            lambda t: t.which_children(),
            lambda t: t.terminate_child("b"),
            lambda t: t.start_child("b"),
        ]
        ready = threading.Barrier(len(asks) + 1)

        def ask(
            what: Callable[[Tree], object],
            tree: Tree = tree,
            ready: threading.Barrier = ready,
            wrong: list[BaseException] = wrong,
        ) -> None:
            ready.wait()
            while True:
                try:
                    what(tree)
                except NotRunning:
                    return
                except otpsup.OtpsupError:
                    continue
                except BaseException as error:
                    wrong.append(error)
                    return

        threads = [threading.Thread(target=ask, args=(what,)) for what in asks]
        with tree:
            for thread in threads:
                thread.start()
            ready.wait()
            tree.status()
        for thread in threads:
            thread.join(LONG)
        assert not any(thread.is_alive() for thread in threads)
        assert wrong == []


def test_stop_from_several_threads_at_once() -> None:
    """All return when nothing is left."""
    with running(sleeper()) as tree:
        number = pid(tree, "c")
        left: list[bool] = []

        def stop() -> None:
            tree.stop()
            left.append(Path(f"/proc/{number}").exists())

        threads = [threading.Thread(target=stop) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        assert left == [False] * 5


def test_stop_while_another_thread_starts() -> None:
    """A start that is under way is cut short: who started hears so, and nothing is left."""
    tree = Tree(Supervisor("t", children=[sleeper(), slow()]))
    failed: list[Exception] = []

    def start() -> None:
        try:
            tree.start()
        except StartFailed as error:
            failed.append(error)

    starter = threading.Thread(target=start)
    starter.start()
    until(lambda: tree._thread is not None and tree._thread.is_alive())
    tree.stop()
    starter.join(LONG)
    assert len(failed) == 1
    assert "before it was up" in str(failed[0])


def test_wait_in_a_thread_before_the_start() -> None:
    """A thread may wait for the end of a tree that has yet to be started."""
    tree = Tree(Supervisor("t"))
    ends: list[str] = []
    waiting = threading.Thread(target=lambda: ends.append(tree.wait(LONG).kind))
    waiting.start()
    with tree:
        pass
    waiting.join(LONG)
    assert ends == ["stopped"]


def test_hurry() -> None:
    """`stop(hurry=True)` kills instead of asking, also while another stop is waiting."""
    tree = Tree(Supervisor("t", children=[stubborn(shutdown=60), sleeper("x")]))
    tree.start()
    number = pid(tree, "c")
    patient = threading.Thread(target=tree.stop)
    with watching(tree) as events:
        patient.start()
        events.until("c", "stopping")
        tree.stop(hurry=True)
    patient.join(LONG)
    gone(number, within=0)


@pytest.mark.slow
def test_ctrl_c_during_the_start(tmp_path: Path) -> None:
    """KeyboardInterrupt while `with tree:` boots leaves nothing running behind it."""
    code = """
        def main():
            tree = Tree(Supervisor("t", children=[
                Command("c", ["sleep", "100"]),
                Worker("w", say, (sys.argv[1],), ready="notify", start_timeout=60),
            ]))
            try:
                with tree:
                    pass
            except KeyboardInterrupt:
                tell(threading.active_count())
        def say(path):
            Path(path).write_text("up")
            targets.wait()
    """
    mark = tmp_path / "mark"
    with adopting(), hosting(tmp_path, code, str(mark)) as host:
        until(mark.exists)
        host.kill(signal.SIGINT)
        assert host.hear() == 1
        assert host.wait() == 0


# Running as a program.


def test_threads_of_a_program_can_use_its_tree(tmp_path: Path) -> None:
    """Under `run` other threads ask, wait and stop as in a threaded program; a thread that waits
    for the end does not keep the program from ending."""
    code = """
        tree = Tree(Supervisor("t", children=[Command("c", ["sleep", "100"])]))
        def wait():
            tell(tree.wait().kind)
        def work():
            until(lambda: tree._session is not None)
            tell(until(lambda: tree.status().state == "running" and node(tree, "c").state))
            try:
                tree.start()
            except AlreadyStarted as error:
                tell(str(error))
            tree.stop()
            tell("stopped")
        def main():
            threading.Thread(target=wait).start()
            threading.Thread(target=work).start()
            otpsup.run(tree)
    """
    with hosting(tmp_path, code) as host:
        assert host.hear() == "running"
        assert host.hear() == "cannot start tree 't': it runs already"
        assert sorted([host.hear(), host.hear()]) == ["stopped", "stopped"]
        assert host.wait() == 0


def test_a_failed_start_can_be_tried_again_at_once(tmp_path: Path) -> None:
    """`start` returns or raises when it is over: nothing is left that a new start could meet."""
    gate = tmp_path / "gate"
    script = f"test -e {gate} && echo up && exec sleep 100"
    spec = Command("c", ["sh", "-c", script], ready=otpsup.log_line("up"), stdout="null")
    tree = Tree(Supervisor("t", children=[sleeper("a"), spec]))
    for _ in range(3):
        with pytest.raises(StartFailed, match="child 'c' did not start"):
            tree.start()
    gate.touch()
    with tree:
        assert node(tree, "c").ready


def test_a_listener_thread_may_use_the_tree() -> None:
    """Who reads events may act on them, with any verb."""
    with running(sleeper("a"), sleeper("b", autostart=False)) as tree, tree.events() as events:
        done: list[str] = []

        def react() -> None:
            for event in events:
                if event.path == "a" and event.state == "restarting":
                    done.append(tree.start_child("b").state)
                    return

        thread = threading.Thread(target=react)
        thread.start()
        os.kill(pid(tree, "a"), signal.SIGKILL)
        thread.join(LONG)
        assert done == ["running"]


def test_time_does_not_pass_for_an_idle_status() -> None:
    """`since` is when a state began, on the wall clock, however often it is asked for."""
    with running(sleeper()) as tree:
        first = node(tree, "c").since
        assert abs(first - time.time()) < 5
        assert node(tree, "c").since == first


def test_workers_of_a_tree_in_a_thread_of_the_host() -> None:
    """A tree may be started in any thread, which may end before it: its workers live on."""
    tree = Tree(
        Supervisor("t", children=[Worker("w", targets.wait, start_method="spawn"), sleeper()])
    )
    starter = threading.Thread(target=tree.start)
    starter.start()
    starter.join(LONG)
    try:
        assert [child.state for child in tree.status().children] == ["running", "running"]
        assert [child.restarts for child in tree.status().children] == [0, 0]
    finally:
        tree.stop()
