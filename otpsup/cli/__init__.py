"""`python -m otpsup`: look at a running tree and steer it, over its control socket.

Decides words and exit codes of the command line. Exit codes: 0 done, 1 the tree said no, 2 the
command line is wrong, 3 there is no tree to talk to.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from attrs import asdict

from ..control.client import TreeClient
from ..engine.snapshot import ChildStatus
from ..errors import AlreadyStarted, NotFound, NotRunning, OtpsupError
from . import table

Verb = Callable[[TreeClient, argparse.Namespace], object]
_Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    if sys.stdout is None:  # who started us closed it: be as quiet as that
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - to the end of the process
    options = _parser().parse_args(argv)
    try:
        with TreeClient.connect(options.tree, options.socket) as client:
            shown = _shown(options.verb(client, options), options)
        return _write(shown)
    except NotRunning as error:
        return _complain(str(error), 3)
    except OtpsupError as error:
        return _complain(str(error), 1)
    except KeyboardInterrupt:
        return 130


def _write(text: str) -> int:
    try:
        sys.stdout.write(_writable(text))
        sys.stdout.flush()
    except OSError as error:
        with contextlib.suppress(OSError):  # Python flushes once more when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # then whoever read it has seen enough
            return _complain(f"cannot write to standard output: {error.strerror}", 1)
    return 0


def _complain(text: str, code: int) -> int:
    print(f"otpsup: {table.plain(text)}", file=sys.stderr)
    return code


def _writable(text: str) -> str:
    """With `?` for what the terminal's encoding does not have."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="otpsup",
        description="Look at a running supervision tree and steer it.",
        epilog="Exit codes: 0 done, 1 the tree said no, 2 wrong usage, 3 no tree to talk to.",
    )
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(verbs, "status", _status, "show the tree, or the part of it at PATH")
    _add(verbs, "start", _start, "start the child at PATH, or all that are down")
    _add(verbs, "stop", _stop, "stop the child at PATH; without PATH, the whole tree")
    _add(verbs, "restart", _restart, "stop and start the child at PATH, or all children in order")
    return parser


def _add(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, verb: Verb, text: str
) -> None:
    command = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    command.add_argument(
        "path", nargs="?", type=_path, metavar="PATH", help="a child, as in 'backend/db'"
    )
    command.add_argument("--json", action="store_true", help="print one JSON value")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--tree", metavar="NAME", help="the tree, if several are running")
    which.add_argument("--socket", metavar="PATH", type=Path, help="the tree's control socket")
    command.set_defaults(verb=verb)


def _path(text: str) -> str:
    """A path; an empty one is refused: it may be a variable that is not set, not the whole tree."""
    if text == "":
        raise argparse.ArgumentTypeError("PATH is empty; leave it out to mean the whole tree")
    return text


def _shown(value: object, options: argparse.Namespace) -> str:
    """What to print for a verb's result: a tree, a list of paths, or nothing."""
    if options.json:
        plain = asdict(value) if isinstance(value, ChildStatus) else value
        return json.dumps(plain, indent=2, default=str) + "\n"
    if isinstance(value, ChildStatus):
        return table.render(value, time.time(), colour=table.wants_colour(sys.stdout)) + "\n"
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: object) -> list[str]:
    if isinstance(value, dict):
        return [f"{path}: {state}" for path, state in value.items()]
    return []


def _status(client: TreeClient, options: argparse.Namespace) -> ChildStatus:
    root = client.status()
    found = root.find(options.path or "")
    if found is None:
        known = ", ".join(node.path for node in root.walk() if node.path)
        raise NotFound(f"there is no child {options.path!r}; the paths are: {known}")
    return found


def _start(client: TreeClient, options: argparse.Namespace) -> dict[str, str]:
    """Start one child, or every child of the root that is down."""
    if options.path:
        return {options.path: client.start_child(options.path).state}
    down = [node.path for node in client.status().children if node.state == "down"]
    return {path: _start_if_down(client, path) for path in down}


def _start_if_down(client: TreeClient, path: str) -> str:
    try:
        return client.start_child(path).state
    except AlreadyStarted:  # by somebody else, meanwhile
        return "running"


def _stop(client: TreeClient, options: argparse.Namespace) -> dict[str, str]:
    if options.path:
        client.terminate_child(options.path)
        return {options.path: "down"}
    name = client.status().name
    client.shutdown()
    return {name: "down"}


def _restart(client: TreeClient, options: argparse.Namespace) -> dict[str, str]:
    """Restart one child, or the root's running children: each stopped and started in order."""
    if options.path:
        return {options.path: client.restart(options.path).state}
    paths = [node.path for node in client.status().children if node.state != "down"]
    return {path: client.restart(path).state for path in paths}
