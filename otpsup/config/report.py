"""What is wrong: all of it is collected, each thing once and with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, field, frozen

from .. import mask
from ..errors import InvalidFile, Problem
from ..plain import plain
from ..specs import check
from .nodes import List, Mapping, Node, Scalar, Source, is_nothing

MOST_NODES = 1_000_000
"""Values in a file, those behind aliases counted each time."""


class Unusable(Exception):
    """A text is not what it must be to have nodes; says why, and where: line and column from 1."""

    def __init__(self, text: str, line: int, column: int) -> None:
        super().__init__(text)
        self.line, self.column = line, column


_MOST_SPENT = 300_000
"""Of a tree of 10,000 children; some seconds."""


_MOST_PROBLEMS = 500
_MOST_OF_PATH = 200
_MOST_OF_TEXT = 600
"""Characters that are shown, in a file that may hold names of any length."""


@define
class Report:
    """The problems of all files that belong together."""

    _found: dict[tuple[int, int, int, str], Problem] = field(factory=dict)
    _spent: int = 0

    def add(self, source: Source, line: int, column: int, path: str, text: str) -> None:
        """One more problem.

        Raises:
            InvalidFile: these are enough; to look for the word that is meant takes its time.
        """
        if len(path) > _MOST_OF_PATH:
            path = f"...{path[-_MOST_OF_PATH:]}"
        text = text if len(text) <= _MOST_OF_TEXT else f"{text[:_MOST_OF_TEXT]}..."
        problem = Problem(plain(source.name), line, column, plain(path), plain(text))
        self._found.setdefault((source.number, line, column, problem.text), problem)
        if len(self._found) >= _MOST_PROBLEMS:
            self.stop_if_any()

    def twice(self, key: Scalar, first: Scalar) -> None:
        """A key that was there before."""
        text = f"{check.shown(key.text)} stands here twice; the first is in line {first.line}"
        self.add(key.source, key.line, key.column, "", text)

    @property
    def problems(self) -> list[Problem]:
        """All so far, in the order of the files and of what is in them."""
        return [self._found[key] for key in sorted(self._found)]

    def __len__(self) -> int:
        return len(self._found)

    def stop_if_any(self) -> None:
        """Go no further if anything is wrong.

        Raises:
            InvalidFile: something is.
        """
        if self._found:
            raise InvalidFile.of(self.problems)

    def spend(self, size: int, node: Node) -> None:
        """Count what is made; a small file can ask for more than a machine has.

        Raises:
            InvalidFile: it is too much.
        """
        self._spent += size
        if self._spent > _MOST_SPENT:
            text = "too large, with all copies and all that is used again; make several trees of it"
            self.add(node.source, node.line, node.column, "", text)
            self.stop_if_any()


@frozen
class Place:
    """Where in the tree something is read, for what is to be said of it."""

    report: Report
    path: str = ""

    def at(self, key: str) -> Place:
        """One step further down."""
        return Place(self.report, f"{self.path}.{_step(key)}" if self.path else _step(key))

    def item(self, number: int) -> Place:
        """An item of the list that is here, from 0."""
        return Place(self.report, f"{self.path}[{number}]")

    def say(self, node: Node, text: str) -> None:
        """Something is wrong with this node. What was put into it and is a secret is not shown,
        whoever made the text."""
        for secret in _secrets(node):
            text = text.replace(secret, mask.HIDDEN).replace(repr(secret)[1:-1], mask.HIDDEN)
        self.report.add(node.source, node.line, node.column, self.path, text)

    def refuse(self, node: Node, expected: str, hint: str = "") -> None:
        """This node is not what it must be."""
        text = f"must be {expected.replace('`', chr(39))}, not {given(node)}"
        self.say(node, f"{text}; {hint}" if hint else text)

    def unknown_key(self, key: Scalar, known: Iterable[str], hint: str = "") -> None:
        """A key that means nothing here."""
        known = list(known)
        hint = hint or check.nearest(key.text, known) or f"known are {', '.join(known)}"
        self.at(key.text).say(key, f"unknown key {check.shown(key.text)}; {hint}")


def _secrets(node: Node) -> Iterator[str]:
    """The texts in it into which secrets were put."""
    if isinstance(node, Scalar):
        if node.is_hidden and node.text:
            yield node.text
        return
    below = node.items if isinstance(node, List) else ()
    if isinstance(node, Mapping):
        below = [entry.value for entry in node.entries.values()]
    for each in below:
        yield from _secrets(each)


def _step(key: str) -> str:
    return key if len(key) <= 60 else f"{key[:60]}..."


def given(node: Node) -> str:
    """How a message shows what it got."""
    if not isinstance(node, Scalar):
        return "a mapping" if isinstance(node, Mapping) else "a list"
    if is_nothing(node):
        return "nothing"
    if node.is_hidden:
        return "what it is (it is not shown)"
    if node.written is None:
        return check.shown(node.value)
    return f"{check.shown(node.written)}, which is {mask.text(check.shown(node.value))}"
