"""`python -m otpsup`: what can be said on the command line, and what becomes of errors.

Exit codes: 0 done, 1 the tree, or the input, said no, 2 the command line is wrong, 3 there is no
tree to talk to.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from .. import mask
from ..errors import NotRunning, OtpsupError
from . import table, verbs

Command = Callable[[argparse.Namespace], str]
_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    if sys.stdout is None:  # who started us closed it: be as quiet as that
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - to the end of the process
    options = _parser().parse_args(argv)
    try:
        return _write(options.command(options))
    except NotRunning as error:
        return _complain(str(error), 1 if error.is_of_a_supervisor else 3)
    except OtpsupError as error:
        return _complain(str(error), 2 if error.code == "usage" else 1)
    except BrokenPipeError:  # whoever read it has seen enough
        return _write("")
    except OSError as error:
        what = f"use {error.filename}" if error.filename else "write to standard output"
        text = f"cannot {what}: {error.strerror}"
        return _write("") or _complain(text, 1)
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
    print(f"otpsup: {table.plain(mask.text(text))}", file=sys.stderr)
    return code


def _writable(text: str) -> str:
    """With `?` for what the terminal's encoding does not have."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="otpsup",
        description="Look at a supervision tree, steer it, ask what it would do and why it did.",
        epilog="Exit codes: 0 done, 1 the tree or the input said no, 2 wrong usage, 3 no tree to "
        "talk to.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="tell the version")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, verb, text in (
        ("status", verbs.status, "show the tree, or the part of it at PATH"),
        ("start", verbs.start, "start the child at PATH, or all that are down"),
        ("stop", verbs.stop, "stop the child at PATH; without PATH, the whole tree"),
        ("restart", verbs.restart, "stop and start the child at PATH, or all children in order"),
    ):
        _add_verb(commands, name, verbs.connected(verb), text)
    text = "tell why the child at PATH, or the tree, is as it is, and what led to that"
    _add_verb(commands, "why", _lazy("why"), text)
    _add_graph(commands)
    _add_simulate(commands)
    _add_orphans(commands)
    return parser


class _Version(argparse.Action):
    """Looked up only when it is asked for: that takes longer than most commands."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"otpsup {version('otpsup')}")
        except PackageNotFoundError:
            print("otpsup, run from a folder where it is not installed")
        parser.exit()


def _lazy(module: str) -> Command:
    """The command of a module that is loaded when it is wanted."""

    def command(options: argparse.Namespace) -> str:
        found: Command = importlib.import_module(f".{module}", __package__).command
        return found(options)

    return command


def _add(commands: _Commands, name: str, command: Command, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(command=command)
    return parser


def _add_verb(commands: _Commands, name: str, command: Command, text: str) -> None:
    parser = _add(commands, name, command, text)
    parser.add_argument(
        "path", nargs="?", type=_path, metavar="PATH", help="a child, as in 'backend/db'"
    )
    _add_json(parser)
    _add_which(parser, "the tree, if several are running")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON value")


def _add_which(parser: argparse.ArgumentParser, text: str) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--tree", metavar="NAME", help=text)
    _add_socket(which)


def _add_socket(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--socket", metavar="PATH", type=Path, help="the tree's control socket")


_TREE = "a running tree's name, MODULE:NAME or FILE.py:NAME; the only running tree if left out"


def _add_graph(commands: _Commands) -> None:
    text = "draw a tree and its dependencies"
    parser = _add(commands, "graph", _lazy("drawing"), text)
    parser.add_argument("tree_or_module", nargs="?", metavar="TREE", help=_TREE)
    parser.add_argument(
        "--format", choices=("text", "mermaid", "dot", "svg"), default="text", help="(%(default)s)"
    )
    _add_which(parser, "a running tree")


def _add_simulate(commands: _Commands) -> None:
    text = (
        "run the scenarios in FILE, one JSON object a line, and print a trace for each; with "
        "--kill, say what would stop, start and escalate in TREE, and why"
    )
    parser = _add(commands, "simulate", _lazy("simulate"), text)
    text = f"scenarios, `-` is stdin; with --kill, {_TREE}"
    parser.add_argument("file", nargs="?", metavar="FILE|TREE", help=text)
    parser.add_argument(
        "--kill", action="append", default=[], metavar="PATH", type=_path,
        help="a child that would be killed; may be given several times, in turn",
    )  # fmt: skip
    parser.add_argument("--times", type=_times, metavar="N", help="do all of --kill so often")
    parser.add_argument(
        "--broken", action="append", default=[], metavar="PATH", type=_path,
        help="a child that would not start any more",
    )  # fmt: skip
    _add_json(parser)
    _add_which(parser, "a running tree")


def _add_orphans(commands: _Commands) -> None:
    text = "list processes of trees that are dead; there should be none"
    parser = _add(commands, "orphans", _lazy("orphans"), text)
    parser.add_argument("--end", action="store_true", help="end them: SIGTERM, then SIGKILL")
    parser.add_argument(
        "--grace", type=_seconds, default=5.0, metavar="SECONDS",
        help="between SIGTERM and SIGKILL (%(default)s)",
    )  # fmt: skip
    _add_json(parser)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"expected seconds from 0, not {text!r}")
    return value


def _times(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 1000, not {text!r}")
    return int(text)


def _path(text: str) -> str:
    """A path; an empty one is refused: it may be a variable that is not set, not the whole tree."""
    if text == "":
        raise argparse.ArgumentTypeError("PATH is empty; leave it out to mean the whole tree")
    return text
