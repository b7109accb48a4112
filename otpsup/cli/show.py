"""How results are shown: as one JSON value, or as lines for people."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import asdict, has

from .. import mask
from ..errors import OtpsupError, Problem
from ..plain import plain
from ..views import ChildStatus
from . import table
from .parameters import Options


def tree(status: ChildStatus) -> str:
    """A node and all below it, drawn."""
    return table.render(status, time.time(), colour=table.wants_colour(sys.stdout)) + "\n"


def pairs(states: Mapping[str, str], options: Options) -> str:
    """What became of each path."""
    if options.json:
        return as_json(dict(states))
    return lines([f"{path}: {state}" for path, state in states.items()])


def as_json(result: object) -> str:
    """One JSON value."""
    return json.dumps(_plain(result), indent=2, default=str) + "\n"


def json_line(result: object) -> str:
    """One JSON value on one line."""
    return json.dumps(_plain(result), default=str) + "\n"


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        return [_plain(item) for item in result]
    if isinstance(result, Problem):
        return result._asdict()
    return asdict(result) if has(type(result)) else result


def lines(texts: Iterable[str]) -> str:
    """Text lines, without anything in them that steers a terminal."""
    return "".join(f"{plain(text)}\n" for text in texts)


def complain(text: str) -> None:
    """One line on standard error, while the command goes on."""
    print(f"otpsup: {plain(mask.text(text))}", file=sys.stderr, flush=True)


def problems_of(error: OtpsupError) -> list[Any]:
    """What is wrong with a tree file, one by one (`config.Problem`); nothing for other errors."""
    return list(getattr(error, "problems", ()))


def counted(problems: Sequence[object]) -> str:
    """How many there are."""
    return "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
