"""Clients of a real tree that are hostile, and a real client of a tree that is."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from random import Random
from typing import Any

from loguru import logger

import tests.support  # noqa: F401 - its own folder for sockets
from otpsup import (
    ChildStatus,
    Command,
    DynamicSupervisor,
    OtpsupError,
    Supervisor,
    Tree,
    TreeClient,
)
from otpsup.cli import table
from otpsup.control import address
from otpsup.testing import what_if
from otpsup.wire import requests
from tests.support.waiting import until

from .codecs import REQUESTS, SLEEP, outlines_once
from .mutate import hostile
from .target import Target, Wrong, sound

CHANGING = ("start_child", "restart_child", "terminate_child", "restart", "delete_child", "monitor",
            "unmonitor", "shutdown", "signal", "scale", "update", "add")  # fmt: skip
_PATIENCE = 30.0


def may_change(line: bytes) -> bool:
    """Whether a line can be a request that changes something; written out, not imported."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("op") in CHANGING


def state(status: ChildStatus) -> list[Any]:
    """What a request may change of a tree."""
    return [(node.path, node.state, node.pid, node.restarts) for node in status.walk()]


class Clients(Target):
    """A real tree at its real socket; a byte that says how the client behaves, then its bytes."""

    name, share = "control socket", 8

    def open(self) -> None:
        self._errors: list[str] = []
        self._sink = logger.add(self._errors.append, format="{message}", level="ERROR")
        logger.enable("otpsup")
        self._begin()

    def _begin(self) -> None:
        children = [
            Command("c", SLEEP),
            Command("off", SLEEP, autostart=False),
            Supervisor("inner", children=[Command("deep", SLEEP)]),
            DynamicSupervisor(
                "pool",
                Command("job", ["sh", "-c", "exec sleep 100"], restart="temporary"),
                max_children=3,
            ),
        ]
        self._tree = Tree(Supervisor("fuzzed", children=children))
        self._tree.start()
        self._path = str(address.find(f"fuzzed-{os.getpid()}"))
        self._before = state(self._tree.status())

    def make(self, random: Random) -> bytes:
        parts = [hostile(random, REQUESTS) for _ in range(random.choice([1, 1, 2, 5]))]
        data = random.choice([b"\n", b"\n", b"", b"\r\n", b"\n\n"]).join(parts)
        if random.random() < 0.01:
            data = random.choice([b"x" * (3 << 20), data + b" " * (2 << 20), b"\n" * 100_000])
        return bytes([random.randrange(256)]) + data

    def feed(self, data: bytes) -> bool:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(_PATIENCE)
            sock.connect(self._path)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it was hung up on
                self._behave(sock, data[0], data[1:])
        changes = any(map(may_change, data[1:].split(b"\n")))
        self._look(may_have_changed=changes)
        return changes

    def _behave(self, sock: socket.socket, how: int, data: bytes) -> None:
        if how % 4 == 1:  # in pieces
            cut = len(data) * how // 256
            sock.sendall(data[:cut])
            sock.sendall(data[cut:])
        else:
            sock.sendall(data)
        if how % 4 == 2:  # to the end
            sock.sendall(b"\n")
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(1 << 16):
                pass
        elif how % 4 == 3:  # the first answer
            sock.sendall(b'\n{"id":77,"op":"which_children","path":""}\n')
            sock.recv(100)

    def _look(self, *, may_have_changed: bool) -> None:
        """Once the server is done with that client."""
        try:
            self._be_next()
            until(lambda: not self._is_served())
            now = self._settled() if may_have_changed else state(self._tree.status())
        except OtpsupError:
            if not may_have_changed:
                raise
            self._tree.stop()
            self._begin()
            return
        if now != self._before and not may_have_changed:
            raise Wrong(f"the tree has changed from {self._before} to {now}")
        self._before = now

    def _be_next(self) -> None:
        """Who comes later is let in later."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(_PATIENCE)
            sock.connect(self._path)
            sock.sendall(b'{"id":1,"op":"which_children","path":""}\n')
            sock.recv(100)

    def _is_served(self) -> bool:
        session = self._tree._session
        return session is not None and bool(session._server._tasks)

    def _settled(self) -> list[Any]:
        """What has been asked for has been done, when nobody is on the way any more."""
        return until(lambda: self._at_rest())

    def _at_rest(self) -> list[Any] | None:
        before, now = state(self._tree.status()), state(self._tree.status())
        is_moving = any(word in ("starting", "stopping") for _, word, *_ in now)
        return None if is_moving or before != now else now

    def check(self) -> None:
        """The tree answers, all is said in words, and nothing was wrong inside of it."""
        with TreeClient.connect(path=address.find(f"fuzzed-{os.getpid()}")) as client:
            status = client.status()
        for line in table.render(status, 0.0, colour=False).split("\n"):
            sound(line)
        if self._errors:
            raise Wrong(f"the log has errors: {self._errors[:3]}")

    def close(self) -> None:
        self._tree.stop()
        logger.remove(self._sink)
        logger.disable("otpsup")


def answers() -> tuple[Any, ...]:
    """What a tree says to a client."""
    status = {
        "name": "t", "path": "", "type": "supervisor", "state": "running", "ready": True,
        "pid": None,
        "since": 1.5, "restarts": 0, "last_exit": None, "status": "x", "info": {"a": 1},
        "children": [],
        "why": ["t is running because it was started"], "next_attempt": None, "waits": None,
    }  # fmt: skip
    child = {**status, "name": "c", "path": "c", "type": "command", "pid": 5, "last_exit": "code 1"}
    event = {"at": 1.0, "kind": "state", "path": "c", "state": "down", "pid": 5, "reason": "x",
             "cause": "y", "text": "z", "traceback": "", "chain": ["y"]}  # fmt: skip
    return (
        {"id": 1, "ok": {**status, "children": [child, child]}},
        {"id": 1, "ok": None},
        {"id": 1, "error": {"code": "already_started", "message": "no", "pid": 5}},
        {"id": 1, "error": {"code": "noproc", "message": "no", "is_of_a_supervisor": True}},
        {"event": event},
        *({"id": 1, "ok": outline} for outline in outlines_once()[:2]),
    )


class Answers(Target):
    """A tree that answers with anything, and what becomes of it at the other end."""

    name, share = "answers of a tree", 4

    def make(self, random: Random) -> bytes:
        samples = answers()
        parts = [hostile(random, samples) for _ in range(random.choice([1, 1, 3]))]
        return bytes([random.randrange(4)]) + b"\n".join(parts) + b"\n"

    def feed(self, data: bytes) -> bool:
        ours, theirs = socket.socketpair()
        theirs.settimeout(_PATIENCE)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
        with theirs, TreeClient(ours) as client:
            theirs.setblocking(False)
            theirs.send(data[1:])
            theirs.shutdown(socket.SHUT_WR)
            try:
                self._use(client, data[0])
            except OtpsupError as error:
                if not isinstance(str(error), str):
                    raise
                return False
        return True

    def _use(self, client: TreeClient, how: int) -> None:
        if how == 0:
            for line in table.render(client.status(), 0.0, colour=False).split("\n"):
                sound(line, 100_000)
        elif how == 1:
            json.dumps([requests.encode_event(event).decode() for event in client.events()])
        elif how == 2:
            found = client.outline()
            what_if(found.spec, ["c"], (), found.checkpoint)
        else:
            client.start_child("c")
