"""Takes command lines apart as getopt(3) does, and reads those that are sound, as most are.

Whatever is wrong with a line, or asks for help, is told by `by_click` or `by_argparse`: to load
them takes longer than most commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from . import words
from .parameters import Argument, BadUsage, Option, Options, Subcommand

HELP = ("--help", "-h")


def read(command: Subcommand, given: Sequence[str]) -> Options | None:
    """The values on a command line; None if it is wrong, or asks for help."""
    try:
        line = taken_apart(given, command.options)
        return None if line is None else Options(**_values(command, line))
    except (BadUsage, ValueError):
        return None


@frozen
class Line:
    """A command line, taken apart.

    Attributes:
        options: with their values, which those without a metavar have not; the last of each, and
            all of what may come several times.
        rest: all other words.
    """

    options: tuple[tuple[Option, str | None], ...]
    rest: tuple[str, ...]


def taken_apart(given: Sequence[str], options: Sequence[Option]) -> Line | None:
    """Options with their values, and the rest; None if it asks for help.

    Raises:
        BadUsage: there is no such option, or its value is missing, or it takes none.
    """
    flags = {flag: option for option in options for flag in option.flags}
    left, found, rest, wants_help = list(given), [], [], False
    while left:
        word = left.pop(0)
        if word == "--":
            rest += left
            break
        if word in HELP:
            wants_help = True
        elif word.startswith("--"):
            found.append(_long(word, left, flags))
        elif word.startswith("-") and word != "-":
            for pair in _short(word[1:], left, flags):
                wants_help = wants_help or pair is None
                found += [pair] if pair else []
        else:
            rest.append(word)
    return None if wants_help else Line(tuple(_without_repeated(found)), tuple(rest))


Pair = tuple[Option, str | None]


def _without_repeated(pairs: Sequence[Pair]) -> list[Pair]:
    """The last of each counts, and what came before is not even looked at, unless many may come."""
    kept: dict[str, list[Pair]] = {}
    for pair in pairs:
        option = pair[0]
        kept[option.name] = [*(kept.get(option.name, []) if option.many else []), pair]
    return [pair for each in kept.values() for pair in each]


def _long(word: str, left: list[str], flags: Mapping[str, Option]) -> Pair:
    name, has_value, value = word.partition("=")
    option = _known(name, flags)
    if not option.metavar:
        if has_value:
            raise BadUsage(f"option {name} takes no value")
        return option, None
    return option, value if has_value else _next(name, left)


def _short(letters: str, left: list[str], flags: Mapping[str, Option]) -> Iterator[Pair | None]:
    """`-fn5` is `-f` and `-n` with the value 5, which may also be the next word; None is `-h`."""
    for number, letter in enumerate(letters, 1):
        name = f"-{letter}"
        if name == HELP[1]:
            yield None
            continue
        option = _known(name, flags)
        if option.metavar:
            yield option, letters[number:] or _next(name, left)
            break
        yield option, None


def _known(name: str, flags: Mapping[str, Option]) -> Option:
    if name not in flags:
        raise BadUsage(words.no_such("option", name, flags))
    return flags[name]


def _next(name: str, left: list[str]) -> str:
    if not left:
        raise BadUsage(f"option {name} needs a value")
    return left.pop(0)


def _values(command: Subcommand, line: Line) -> dict[str, Any]:
    """What the attributes of `Options` are.

    Raises:
        ValueError: a text is not what was expected, or there are too many or too few of them.
    """
    values: dict[str, Any] = {each.name: _default(each) for each in command.options}
    for option, text in line.options:
        value = True if text is None else option.convert(text)
        values[option.name] = [*values[option.name], value] if option.many else value
    left = list(line.rest)
    for number, argument in enumerate(command.arguments):
        later = sum(each.count in "1+" for each in command.arguments[number + 1 :])
        values[argument.name] = _taken(argument, left, later)
    if left:
        raise ValueError("there are more words than arguments")
    return values


def _default(option: Option) -> Any:
    """A list that may come several times begins anew where any came."""
    return list(option.default or ()) if option.many else option.default


def _taken(argument: Argument, left: list[str], later: int) -> Any:
    """The values of one argument, taken from the words that are left, of which `later` are needed
    by those that come after it."""
    is_many = argument.count in "*+"
    most = len(left) - later if is_many else 1
    words = left[: min(most, len(left) - later)]
    if not words and argument.count in "1+":
        raise ValueError(f"there is no {argument.metavar}")
    del left[: len(words)]
    values = [argument.convert(word) for word in words]
    return values if is_many else (values[0] if values else None)
