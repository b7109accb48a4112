"""What has changed between the groups that run and those of a file. Pure.

As supervisord compares: a group is one thing, and any changed option of a program of it changes it;
logs in places that supervisord chooses are alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from attrs import evolve

from .conf.model import AUTO, Group, Log, Process


class Differences(NamedTuple):
    """Names of groups."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def differences(now: Iterable[Group], read: Iterable[Group]) -> Differences:
    """What is to be done with the groups that there are `now` to have those that were `read`."""
    current, wanted = {each.name: each for each in now}, {each.name: each for each in read}
    return Differences(
        tuple(name for name in wanted if name not in current),
        tuple(
            name for name, group in wanted.items()
            if name in current and not _are_alike(current[name], group)
        ),
        tuple(name for name in current if name not in wanted),
    )  # fmt: skip


def _are_alike(one: Group, other: Group) -> bool:
    if len(one.processes) != len(other.processes):
        return False
    pairs = [_leveled(*pair) for pair in zip(one.processes, other.processes, strict=True)]
    return evolve(one, processes=tuple(a for a, _ in pairs)) == evolve(
        other, processes=tuple(b for _, b in pairs)
    )


def _leveled(one: Process, other: Process) -> tuple[Process, Process]:
    """Both, without the paths of logs of which one is for supervisord to choose."""
    if AUTO in (one.stdout.logfile, other.stdout.logfile):
        one, other = (evolve(each, stdout=_auto(each.stdout)) for each in (one, other))
    if AUTO in (one.stderr.logfile, other.stderr.logfile):
        one, other = (evolve(each, stderr=_auto(each.stderr)) for each in (one, other))
    return one, other


def _auto(log: Log) -> Log:
    return evolve(log, logfile=AUTO)
