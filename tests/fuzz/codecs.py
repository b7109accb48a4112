"""What is read from outside, without a socket: messages, requests, outlines, scenarios, specs."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from random import Random
from typing import Any

from otpsup import Command, DynamicSupervisor, OtpsupError, Supervisor, Worker, completed
from otpsup.engine import Engine
from otpsup.engine.effects import Effect, Kill, Spawn, StateChange, Terminate
from otpsup.engine.events import Boot, Event, Exited, Ready, Spawned
from otpsup.engine.reasons import Exit
from otpsup.errors import InvalidSpec, ProtocolError
from otpsup.specs import Backoff
from otpsup.testing import BadScenario, simulate, what_if
from otpsup.wire import control, outline, requests, status

from .mutate import hostile
from .target import Target, Wrong, sound

MESSAGES: tuple[Any, ...] = (
    {"op": "ready"},
    {"op": "ready", "info": {"port": 8001, "deep": [[["a"]]], "f": 1.5}},
    {"op": "ready", "info": None, "path": "b", "run": 1, "pid": 1},
    {"op": "status", "text": "half way", "path": "b"},
    {"op": "heartbeat"},
    {"op": "ignore"},
    {
        "op": "crash",
        "type": "ValueError",
        "message": "no luck",
        "traceback": "Traceback ...\n  x\n",
    },
    {"op": "connect"},
)

REQUESTS: tuple[Any, ...] = (
    *(
        {"id": 1, "op": op, "path": path}
        for op in ("terminate_child", "restart", "restart_child", "delete_child", "monitor",
                   "unmonitor", "start_child", "which_children", "count_children")
        for path in ("c", "inner", "inner/deep", "pool", "pool/job#1", "", "nobody")
    ),
    {"id": 2, "op": "start_child", "path": "pool", "args": [1, {"x": None}, "--flag"]},
    {"id": 3, "op": "status"},
    {"id": 4, "op": "outline"},
    {"id": 5, "op": "events"},
    {"id": 6, "op": "about"},
    {"id": 7, "op": "recent_events"},
    {"id": 7, "op": "statistics", "samples": None},
    {"id": 8, "op": "reopen_logs"},
    *({"id": 9, "op": "info", "path": path} for path in ("", "c", "pool", "nobody")),
    {"id": 10, "op": "signal", "path": "c", "signal": "URG"},
    {"id": 11, "op": "signal", "path": "pool", "signal": 23},
    {"id": 12, "op": "plan", "file": None},
    {"id": 13, "op": "plan", "file": "/nobody/has/this.yaml"},
    {"id": 14, "op": "scale", "path": "c", "count": 2},
    {"id": 15, "op": "logs", "paths": ["c"], "lines": 3, "stream": "stdout", "follow": False},
    {"id": 16, "op": "logs", "paths": None, "lines": 0, "stream": None, "follow": True},
)  # fmt: skip


def numbers(value: Any) -> Iterator[float]:
    """All floats in a JSON value."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers(item)


class StatusMessages(Target):
    """(a) What a child sends up its channel, as bytes."""

    name, share = "status messages", 15

    def make(self, random: Random) -> bytes:
        return hostile(random, MESSAGES)

    def feed(self, data: bytes) -> bool:
        try:
            message = status.decode(data)
        except ProtocolError as error:
            sound(str(error), 300)
            return False
        if isinstance(message, status.ReadyMessage):
            if not all(map(math.isfinite, numbers(message.info))):
                raise Wrong("an info that is no JSON")
            with contextlib.suppress(ProtocolError):  # too long, once it is escaped
                status.decode(status.encode(message))
        elif status.decode(status.encode(message)) != message:
            raise Wrong("a message that is not what it was")
        return True


SLEEP = ["sleep", "100"]


def tree() -> Supervisor:
    """One of everything."""
    return Supervisor(
        "fuzzed",
        intensity=10**6,
        children=[
            Command("c", SLEEP),
            Command("task", SLEEP, restart="transient", backoff=Backoff(initial=0.1)),
            Command("b", SLEEP, after=["c"]),
            Command("off", SLEEP, autostart=False, after=["task"]),
            Supervisor(
                "inner",
                strategy="rest_for_one",
                intensity=10**6,
                children=[Command("deep", SLEEP), Worker("w", "app.web:serve", after=["deep"])],
            ),
            DynamicSupervisor("pool", Command("job", SLEEP), max_children=20),
        ],
    )


