"""`Tree.aio`: the same verbs in an asyncio program."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

import otpsup
from otpsup import Command, Supervisor, Tree, Worker
from tests.support import targets
from tests.support.strays import no_strays as no_strays

pytestmark = pytest.mark.usefixtures("no_strays")

SLEEP = ["sleep", "1000"]


def test_all_verbs_can_be_awaited() -> None:
    """Each does what its twin on Tree does, and raises the same errors."""

    async def main() -> None:
        spec = Supervisor("t", children=[Command("a", SLEEP), Command("b", SLEEP, autostart=False)])
        async with Tree(spec).aio as tree:
            assert (await tree.start_child("b")).state == "running"
            assert (await tree.start_child(Worker("w", targets.wait))).type == "worker"
            with pytest.raises(otpsup.AlreadyStarted):
                await tree.start_child("b")
            assert len(await tree.which_children()) == 3
            assert (await tree.count_children())["active"] == 3
            await tree.unmonitor("w")
            await tree.monitor("w")
            old = (await tree.status()).find("a")
            assert old is not None
            assert (await tree.restart("a")).pid != old.pid
            await tree.terminate_child("b")
            assert (await tree.restart_child("b")).state == "running"
            await tree.terminate_child("b")
            await tree.delete_child("b")

    asyncio.run(main())


def test_the_callers_loop_is_never_blocked() -> None:
    """While a child takes its time to get ready, other coroutines run."""

    async def main() -> None:
        slow = Command("slow", SLEEP, ready=otpsup.stays_up(0.3), autostart=False)
        async with Tree(Supervisor("t", children=[slow])).aio as tree:
            start = asyncio.ensure_future(tree.start_child("slow"))
            turns = 0
            while not start.done():
                await asyncio.sleep(0)
                turns += 1
            assert (await start).ready
            assert turns > 100

    asyncio.run(main())


def test_a_cancelled_wait_does_not_undo_the_request(tmp_path: Path) -> None:
    """Who stops waiting for a start does not stop the start; a later wait sees it up."""
    go = tmp_path / "go"
    os.mkfifo(go)
    script = ["sh", "-c", f"read x < {go}; echo up; exec sleep 1000"]
    ready = otpsup.log_line("up")

    async def main() -> None:
        slow = Command("slow", script, stdout="null", ready=ready, autostart=False)
        async with Tree(Supervisor("t", children=[slow])).aio as tree:
            events = tree.events()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await tree.start_child("slow")
            go.write_text("\n")
            async for event in events:
                if (event.path, event.state) == ("slow", "running"):
                    break
            events.close()

    asyncio.run(main())


def test_events_as_an_asynchronous_iterator() -> None:
    """`async for` sees every change, and ends when the tree does."""

    async def main() -> list[str]:
        tree = Tree(Supervisor("t", children=[Command("a", SLEEP)]))
        await tree.aio.start()
        events = tree.aio.events()
        child = (await tree.aio.status()).find("a")
        assert child is not None
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        seen = []
        async for event in events:
            seen.append(event.state or event.kind)
            if event.state == "running":
                await tree.aio.stop()
        assert (await tree.aio.wait()).kind == "stopped"
        return seen

    seen = asyncio.run(main())
    assert seen[:2] == ["child_terminated", "restarting"]
    assert seen[-1] == "halt"
