"""Reads command lines with argparse: what there is without the extra `cli`.

argparse has rules of its own for what looks like a value, and for options between arguments. So a
line is put in order first, as `getopt` does and click would: options with their values, then the
rest, each value with a mark by which argparse knows it. argparse says the help, makes the values
and counts them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from . import words
from .commands import COMMANDS, GROUPS
from .getopt import Line, taken_apart
from .parameters import Argument, BadUsage, Convert, Option, Options, Subcommand

_MARK = "\0"
"""No word of a command line can have it: so what begins with it is no option, and no `--`."""


class _Parser(argparse.ArgumentParser):
    """Raises what is wrong, instead of printing it and ending the process."""

    def error(self, message: str) -> NoReturn:
        raise BadUsage(message.replace(_MARK, ""))


def read(command: Subcommand, given: Sequence[str]) -> Options:
    """The values on a command line.

    Raises:
        BadUsage: it is wrong.
        SystemExit: it asked for help, which was printed.
    """
    parser = _parser(command)
    line = taken_apart(given, command.options)
    if line is None:
        parser.print_help(sys.stdout)
        raise SystemExit(0)
    return parser.parse_args(_ordered(line), Options())


def overview() -> str:
    """The help of `otpsup` itself."""
    lines = [f"usage: {words.USAGE}", "", words.DESCRIPTION]
    for group, title in GROUPS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {c.name:<12}{c.help}" for c in COMMANDS.values() if c.group == group]
    return "\n".join([*lines, "", words.OPTIONS, "", words.EPILOG]) + "\n"


def _ordered(line: Line) -> list[str]:
    """The same line with options first, each in one word with its value."""
    first = [
        option.flags[0] if value is None else f"{option.flags[0]}={_MARK}{value}"
        for option, value in line.options
    ]
    return [*first, *(f"{_MARK}{word}" for word in line.rest)]


def _parser(command: Subcommand) -> _Parser:
    parser = _Parser(
        prog=f"otpsup {command.name}", description=command.sentence, allow_abbrev=False,
        usage=command.usage.replace("%", "%%"),
    )  # fmt: skip
    for argument in command.arguments:
        parser.add_argument(argument.name, **_settings(argument))
    for option in command.options:
        parser.add_argument(*option.flags, dest=option.name, **_settings(option))
    return parser


def _settings(each: Argument | Option) -> dict[str, Any]:
    settings: dict[str, Any] = {"help": each.help.replace("%", "%%")}
    if isinstance(each, Option) and not each.metavar:
        return settings | {"action": "store_true"}
    settings |= {"metavar": each.metavar, "type": _type(each.convert)}
    if isinstance(each, Option):
        default = list(each.default) if each.many else each.default
        return settings | {"action": "append" if each.many else "store", "default": default}
    nargs = {} if each.count == "1" else {"nargs": each.count}
    return settings | nargs | ({"default": []} if each.count == "*" else {})


def _type(convert: Convert) -> Callable[[str], Any]:
    def type(text: str) -> Any:
        try:
            return convert(text.removeprefix(_MARK))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return type
