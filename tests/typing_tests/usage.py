"""What a type checker makes of the interfaces of DESIGN section 7. Never run; mypy reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, assert_type

import otpsup
from otpsup import (
    AsyncTree,
    Backoff,
    ChildStatus,
    Command,
    CurrentChild,
    DynamicSupervisor,
    Event,
    LogFile,
    Supervisor,
    Tree,
    TreeClient,
    Worker,
)


def serve(port: int = 0) -> None:
    """A worker's function."""


async def serve_async() -> None:
    """A worker's coroutine function."""


tree = otpsup.Tree(
    Supervisor(
        "fastblog",
        strategy="rest_for_one",
        intensity=3,
        period=60,
        auto_shutdown="any_significant",
        children=[
            Worker("ipc_server", serve, ready="notify"),
            Worker("update_server", "app.updates:serve", ready=otpsup.port(8001)),
            Worker("async", serve_async, kwargs={"port": 1}, start_method="spawn"),
            Command(
                "main_app",
                ["uvicorn", Path("app")],
                ready=otpsup.http("http://127.0.0.1:9421/healthz"),
                stdout=LogFile("app.log"),
                backoff=Backoff(initial=0.5),
                stop_signal="SIGINT",
                shutdown="infinity",
                environment={"A": "b"},
            ),
            Worker("updater", serve, restart="temporary", autostart=False, significant=True),
            Supervisor("backend", children=[Command("db", ["db"], ready=otpsup.stays_up(1))]),
            DynamicSupervisor("pool", template=Worker("job", serve), max_children=4),
        ],
    ),
    name="blog",
)
assert_type(tree, Tree)


def in_a_thread() -> None:
    """`with tree:` and the verbs."""
    with tree as same:
        assert_type(same, Tree)
    status = tree.start_child("updater")
    assert_type(status, ChildStatus)
    assert_type(tree.start_child("pool", 1, "two"), ChildStatus)
    assert_type(tree.start_child(Worker("new", serve), parent="backend"), ChildStatus)
    assert_type(tree.restart_child("updater"), ChildStatus)
    assert_type(tree.restart("updater"), ChildStatus)
    assert_type(tree.which_children(), list[tuple[str, str, str]])
    assert_type(tree.count_children("pool"), dict[str, int])
    root = tree.status()
    assert_type(root, ChildStatus)
    assert_type(root.children, tuple[ChildStatus, ...])
    assert_type(root.pid, int | None)
    assert_type(root.last_exit, str | None)
    assert_type(root.find("backend/db"), ChildStatus | None)
    assert_type(root.walk(), Iterator[ChildStatus])
    with tree.events() as events:
        for event in events:
            assert_type(event, Event)
            assert_type(event.state, str | None)
        assert_type(events.next(timeout=1), Event)
    tree.terminate_child("updater")
    tree.delete_child("updater")
    tree.unmonitor("main_app")
    tree.monitor("main_app")
    tree.stop(hurry=True)
    assert_type(tree.wait(5).kind in ("stopped", "gave_up"), bool)


async def in_asyncio() -> None:
    """The same verbs, to await."""
    assert_type(tree.aio, AsyncTree)
    async with tree.aio as t:
        assert_type(t, AsyncTree)
        assert_type(await t.start_child("updater"), ChildStatus)
        assert_type(await t.restart("updater"), ChildStatus)
        assert_type(await t.restart_child("updater"), ChildStatus)
        assert_type(await t.status(), ChildStatus)
        assert_type(await t.which_children("backend"), list[tuple[str, str, str]])
        assert_type(await t.count_children(), dict[str, int])
        await t.terminate_child("updater")
        async for event in t.events():
            assert_type(event, Event)


def in_a_child() -> None:
    """`current_child()`, and the tree from there."""
    child = otpsup.current_child()
    assert_type(child, CurrentChild)
    assert_type(child.path, str)
    assert_type(child.stopping.wait(1), bool)
    child.ready({"port": 8001})
    child.status("working")
    child.heartbeat()
    assert_type(child.tree, TreeClient)
    assert_type(child.tree.start_child("updater"), ChildStatus)
    assert_type(child.tree.events(), Iterator[Event])


def from_outside() -> None:
    """A client in another program; errors by their names."""
    with TreeClient.connect("blog") as client:
        assert_type(client.status(), ChildStatus)
        try:
            client.start_child("updater")
        except otpsup.AlreadyStarted as error:
            assert_type(error.pid, int | None)
        client.shutdown(hurry=True)
    TreeClient.connect(path=Path("/run/blog.sock")).close()


def main_with_a_tree() -> NoReturn:
    """`run` does not return: a function that ends with it needs no other end."""
    otpsup.run(tree)


def main_with_a_spec() -> NoReturn:
    """It takes a spec as well."""
    otpsup.run(Supervisor("blog", children=[]), name="blog")
