"""What a command takes: arguments and options, and how the texts given for them become values.

Decides what a well-formed text is. Must not know how a command line is read (`by_click`,
`by_argparse`), nor what the commands do.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from attrs import frozen

from ..errors import OtpsupError


class Options(SimpleNamespace):
    """What was given on a command line: one attribute for each argument and option."""


class BadUsage(OtpsupError):
    """A command line that cannot be meant; nothing was done."""

    code = "usage"


Convert = Callable[[str], Any]
"""Makes a value of a text; raises ValueError, whose message says what was expected."""


@frozen
class Argument:
    """What is told apart by where it stands.

    Attributes:
        name: of the attribute in `Options`: a value, None if it is missing, or a list.
        metavar: how help and error messages call it.
        count: how many there may be: `1`, `?` at most one, `*` any number, `+` at least one.
        completes: what a shell offers for it: `path`, `tree`, `file`, or choices with blanks.
    """

    name: str
    metavar: str
    help: str
    count: Literal["1", "?", "*", "+"] = "?"
    convert: Convert = str
    completes: str = ""

    @property
    def usage(self) -> str:
        """As it stands in a usage line."""
        return {"1": "{}", "?": "[{}]", "*": "[{}...]", "+": "{}..."}[self.count].format(
            self.metavar
        )


@frozen
class Option:
    """What is told apart by its flag.

    Attributes:
        name: of the attribute in `Options`.
        flags: `("--lines", "-n")`, the long one first.
        metavar: of its value; without one it is on or off.
        many: it may be given several times, and its value is a list.
        completes: as for an `Argument`.
    """

    name: str
    flags: tuple[str, ...]
    help: str
    metavar: str = ""
    convert: Convert = str
    default: Any = None
    many: bool = False
    completes: str = ""

    @property
    def usage(self) -> str:
        """As it stands in a usage line."""
        text = " ".join(filter(None, (self.flags[-1], self.metavar)))
        return f"[{text}]..." if self.many else f"[{text}]"


@frozen
class Subcommand:
    """One command of `otpsup`.

    Attributes:
        name: as it is typed.
        function: `module:function` in this package, loaded when it is wanted; takes `Options`.
        help: what it does, in one sentence without a full stop.
        group: under which it is listed.
    """

    name: str
    function: str
    help: str
    group: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()

    @property
    def usage(self) -> str:
        """Its usage line."""
        parts = [*(each.usage for each in self.arguments), *(each.usage for each in self.options)]
        return " ".join(("otpsup", self.name, *parts))

    @property
    def sentence(self) -> str:
        """Its help as a sentence."""
        return f"{self.help[0].upper()}{self.help[1:]}."


def flag(name: str, text: str, *more: str) -> Option:
    """An option that is on or off."""
    return Option(name, (f"--{name}", *more), text, default=False)


# Texts to values.


def path(text: str) -> str:
    """A path; an empty one is refused: it may be a variable that is not set, not the whole tree."""
    if text == "":
        raise ValueError("PATH is empty; leave it out to mean the whole tree")
    return text


def file(text: str) -> Path:
    """A file's path."""
    return Path(text)


def seconds(text: str) -> float:
    """Seconds from 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise ValueError(f"expected seconds from 0, not {text!r}")
    return value


def delay(text: str) -> float:
    """Seconds between two looks."""
    value = seconds(text)
    if value < 0.1:
        raise ValueError(f"expected seconds from 0.1, not {text!r}")
    return value


def whole(least: int, most: int) -> Convert:
    """A whole number in this range."""

    def convert(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"expected a number from {least} to {most}, not {text!r}")
        return int(text)

    return convert


def one_of(*choices: str) -> Convert:
    """One of these words."""

    def convert(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}, not {text!r}")
        return text

    return convert


def signal_name(text: str) -> str:
    """A signal by its name, with or without SIG, or by its number; returns `SIGHUP`."""
    names = [each.name for each in signal.Signals]
    wanted = text.upper()
    if re.fullmatch("[0-9]{1,3}", text):
        wanted = next((each.name for each in signal.Signals if each == int(text)), "")
    found = wanted if wanted.startswith("SIG") else f"SIG{wanted}"
    if found not in names:
        from ..specs.check import nearest  # only where something is wrong already

        hint = nearest(found, names) or "give a name such as HUP, or a number"
        raise ValueError(f"there is no signal {text!r}; {hint}")
    return found
