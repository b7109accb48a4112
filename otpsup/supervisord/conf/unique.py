"""Names that are there twice: supervisord's parser takes them, and its daemon keeps one of each."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from .model import Group


def one_of_each(groups: Iterable[Group]) -> tuple[Group, ...]:
    """The groups and processes that run: of groups with one name the first one; of processes with
    one name in a group the last one, at the place of the first."""
    first: dict[str, Group] = {}
    for group in groups:
        first.setdefault(group.name, group)
    return tuple(_processes_once(group) for group in first.values())


def _processes_once(group: Group) -> Group:
    last = {process.name: process for process in group.processes}
    return evolve(group, processes=tuple(last.values()))
