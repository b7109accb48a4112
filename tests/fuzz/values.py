"""Specs made of anything: most fields as they should be, some of values that nobody expects."""

from __future__ import annotations

import decimal
import fractions
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import otpsup
from otpsup import Command, DynamicSupervisor, LogFile, Supervisor, Worker
from otpsup.specs import After, Backoff, Notify, Port, Probe, StaysUp

from .mutate import TEXTS


class Evil:
    """Whatever is done with it fails."""

    def _fail(self, *_: object) -> Any:
        raise RuntimeError("\x1b[31mevil\n" * 3)

    __repr__ = __str__ = __hash__ = __eq__ = __bool__ = __len__ = __iter__ = __int__ = _fail
    __lt__ = __gt__ = __le__ = __ge__ = __fspath__ = __float__ = __contains__ = _fail


class EvilMapping(Mapping[str, str]):
    """A mapping that is none."""

    def __getitem__(self, key: str) -> str:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 3


VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 65536, 2**31, 2**63, 2**64, 10**400, 10**5000, -(10**5000),
    0.0, -0.0, 0.5,
    1e300, 1e-300, math.nan, math.inf, -math.inf, decimal.Decimal("NaN"), fractions.Fraction(1,
    3), 1j,
    b"", b"bytes", bytearray(b"x"), memoryview(b"x"), [], [[]], [[1]], [None], (), ((),), {},
    {1: 2},
    {"a": "b"}, {"a": "b\0"}, {"": ""}, {"a": {"b": "c"}}, {"TOKEN": "x" * 9}, set(), {1}, {"c"},
    frozenset(),
    range(3),  ..., NotImplemented, int, Worker, Evil, Evil(), [Evil()], {"a": Evil()},
    EvilMapping(), len, print, lambda: 1, functools.partial(print, "x"),
    object(), Path("\0"), Path("x/y"), Path(), [Path("\0")], After("c"), Backoff(),
    LogFile("a.log"),
    Notify(), Port(1), StaysUp(1), Probe(dict), Command("c", ["c"]), Worker("w", "a:b"), iter([1]),
    "9" * 5000, "(" * 5000, "a{99999999}", "http://[::1", "http://x:99999", "http://u:p@h/\n",
    *TEXTS,
)  # fmt: skip

_COMMON: dict[str, Any] = {
    "restart": "transient", "shutdown": 3, "significant": False, "autostart": True,
    "backoff": Backoff(), "after": ["c"],
}  # fmt: skip
_PROCESS: dict[str, Any] = {
    **_COMMON, "ready": "notify", "start_timeout": 5, "stop_signal": "INT", "exitcodes": {0, 2},
    "environment": {"A": "b"}, "env_file": "app.env", "cwd": "/srv", "user": "nobody", "group": 3,
    "umask": 0o22, "nice": 3, "rlimits": {"nofile": 99}, "stdout": "null", "stderr": "stdout",
}  # fmt: skip
_SUPERVISING: dict[str, Any] = {**_COMMON, "intensity": 3, "period": 5}

KINDS: tuple[tuple[Callable[..., Any], dict[str, Any]], ...] = (
    (Worker, {"name": "w", "target": "app:run", "args": (1,), "kwargs": {"a": 1},
              "start_method": "spawn", **_PROCESS}),
    (Command, {"name": "c", "argv": ["c", "-x"], **_PROCESS}),
    (Supervisor, {"name": "s", "strategy": "rest_for_one", "auto_shutdown": "never",
                  "children": [Command("a", ["a"]), Command("b", ["b"], after=["a"])],
                  **_SUPERVISING}),
    (DynamicSupervisor, {"name": "d", "template": Command("j", ["j"]), "max_children": 3,
                         **_SUPERVISING}),
    (Backoff, {"initial": 1, "factor": 2, "max": 9, "jitter": 0.1, "reset_after": 9}),
    (LogFile, {"path": "a.log", "max_bytes": 99, "backups": 1}),
    (After, {"name": "c", "condition": "ready"}),
    (otpsup.port, {"port": 80, "host": "h", "interval": 1, "timeout": 1}),
    (otpsup.http, {"url": "http://h", "status": 200, "interval": 1, "timeout": 1}),
    (otpsup.log_line, {"pattern": "x", "stream": "stdout"}),
    (otpsup.notify, {"fd": 3}),
    (otpsup.stays_up, {"seconds": 1}),
    (otpsup.probe, {"function": len, "interval": 1, "timeout": 1}),
)  # fmt: skip


def spec(random: Random) -> Supervisor:
    """A tree with something strange in it.

    Raises:
        InvalidSpec: as it should, where that is too strange.
    """
    made = _one(random)
    if isinstance(made, Worker | Command | Supervisor | DynamicSupervisor):
        return Supervisor("top", children=[Command("c", ["c"]), made])
    if isinstance(made, Backoff | LogFile | After):
        field = {Backoff: "backoff", LogFile: "stdout", After: "after"}[type(made)]
        given: dict[str, Any] = {field: made}
        return Supervisor("top", children=[Command("c", ["c"]), Command("x", ["x"], **given)])
    return Supervisor("top", children=[Command("c", ["c"], ready=made)])


def _one(random: Random) -> Any:
    build, fields = random.choice(KINDS)
    required = {"name", "target", "argv", "template", "path", "port", "url", "pattern", "seconds",
                "function"}  # fmt: skip
    chosen = {k: v for k, v in fields.items() if k in required or random.random() < 0.3}
    for _ in range(random.choice([0, 1, 1, 1, 2])):
        chosen[random.choice(list(fields))] = value(random)
    return build(**chosen)


def value(random: Random) -> Any:
    """Anything, or something that holds it."""
    found = random.choice(VALUES)
    while random.random() < 0.2:
        found = random.choice([[found], (found, found), {"a": found}])
    return found
