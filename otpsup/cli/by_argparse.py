"""Reads command lines with argparse: what there is without the extra `cli`.

argparse has rules of its own for what looks like a value, and for options between arguments. So a
line is put in order first, as getopt(3) would and click does: options with their values, then the
rest, each value with a mark by which argparse knows it. argparse says the help, makes the values
and counts them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from . import words
from .commands import COMMANDS, GROUPS
from .parameters import Argument, BadUsage, Convert, Option, Options, Subcommand

HELP = ("--help", "-h")
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
    line = ordered(given, command.options)
    if line is None:
        parser.print_help(sys.stdout)
        raise SystemExit(0)
    return parser.parse_args(line, Options())


def overview() -> str:
    """The help of `otpsup` itself."""
    lines = [f"usage: {words.USAGE}", "", words.DESCRIPTION]
    for group, title in GROUPS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {c.name:<12}{c.help}" for c in COMMANDS.values() if c.group == group]
    return "\n".join([*lines, "", words.OPTIONS, "", words.EPILOG]) + "\n"


def ordered(given: Sequence[str], options: Sequence[Option]) -> list[str] | None:
    """The same line with options first, each in one word with its value; None if it asks for help.

    Raises:
        BadUsage: there is no such option, or its value is missing, or it takes none.
    """
    flags = {flag: option for option in options for flag in option.flags}
    left, first, rest, wants_help = list(given), [], [], False
    while left:
        word = left.pop(0)
        if word == "--":
            rest += left
            break
        if word in HELP:
            wants_help = True
        elif word.startswith("--"):
            first.append(_long(word, left, flags))
        elif word.startswith("-") and word != "-":
            letters = [*_short(word[1:], left, flags)]
            wants_help = wants_help or HELP[1] in letters
            first += letters
        else:
            rest.append(word)
    if wants_help:
        return None
    return [*_without_repeated(first, flags), *(f"{_MARK}{word}" for word in rest)]


def _without_repeated(words: list[str], flags: Mapping[str, Option]) -> list[str]:
    """The last of each counts, and what came before is not even looked at, unless many may come."""
    kept: dict[str, list[str]] = {}
    for word in words:
        option = flags[word.partition("=")[0]]
        kept[option.name] = [*(kept.get(option.name, []) if option.many else []), word]
    return [word for each in kept.values() for word in each]


def _long(word: str, left: list[str], flags: Mapping[str, Option]) -> str:
    name, has_value, value = word.partition("=")
    option = _known(name, flags)
    if not option.metavar:
        if has_value:
            raise BadUsage(f"option {name} takes no value")
        return name
    return f"{name}={_MARK}{value if has_value else _next(name, left)}"


def _short(letters: str, left: list[str], flags: Mapping[str, Option]) -> list[str]:
    """`-fn5` is `-f` and `-n` with the value 5, which may also be the next word."""
    found = []
    for number, letter in enumerate(letters, 1):
        name = f"-{letter}"
        if name == HELP[1]:
            found.append(name)
            continue
        option = _known(name, flags)
        if option.metavar:
            found.append(f"{option.flags[0]}={_MARK}{letters[number:] or _next(name, left)}")
            break
        found.append(name)
    return found


def _known(name: str, flags: Mapping[str, Option]) -> Option:
    if name not in flags:
        raise BadUsage(words.no_such("option", name, flags))
    return flags[name]


def _next(name: str, left: list[str]) -> str:
    if not left:
        raise BadUsage(f"option {name} needs a value")
    return left.pop(0)


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
