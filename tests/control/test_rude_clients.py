"""Clients that are slow, silent, rude or gone: the tree and the other clients do not notice."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from otpsup import (
    AlreadyStarted,
    Command,
    DynamicSupervisor,
    NotASupervisor,
    NotFound,
    OtpsupError,
    ProtocolError,
    Running,
    SimpleOneForOne,
    StartFailed,
    Supervisor,
    Tree,
    TreeClient,
    Worker,
)
from otpsup.control import address
from tests.support import targets
from tests.support.trees import Child, pid, running
from tests.support.waiting import LONG, gone, until

CHILDREN: list[Child] = [
    Command("c", ["sleep", "100"]),
    Command("broken", ["/no/such/program"], autostart=False),
    Supervisor("inner", children=[Command("deep", ["sleep", "100"])]),
    DynamicSupervisor("pool", Command("job", ["sleep"]), max_children=2),
]


@pytest.fixture
def tree() -> Iterator[Tree]:
    """A tree with one of everything."""
    with running(*CHILDREN, name="served") as tree:
        yield tree


@pytest.fixture
def client(tree: Tree) -> Iterator[TreeClient]:
    """A client of it."""
    with TreeClient.connect("served") as client:
        yield client


def test_a_request_in_pieces(tree: Tree) -> None:
    """A line is a line however it arrives."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LONG)
        sock.connect(str(address.find("served")))
        for byte in b'{"id": 1, "op": "which_children", "path": "inner"}\n':
            sock.sendall(bytes([byte]))
        with sock.makefile("rb") as file:
            assert json.loads(file.readline())["ok"] == [["deep", "running", "command"]]


def test_clients_that_hang_up_anywhere(tree: Tree) -> None:
    """Half a line, a line and gone, a subscription and gone: nothing is left of them."""
    path = str(address.find("served"))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    parts = [b"", b'{"id": 1, "op"', b'{"id":1,"op":"events"}\n', b'{"id":1,"op":"status"}\n']
    for part in parts * 10:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path)
            sock.sendall(part)
    tree.restart("c")
    until(lambda: len(os.listdir("/proc/self/fd")) <= before)  # noqa: PTH208


def test_half_open_clients_do_not_hold_up_the_end(tree: Tree) -> None:
    """Clients that stay connected and silent, or shut down one side, are hung up on."""
    path = str(address.find("served"))
    socks = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for n, sock in enumerate(socks):
        sock.settimeout(LONG)
        sock.connect(path)
        if n % 2:
            sock.shutdown(socket.SHUT_WR)
    tree.status()
    begun = time.monotonic()
    tree.stop()
    assert time.monotonic() - begun < len(socks) / 2
    for sock in socks:
        assert sock.recv(1) == b""
        sock.close()


@pytest.mark.slow
def test_clients_that_never_read_do_not_hold_up_anybody(tree: Tree) -> None:
    """Subscribers whose buffers are full: supervision goes on, and the end of the tree waits for
    all of them together for a moment, not for one after the other."""
    path = str(address.find("served"))
    socks = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for sock in socks:
        sock.connect(path)
        sock.sendall(b'{"id":1,"op":"events"}\n' + b'{"id":2,"op":"status"}\n' * 500)
    for _ in range(20):
        tree.restart("c")
    number = pid(tree, "c")
    begun = time.monotonic()
    tree.stop()
    assert time.monotonic() - begun < len(socks) / 2
    gone(number, within=0)
    for sock in socks:
        sock.close()


def test_nobody_can_claim_to_be_a_child() -> None:
    """Whose request it was is told by the connection, not by what the client says."""
    with running(CHILDREN[0], name="served"), TreeClient.connect("served") as client:
        heard = client.events()
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(address.find("served")))
        sock.sendall(b'{"id":1,"op":"restart","path":"c","caller":"root/of/evil","by":"me"}\n')
        event = next(event for event in heard if event.state == "stopping")
        assert event.cause == "c was told to restart"
        sock.close()


@pytest.mark.parametrize("number", ["\u00b2", "\u0663", "9" * 5000, "-1", "", "0", "1e3", "\ud800"])
def test_numbers_of_instances_that_are_none(tree: Tree, client: TreeClient, number: str) -> None:
    """Whatever stands for the number of an instance, nobody is stopped and the tree goes on: it
    once ended with the tree, for Python takes some digits for digits that are no number."""
    for verb in ("terminate_child", "delete_child", "restart", "start_child", "monitor"):
        with pytest.raises(OtpsupError):
            getattr(client, verb)(f"pool/job#{number}")
    assert tree.status().state == "running"


def test_who_talks_nothing_but_nonsense_is_hung_up_on(tree: Tree) -> None:
    """A client may err, and is told so; who errs again and again is no client."""
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rb") as file:
        sock.settimeout(LONG)
        sock.connect(str(address.find("served")))
        for _ in range(3):
            sock.sendall(b"what?\n" * 15 + b'{"id":1,"op":"count_children","path":""}\n')
            told = [json.loads(file.readline()) for _ in range(16)]
            assert [("error" in answer, answer["id"]) for answer in told] == [
                *[(True, 0)] * 15,
                (False, 1),
            ]
        sock.sendall(b"what?\n" * 16)
        assert len(file.readlines()) == 16


def test_a_path_that_is_too_long(client: TreeClient, tree: Tree) -> None:
    """A path of a megabyte is refused before anybody looks for one that is like it."""
    with pytest.raises(ProtocolError, match="a path has 32768 characters at most, not 900000"):
        client.restart("x" * 900_000)
    with pytest.raises(NotFound) as caught:
        client.restart("x" * 30_000)
    assert len(str(caught.value)) < 500


def test_an_info_of_any_shape_can_be_shown(tree: Tree, client: TreeClient) -> None:
    """What a child gave to `ready` cannot keep others from seeing the tree."""
    info = {"a": [1, None, True, "\ud800", "\x1b[31m", {"b": 1.5}]}
    tree.start_child(Worker("w", targets.ready, (info,), ready="notify"))
    found = client.status().find("w")
    assert found
    assert found.info == info


@pytest.mark.parametrize(
    ("verb", "args", "error"),
    [
        ("start_child", ("c",), AlreadyStarted),
        ("start_child", ("nobody",), NotFound),
        ("start_child", ("broken",), StartFailed),
        ("start_child", ("c", 1), NotASupervisor),
        ("restart_child", ("c",), Running),
        ("restart_child", ("nobody",), NotFound),
        ("terminate_child", ("inner/nobody",), NotFound),
        ("terminate_child", ("",), NotFound),
        ("delete_child", ("c",), Running),
        ("delete_child", ("pool/job#1",), SimpleOneForOne),
        ("which_children", ("c",), NotASupervisor),
        ("count_children", ("nobody",), NotFound),
        ("terminate_child", (5,), ProtocolError),
        ("restart", (None,), ProtocolError),
        ("restart", (["c"],), ProtocolError),
    ],
)
def test_errors_are_the_trees_own(
    client: TreeClient, tree: Tree, verb: str, args: tuple[Any, ...], error: type[Exception]
) -> None:
    """What the tree refuses, its client refuses with the same class and the same words; nobody
    waits for ever for an answer to nonsense."""
    with pytest.raises(error) as remote:
        getattr(client, verb)(*args)
    with pytest.raises(error) as local:
        getattr(tree, verb)(*args)
    assert str(remote.value) == str(local.value)
    if error is AlreadyStarted:
        assert remote.value.pid == pid(tree, "c")  # type: ignore[attr-defined]
