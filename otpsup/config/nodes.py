"""What a file holds, before anybody asks what it means: texts, lists and mappings, with places.

Decides what a plain text stands for (YAML 1.2, core schema). Knows neither specs nor merging.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import define, field, frozen


@frozen
class Source:
    """One file.

    Attributes:
        name: as it is shown.
        folder: absolute; what relative paths in it are relative to.
        number: in which order it was read.
    """

    name: str
    folder: Path
    number: int = 0


@define(eq=False)
class Node:
    """Anything in a file; the first character of it is at `line` and `column`, from 1.

    Attributes:
        size: how many nodes it is, with all that is below.
        has_dollar: a `$` is in one of its texts.
        has_copy: the number of a copy, `${copy...}`, is in one of its texts.
    """

    source: Source
    line: int
    column: int
    size: int = field(default=1, kw_only=True)
    has_dollar: bool = field(default=False, kw_only=True)
    has_copy: bool = field(default=False, kw_only=True)

    def _sum_up(self, below: Iterable[Node]) -> None:
        for node in below:
            self.size += node.size
            self.has_dollar = self.has_dollar or node.has_dollar
            self.has_copy = self.has_copy or node.has_copy


@define(eq=False)
class Scalar(Node):
    """A text, a number, a boolean or nothing.

    Attributes:
        text: as it is written, without quotation marks.
        value: what it stands for.
        is_plain: written without quotation marks, so that `8001` is a number.
        written: what was there before variables were put in; None if there were none.
        is_hidden: a secret was put in.
    """

    text: str
    value: Any
    is_plain: bool = True
    written: str | None = None
    is_hidden: bool = False

    def __attrs_post_init__(self) -> None:
        self.has_dollar = "$" in self.text
        self.has_copy = "${copy" in self.text


@define(eq=False)
class List(Node):
    """A list."""

    items: list[Node]

    def __attrs_post_init__(self) -> None:
        self._sum_up(self.items)


@define(eq=False)
class Entry:
    """A key and its value."""

    key: Scalar
    value: Node


@define(eq=False)
class Mapping(Node):
    """Keys, each once and in their order, and values."""

    entries: dict[str, Entry]

    def __attrs_post_init__(self) -> None:
        self._sum_up(entry.value for entry in self.entries.values())

    def get(self, key: str) -> Node | None:
        """The value of a key; None if it is not there, or is nothing."""
        entry = self.entries.get(key)
        return None if entry is None or is_nothing(entry.value) else entry.value

    def with_entries(self, entries: dict[str, Entry]) -> Mapping:
        """One at the same place with these entries."""
        return Mapping(self.source, self.line, self.column, entries)

    def without(self, keys: Iterable[str]) -> Mapping:
        """The same without some keys."""
        unwanted = set(keys)
        kept = {key: entry for key, entry in self.entries.items() if key not in unwanted}
        return self.with_entries(kept)


def is_nothing(node: Node) -> bool:
    """Whether it is YAML's null, or JSON's."""
    return isinstance(node, Scalar) and node.value is None


def quoted(source: Source, line: int, column: int, text: str) -> Scalar:
    """A text that is nothing but that."""
    return Scalar(source, line, column, text, text, is_plain=False)


def plain(source: Source, line: int, column: int, text: str) -> Scalar:
    """A text without quotation marks: what it stands for follows from what it looks like."""
    return Scalar(source, line, column, text, meaning(text))


def with_text(node: Scalar, text: str, *, is_hidden: bool) -> Scalar:
    """The same scalar, in which variables were put in."""
    value = meaning(text) if node.is_plain else text
    written = node.text if node.written is None else node.written
    return Scalar(
        node.source, node.line, node.column, text, value, node.is_plain, written, is_hidden
    )


_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_REAL = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_LONGEST = 400
"""Characters of a number; one with more is a text."""


def meaning(text: str) -> Any:
    """What a plain text stands for: nothing, a boolean, a number or itself.

    A number that begins with a 0 that is not needed is a text, as `022` is a mask or a code.
    """
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in "+-.0123456789" or len(text) > _LONGEST:
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if _REAL.fullmatch(text):
        return float(text)
    return float(_SPECIAL[text.lower()]) if text.lower() in _SPECIAL else text


def data(node: Node) -> Any:
    """The plain Python value."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, List):
        return [data(item) for item in node.items]
    assert isinstance(node, Mapping)
    return {key: data(entry.value) for key, entry in node.entries.items()}
