"""`simulate`: scenarios, line by line; and with --kill, what would come of a child's death."""

from __future__ import annotations

import gc
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ..errors import OtpsupError
from ..testing import BadScenario, simulate, what_if
from ..testing.told import in_words
from . import show, table, target
from .parameters import BadUsage, Options


def command(options: Options) -> str:
    """Scenarios to traces; or, with --kill, consequences in words."""
    if options.kill:
        return _what_if(options)
    for option in ("broken", "times", "json", "tree", "socket"):
        if getattr(options, option):
            raise BadUsage(f"--{option} is about what would come of a death; add --kill PATH")
    if (options.file or "").endswith(".py"):
        raise BadUsage(f"{options.file} is a program, and no file of scenarios; add --kill PATH")
    _scenarios(options.file or "-")
    return ""


class SomeFailed(OtpsupError):
    """Some lines of a file could not be run; each was named when it came."""

    code = "bad_scenario"


# Scenarios.

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def _scenarios(name: str) -> None:
    """Every line of the file becomes a line of output; a bad one a line on stderr instead."""
    bad = 0
    with _opened(name) as file, _few_collections():
        for number, line in enumerate(file, 1):
            if line.strip():
                bad += not _run_line(line.rstrip(), f"{name}:{number}", sys.stdout.write)
    sys.stdout.flush()
    if bad:
        raise SomeFailed(f"{bad} of the lines of {name} could not be run; all others were")


def _run_line(line: str, where: str, write: Callable[[str], object]) -> bool:
    try:
        trace = simulate(_parsed(line))
    except BadScenario as error:
        sys.stdout.flush()
        print(f"{where}: {table.plain(str(error))}", file=sys.stderr)
        return False
    write(_encode(trace) + "\n")
    return True


def _parsed(line: str) -> Any:
    try:
        return json.loads(line, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        text = f"expected a JSON object: {error.msg} at column {error.colno}"
        raise BadScenario(text) from None
    except ValueError as error:
        raise BadScenario(f"expected a JSON object: {error}") from None
    except RecursionError:
        raise BadScenario("expected a JSON object that is not nested so deep") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    if name == "-":
        lines = _standard_input()
        yield lines
        lines.detach()  # else it closes what our own shell reads its commands from
        return
    try:
        file = Path(name).open(encoding="utf-8-sig", errors="surrogateescape")  # noqa: SIM115
    except OSError as error:
        hint = "give a file of scenarios, or `-` for standard input; about a tree, ask with --kill"
        raise BadUsage(f"cannot read {name}: {error.strerror}; {hint}") from None
    with file:
        yield file


def _standard_input() -> io.TextIOWrapper:
    """UTF-8, whatever the locale says."""
    if sys.stdin is None:
        raise BadUsage("cannot read standard input: it is closed; name a file")
    return io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="surrogateescape")


@contextmanager
def _few_collections() -> Iterator[None]:
    """Every tree is garbage soon, in cycles; to look for it after each costs a fifth of all."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


# What if.


def _what_if(options: Options) -> str:
    chosen = target.resolve(options.file, options.tree, options.socket)
    tree, killed = chosen.spec, options.kill * (options.times or 1)
    begin = chosen.outline.checkpoint if chosen.outline else None
    found = what_if(tree, killed, options.broken, begin)
    if options.json:
        return show.as_json(found)
    return show.lines(in_words(found, len(killed), tree.name))
