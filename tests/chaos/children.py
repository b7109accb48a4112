"""The tree of a chaos run: children of all kinds, the worse the better."""

from __future__ import annotations

import os
from typing import Any

from otpsup import Backoff, Command, LogFile, Supervisor, Worker
from otpsup.specs import ChildSpec
from tests.support import targets
from tests.support.bombs import USER, bomb

from .grounds import Grounds

QUICKLY: dict[str, Any] = {
    "backoff": Backoff(initial=0.005, factor=2, max=0.05),
    "shutdown": 0.3,
}
ESCAPES = "setsid sleep 1000 & sleep 1000 & wait"
DEAF = "trap '' TERM; sleep 1000; sleep 1000"
FLOODS = "head -c 300000 /dev/zero | tr '\\0' x; echo; echo told $$; exec sleep 1000"
PRINTS = "yes line | head -c 100000; exec sleep 1000"

GROUP = ("group/x", "group/y", "group/z")
ON_DEMAND = ("bomb", "chatters")
"""Children that are down at rest."""
_HELD_BACK = 20
"""Processes that the user of `other` may have; its bomb makes more."""


def spec(grounds: Grounds) -> Supervisor:
    """The root."""
    children: list[ChildSpec] = [
        *(_sleeper(grounds, name) for name in "abc"),
        _sleeper(grounds, "polite", nice=1),
        _other(grounds),
        *_shells(grounds),
        *_workers(),
        bomb("bomb", autostart=False, **QUICKLY),
        Supervisor("group", strategy="rest_for_one", **_endless(grounds, "xyz")),
        Supervisor("pair", strategy="one_for_all", **_endless(grounds, "pq")),
    ]
    return Supervisor("chaos", intensity=10**9, period=1, children=children)


def _endless(grounds: Grounds, names: str) -> dict[str, Any]:
    return {
        "intensity": 10**9,
        "period": 1,
        "children": [_sleeper(grounds, name) for name in names],
    }


def _sleeper(grounds: Grounds, name: str, **options: Any) -> Command:
    return Command(name, [str(grounds.program.path), "1000"], **QUICKLY, **options)


def _other(grounds: Grounds) -> Command:
    """Another user's, if we can have one."""
    if os.geteuid() != 0:
        return _sleeper(grounds, "other")
    return _sleeper(grounds, "other", user=USER, rlimits={"nproc": _HELD_BACK})


def _shells(grounds: Grounds) -> list[ChildSpec]:
    log = LogFile(grounds.log, max_bytes=1_000_000, backups=1)
    return [
        Command("escapes", ["sh", "-c", ESCAPES], **QUICKLY),
        Command("deaf", ["sh", "-c", DEAF], **QUICKLY),
        Command("floods", ["sh", "-c", FLOODS], stdout=log, stderr=log, **QUICKLY),
        Command("prints", ["sh", "-c", PRINTS], **QUICKLY),
    ]


def _workers() -> list[ChildSpec]:
    ways = {
        "worker": targets.be_ready,
        "stubborn": targets.be_stubborn,
        "rubbish": targets.talk_rubbish,
        "halves": targets.talk_in_halves,
        "silent": targets.fall_silent,
        "mute": targets.shut_its_channel,
    }
    return [
        *(Worker(name, target, ready="notify", **QUICKLY) for name, target in ways.items()),
        Worker("chatters", targets.talk_without_end, ready="notify", autostart=False, **QUICKLY),
    ]
