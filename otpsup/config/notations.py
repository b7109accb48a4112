"""The forms of single things: signals, masks, paths, limits, command lines, how long to wait.

Decides how each is written. The forms that these are made of are in `forms`.
"""

from __future__ import annotations

import resource
import shlex
import signal as signals
from pathlib import Path
from typing import Any

from attrs import frozen

from ..specs.check import BRUTAL_KILL, INFINITY, Schema
from . import quantities
from .forms import (
    BAD,
    NO_TEXT,
    SECONDS,
    TEXT,
    VARIABLE,
    Parsed,
    Text,
    Value,
    all_read,
    either,
    is_number,
    pattern,
    read,
    value_of,
    whole,
)
from .nodes import List, Node, Scalar
from .report import Place
from .variables import escaped


@frozen
class Signal(Value):
    """A signal by its name or number."""

    def write(self, value: Any) -> Any:
        """The name, if it has one."""
        names = {int(signal): signal.name for signal in signals.Signals}
        return names.get(value, int(value))


@frozen
class Shutdown:
    """Seconds, or one of two words."""

    words: str = f"{SECONDS.words}, `brutal_kill`, `infinity`"

    def read(self, node: Node, place: Place) -> Any:
        """Seconds or the word."""
        if isinstance(node, Scalar) and node.text in (BRUTAL_KILL, INFINITY):
            return node.text
        return Parsed(self.words, quantities.DURATION, quantities.seconds).read(node, place)

    def schema(self, limits: Schema) -> Schema:
        """What the rule says, or a duration."""
        return either(limits, pattern(quantities.DURATION), VARIABLE)

    def write(self, value: Any) -> Any:
        """As it is."""
        return value


@frozen
class Mask:
    """Octal, as every tool writes it; a decimal number would be taken for one, and is refused."""

    words: str = "an octal text such as '022'"

    def read(self, node: Node, place: Place) -> Any:
        """The mask."""
        mask = _octal(node) if isinstance(node, Scalar) else None
        if mask is None:
            place.refuse(node, self.words)
            return BAD
        return mask

    def schema(self, limits: Schema) -> Schema:
        """Octal digits, up to 777."""
        return either(pattern("(?:0o)?0?[0-7]{1,3}"), {"const": 0}, VARIABLE)

    def write(self, value: Any) -> Any:
        """Three digits."""
        return f"{value:03o}"


def _octal(node: Scalar) -> int | None:
    if isinstance(node.value, str) or node.text.startswith("0o"):
        return quantities.file_mask(node.text)
    return 0 if is_number(node.value) and node.value == 0 else None


@frozen
class FilePath:
    """A path, relative to the folder of the file in which it stands."""

    words: str = "a path"

    def read(self, node: Node, place: Place) -> Any:
        """The absolute path."""
        text = Text(self.words).read(node, place)
        return BAD if text is BAD else absolute(node, text)

    def schema(self, limits: Schema) -> Schema:
        """A text without a NUL."""
        return TEXT

    def write(self, value: Any) -> Any:
        """The path as it is."""
        return escaped(str(value))


def absolute(node: Node, text: str) -> Path:
    """What a path in a file means."""
    return node.source.folder / text


@frozen
class Limit:
    """A resource limit: a number, or a soft and a hard one."""

    words: str = "a number, `unlimited`, or [soft, hard]"

    def read(self, node: Node, place: Place) -> Any:
        """A number or a pair."""
        if not isinstance(node, List):
            return self._one(node, place)
        pair = [self._one(item, place.item(n)) for n, item in enumerate(node.items)]
        if len(pair) != 2:
            place.refuse(node, self.words)
            return BAD
        return tuple(pair) if all_read(pair) else BAD

    def _one(self, node: Node, place: Place) -> Any:
        if isinstance(node, Scalar):
            if node.text == "unlimited":
                return resource.RLIM_INFINITY
            if is_number(value := value_of(node)):
                return whole(value)
        place.refuse(node, self.words)
        return BAD

    def schema(self, limits: Schema) -> Schema:
        """The same for JSON values."""
        one = either(limits, {"const": "unlimited"}, VARIABLE)
        return either(one, {"type": "array", "items": one, "minItems": 2, "maxItems": 2})

    def write(self, value: Any) -> Any:
        """One number for both, if they are the same."""
        words = ["unlimited" if each == resource.RLIM_INFINITY else each for each in value]
        return words[0] if words[0] == words[1] else words


@frozen
class CommandLine:
    """A list of words, or a text that is split into words as a shell does; no shell runs it."""

    words: str = "a list of words, or a text that is split into words"

    def read(self, node: Node, place: Place) -> Any:
        """A list of words, the program first."""
        if isinstance(node, List):
            argv = [read(Text(), item, place.item(n)) for n, item in enumerate(node.items)]
        elif isinstance(node, Scalar) and node.value is not None:
            argv = self._split(node, place)
        else:
            place.refuse(node, self.words)
            return BAD
        if not all_read(argv):
            return BAD
        if not argv or not argv[0]:
            place.say(node, "must begin with a program")
            return BAD
        return argv

    def _split(self, node: Scalar, place: Place) -> list[Any]:
        try:
            return shlex.split(node.text)
        except ValueError as error:
            place.say(node, f"cannot be split into words: {str(error).lower()}; write it as a list")
            return [BAD]

    def schema(self, limits: Schema) -> Schema:
        """A list or a text."""
        first = either(pattern(r"[^\u0000]+"), NO_TEXT)
        array = {"type": "array", "prefixItems": [first], "items": TEXT, "minItems": 1}
        return either(array, pattern(r"[^\u0000]*[^\s\u0000][^\u0000]*"), NO_TEXT)

    def write(self, value: Any) -> Any:
        """A list."""
        return [escaped(word) for word in value]
