"""`${NAME}` in texts: what may stand there, and what is put in its place.

Decides the notation. Where the values come from is `files`' matter.
"""

from __future__ import annotations

import re
from collections.abc import Container
from collections.abc import Mapping as MappingType
from typing import Any

from attrs import evolve, field, frozen

from .. import mask
from ..specs.check import nearest, shown
from .nodes import Entry, List, Mapping, Node, Scalar, with_text
from .report import Place

HOW = "it is ${NAME}, ${NAME:-default} or ${NAME:?message}; a dollar is $$"
_DEEPEST = 10
_LONGEST = 1_000_000
"""Characters that a text comes to; no program takes as much (execve(2))."""
_MUCH = 200
"""Characters that cost as much as a value."""
_COPY = re.compile(r"copy(?: *([+-]) *([0-9]{1,9}))?")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?", re.DOTALL)


class Unresolved(Exception):
    """What stands in a text cannot be replaced; says why."""


@frozen
class Scope:
    """The variables that texts can name.

    Attributes:
        values: by name.
        copy: the number of the copy that is being made; None where there are no copies.
        hidden: names of those in whose values there are secrets.
    """

    values: MappingType[str, str] = field(factory=dict, repr=False)
    copy: int | None = None
    hidden: Container[str] = ()

    def for_copy(self, number: int) -> Scope:
        """The same for one copy."""
        return evolve(self, copy=number)

    def fill(self, node: Node, place: Place) -> Node:
        """The node with all variables put in; problems are told, and the text is left as it is."""
        if not node.has_dollar:
            return node
        if isinstance(node, Scalar):
            return self._scalar(node, place)
        if isinstance(node, List):
            items = [self.fill(item, place.item(n)) for n, item in enumerate(node.items)]
            return List(node.source, node.line, node.column, items)
        assert isinstance(node, Mapping)
        return node.with_entries(
            {
                key: Entry(entry.key, self.fill(entry.value, place.at(key)))
                for key, entry in node.entries.items()
            }
        )

    def _scalar(self, node: Scalar, place: Place) -> Node:
        try:
            text, names = self.expand(node.text)
            place.report.spend(len(text) // _MUCH, node)
        except Unresolved as error:
            place.say(node, str(error))
            return Scalar(node.source, node.line, node.column, "", UNRESOLVED)
        return with_text(node, text, is_hidden=any(map(self._is_hidden, names)))

    def _is_hidden(self, name: str) -> bool:
        return mask.is_secret(name) or name in self.hidden

    def expand(self, text: str, depth: int = 0) -> tuple[str, list[str]]:
        """The text with all variables put in, and the names of those.

        Raises:
            Unresolved: a variable is not set, or this is not how one is written.
        """
        if depth > _DEEPEST:
            raise Unresolved(f"defaults within defaults, more than {_DEEPEST} deep")
        parts: list[str] = []
        names: list[str] = []
        at = size = 0
        while (found := text.find("$", at)) >= 0:
            parts.append(text[at:found])
            if text.startswith("${", found):
                end = _end(text, found + 2)
                value, used = self._value(text[found + 2 : end], depth)
                parts.append(value)
                size += len(value)
                if size > _LONGEST:
                    raise Unresolved(f"this comes to more than {_LONGEST:,} characters")
                names += used
                at = end + 1
            else:
                parts.append("$")
                at = found + (2 if text.startswith("$$", found) else 1)
        return "".join([*parts, text[at:]]), names

    def _value(self, inner: str, depth: int) -> tuple[str, list[str]]:
        if match := _COPY.fullmatch(inner):
            return self._copy(match[1], match[2]), []
        match = _NAME.fullmatch(inner)
        if match is None:
            raise Unresolved(f"cannot read {shown('${' + inner + '}')}; {HOW}")
        name, kind, rest = match.groups()
        value = self.values.get(name, "")
        if value or (kind is None and name in self.values):
            return value, [name]
        if kind == "-":
            return self.expand(rest, depth + 1)
        raise Unresolved(self._missing(name, rest))

    def _missing(self, name: str, message: str | None) -> str:
        if message:
            return f"${{{name}}} is not set: {message}"
        hint = nearest(name, self.values) or f"set it, or write ${{{name}:-default}}"
        return f"${{{name}}} is not set; {hint}"

    def _copy(self, sign: str | None, number: str | None) -> str:
        if self.copy is None:
            raise Unresolved("${copy} is the number of a copy, and this child has no `copies`")
        offset = int(number or 0)
        return str(self.copy + (-offset if sign == "-" else offset))


def _end(text: str, begin: int) -> int:
    """Where the brace closes that is open at `begin`; a default may hold others."""
    depth, at = 1, begin
    while at < len(text):
        if text.startswith("${", at):
            depth, at = depth + 1, at + 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise Unresolved(f"no }} closes the ${{ in {shown(text)}; {HOW}")


class _Unresolved:
    """Stands for the value of a text in which a variable is missing, which has been told."""

    def __repr__(self) -> str:
        return "UNRESOLVED"


UNRESOLVED: Any = _Unresolved()


def escaped(text: str) -> str:
    """A text that means just this one when variables have been put in."""
    return text.replace("$", "$$")
