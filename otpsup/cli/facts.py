"""`info`, `stacks`, `pid`: facts about a running tree and its children."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..control.client import TreeClient
from ..durations import duration
from ..selection import chosen, found
from ..views import ChildStatus
from . import show
from .parameters import Options
from .verbs import SomeFailed, connected


@connected
def info(client: TreeClient, options: Options) -> str:
    """All that is known of a child, a line a fact; without PATH, of the tree as a whole."""
    if options.path is None:
        about = client.about()
        return show.as_json(about) if options.json else _table([*_rows(about)])
    facts = client.info(found(client.status(), options.path).path)
    if options.json:
        return show.as_json(facts)
    facts["checks"] = [_check(each) for each in facts.get("checks", ())]
    return _table([*_rows(facts), ("", ""), *_rows(facts.get("spec", {}))])


def _check(result: Mapping[str, Any]) -> str:
    """`readiness port 8001: well, 3 of 120 looks in vain`."""
    states = {True: "well", False: "failing", None: "not known yet"}
    said = f" ({result['said']})" if result["said"] else ""
    return (
        f"{result['purpose']} {result['what']}: {states[result['is_well']]}{said}, "
        f"{result['failures']} of {result['looks']} looks in vain"
    )


def _table(rows: Sequence[tuple[str, str]]) -> str:
    width = max((len(key) for key, _ in rows), default=0)
    return show.lines(f"{key:<{width}}  {value}".rstrip() for key, value in rows)


def _rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A list takes a line for each item; what is not known, or not there, takes none."""
    for key, value in facts.items():
        if key == "spec":
            continue
        if key == "template":
            yield from ((f"template.{part}", text) for part, text in _rows(value))
        elif key == "now":
            continue
        elif key == "since" and isinstance(value, int | float):
            yield key, f"{_clock(value)} ({duration(time.time() - value)} ago)"
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
        return ", ".join(f"{key}: {_inner(key, item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _inner(key: str, value: Any) -> str:
    """A value beside others: it is seen where it ends."""
    if key == "command" and isinstance(value, list):
        return f"[{shlex.join(map(str, value))}]"
    return f"{{{_text(value)}}}" if isinstance(value, dict) else _text(value)


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


@connected
def stacks(client: TreeClient, options: Options) -> str:
    """Where a Python worker is."""
    path = found(client.status(), options.path).path
    text = client.stacks(path)
    return show.as_json({"path": path, "stacks": text}) if options.json else f"{text.strip()}\n"


@connected
def pid(client: TreeClient, options: Options) -> str:
    """The pid of each child; without PATH, of the process that hosts the tree."""
    if not options.paths:
        number = client.about()["pid"]
        return show.as_json(number) if options.json else f"{number}\n"
    root = client.status()
    nodes = [found(root, path) for path in chosen(root, options.paths)]
    pids = {node.path: node.pid for node in nodes}
    output = (
        show.as_json(pids) if options.json else show.lines(f"{p or '-'}" for p in pids.values())
    )
    if without := [node for node in nodes if node.pid is None]:
        raise SomeFailed("; ".join(map(_no_process, without)), output)
    return output


def _no_process(node: ChildStatus) -> str:
    what = f"is {node.state}" if node.type in ("worker", "command") else "is a supervisor"
    return f"{node.path} {what}, and has no process"
