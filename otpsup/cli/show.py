"""How results are shown: as one JSON value, or as lines for people."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from attrs import asdict, has

from ..engine.snapshot import ChildStatus
from . import table


def value(result: object, options: argparse.Namespace) -> str:
    """What to print for a verb's result: a tree, a list of paths, or nothing."""
    if options.json:
        return as_json(result)
    if isinstance(result, ChildStatus):
        return table.render(result, time.time(), colour=table.wants_colour(sys.stdout)) + "\n"
    return lines([f"{path}: {state}" for path, state in _pairs(result)])


def as_json(result: object) -> str:
    """One JSON value."""
    return json.dumps(_plain(result), indent=2, default=str) + "\n"


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        return [_plain(item) for item in result]
    return asdict(result) if has(type(result)) else result


def lines(texts: list[str]) -> str:
    """Text lines, without anything in them that steers a terminal."""
    return "".join(f"{table.plain(text)}\n" for text in texts)


def _pairs(result: object) -> list[tuple[object, object]]:
    return list(result.items()) if isinstance(result, dict) else []
