"""The form of `inherit_environment`: which of the host's variables a child gets."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...specs.check import Schema
from ..forms import BAD, END, VARIABLE, Several, Text, either
from ..nodes import List, Node, Scalar
from ..report import Place


@frozen
class Inherited:
    """Which of the host's variables a child gets: a word, or a list of names."""

    words: str = "`all`, `none`, or a list of names"

    def read(self, node: Node, place: Place) -> Any:
        """The word or the names."""
        if isinstance(node, List):
            return Several(Text("a name"), self.words).read(node, place)
        if isinstance(node, Scalar) and node.value in ("all", "none"):
            return node.value
        place.refuse(node, self.words)
        return BAD

    def schema(self, limits: Schema) -> Schema:
        """A word or an array."""
        name = Text().schema({"type": "string", "pattern": rf"^[^=*\u0000]*[^=\u0000]{END}"})
        return either({"enum": ["all", "none"]}, VARIABLE, {"type": "array", "items": name})

    def write(self, value: Any) -> Any:
        """As it is."""
        return value if isinstance(value, str) else [Text().write(name) for name in value]
