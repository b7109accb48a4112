"""`info`, `pid`: facts about a running tree and its children."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..control.client import TreeClient
from . import show, table
from .parameters import Options
from .selection import chosen, found
from .verbs import connected


@connected
def info(client: TreeClient, options: Options) -> str:
    """All that is known of a child, a line a fact."""
    facts = client.info(options.path)
    if options.json:
        return show.as_json(facts)
    rows = [*_rows(facts), *_rows(facts.get("spec", {}))]
    width = max((len(key) for key, _ in rows), default=0)
    return show.lines(f"{key:<{width}}  {value}".rstrip() for key, value in rows)


def _rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A list takes a line for each item; what is not known, or not there, takes none."""
    for key, value in facts.items():
        if key == "spec":
            continue
        if key == "since" and isinstance(value, int | float):
            yield key, f"{_clock(value)} ({table.duration(time.time() - value)} ago)"
        elif key == "command" and isinstance(value, list | tuple):
            yield key, shlex.join(map(str, value))
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                yield "" if number else key, _text(item)
        elif value is not None and value != "" and value != {}:
            yield key, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    return str(value)


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


@connected
def pid(client: TreeClient, options: Options) -> str:
    """The pid of each child; without PATH, of the process that hosts the tree."""
    if not options.paths:
        number = client.about()["pid"]
        return show.as_json(number) if options.json else f"{number}\n"
    root = client.status()
    nodes = [found(root, path) for path in chosen(root, options.paths)]
    if options.json:
        return show.as_json({node.path: node.pid for node in nodes})
    return show.lines(str(node.pid) if node.pid else "-" for node in nodes)