class Requests(Target):
    """(c) Lines of clients, and the engine that is to carry out what they mean."""

    name, share = "requests to an engine", 15

    def open(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._engine = Engine(tree())
        self._now = 0.0
        self._refs = 0
        self._handle(Boot(ref=0))

    def make(self, random: Random) -> bytes:
        return hostile(random, (*REQUESTS, {"id": 6, "op": "shutdown", "hurry": True}))

    def feed(self, data: bytes) -> bool:
        try:
            call = requests.decode_call(data, "c")
        except ProtocolError as error:
            sound(str(error), 1000)
            if not isinstance(requests.id_of(data), int):
                raise Wrong("an id that is no number") from None
            return False
        if call.make is None:
            json.dumps(outline.encode(outline.Outline(self._engine.root.spec, self._checkpoint())))
            requests.encode_ok(call.id, self._engine.snapshot())
            return True
        self._refs += 1
        self._now += 0.001
        self._handle(call.make(self._refs))
        if self._engine.is_halted:
            self._begin()
        return True

    def _checkpoint(self) -> Any:
        return self._engine.checkpoint(self._now)

    def _handle(self, event: Event) -> None:
        todo = [event]
        while todo:
            for effect in self._engine.handle(todo.pop(0), self._now):
                todo += self._answers(effect)

    def _answers(self, effect: Effect) -> list[Event]:
        """A world in which all goes well at once."""
        match effect:
            case Spawn(path, run):
                return [Spawned(path, run, 1000 + run), Ready(path, run)]
            case Terminate(path, run) | Kill(path, run):
                return [Exited(path, run, Exit(signal=15))]
            case StateChange():
                return []
        error = getattr(effect, "error", None)
        if error is not None:
            sound(str(error))
        return []


def outlines() -> tuple[Any, ...]:
    """Outlines of a tree at several moments, with one that is a graph."""
    requests = Requests()
    requests.open()
    found = []
    for line in ("pool", "off", "inner", "c"):
        now = outline.Outline(requests._engine.root.spec, requests._checkpoint())
        found.append(json.loads(json.dumps(outline.encode(now))))
        op = "start_child" if line in ("pool", "off") else "terminate_child"
        requests.feed(control.encode_call(1, op, path=line))
    graph = Supervisor(
        "g",
        children=[
            Command("a", ["a"], restart="transient"),
            Command("b", ["b"], after=[completed("a")], restart="temporary", significant=True),
        ],
        auto_shutdown="any_significant",
    )
    engine = Engine(graph)
    value = outline.encode(outline.Outline(graph, engine.checkpoint()))
    return (*found, json.loads(json.dumps(value)))


class Outlines(Target):
    """(d) Outlines and checkpoints, as a client reads them, and what is made of them."""

    name, share = "outlines", 5

    def open(self) -> None:
        self._samples = outlines()

    def make(self, random: Random) -> bytes:
        return hostile(random, outlines_once())

    def feed(self, data: bytes) -> bool:
        try:
            value = control.decode_answer(b'{"id":1,"ok":' + data + b"}").get("ok")
            found = outline.decode(value)
        except ProtocolError as error:
            sound(str(error), 1000)
            return False
        with contextlib.suppress(OtpsupError):
            what_if(found.spec, ["c"], (), found.checkpoint)
        return True


_OUTLINES: list[tuple[Any, ...]] = []


def outlines_once() -> tuple[Any, ...]:
    """They take a while."""
    if not _OUTLINES:
        _OUTLINES.append(outlines())
    return _OUTLINES[0]


SCENARIOS: tuple[Any, ...] = (
    {
        "id": 1,
        "tree": {
            "type": "supervisor", "id": "root", "strategy": "one_for_all", "intensity": 2,
            "period": 5, "children": [
                {"id": "a", "restart": "transient", "shutdown": 100, "on_shutdown": "crash"},
                {"id": "s", "type": "supervisor", "strategy": "simple_one_for_one",
                 "children": [{"id": "job", "shutdown": "brutal_kill"}]},
                {"id": "b", "significant": True, "restart": "temporary"},
            ], "auto_shutdown": "any_significant",
        },
        "plan": {"root/a": ["ok", "error", "ignore"]},
        "events": [
            {"op": "kill", "path": "root/a", "reason": "crash"},
            {"op": "start_child", "sup": "root/s"},
            {"op": "start_child", "sup": "root", "child": {"id": "new"}},
            {"op": "terminate_child", "sup": "root", "id": "a"},
            {"op": "advance", "s": 3},
            {"op": "fail_next", "path": "root/b", "n": 2, "mode": "exit"},
            {"op": "batch", "sup": "root", "do": [{"op": "kill", "path": "root/b",
                                                   "reason": "kill"}]},
            {"op": "stop_root", "reason": "shutdown"},
        ],
        "snapshots": True,
    },
    {"tree": {"id": "r"}, "events": [{"op": "which_children", "sup": "r"}]},
    {"tree": {"id": "r", "children": [{"id": "w"}]}, "events": [
        {"op": "kill", "path": "w", "reason": "kill"}, {"op": "count_children", "sup": ""}]},
)  # fmt: skip


class Scenarios(Target):
    """(d) Scenarios, as `otpsup simulate` reads them from a line of a file, and their traces."""

    name, share = "scenarios", 8

    def make(self, random: Random) -> bytes:
        return hostile(random, SCENARIOS)

    def feed(self, data: bytes) -> bool:
        from otpsup.cli.simulate import _encode, _parsed

        try:
            trace = simulate(_parsed(data.decode(errors="surrogateescape")))
        except BadScenario as error:
            if len(str(error)) > 4000:
                raise Wrong(f"a message of {len(str(error))} characters") from None
            return False
        _encode(trace)
        return True


class Specs(Target):
    """(e) Specs of all kinds, from values of all kinds: each is one that holds, or InvalidSpec."""

    name, share = "specs", 20

    def make(self, random: Random) -> bytes:
        return random.randbytes(8)

    def feed(self, data: bytes) -> bool:
        from .values import spec

        try:
            made = spec(Random(data))
        except InvalidSpec as error:
            sound(str(error), 1500)
            return False
        repr(made)
        json.dumps(outline.encode_spec(made))
        return True
