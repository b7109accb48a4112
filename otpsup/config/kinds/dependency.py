"""The form of `after`: the siblings that a child waits for."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen

from ...errors import InvalidSpec
from ...specs import After
from ...specs.after import CONDITIONS
from ...specs.check import Schema
from ..forms import BAD, END, VARIABLE, Several, Text, either, read
from ..nodes import Mapping, Node
from ..report import Place
from .choice import choices, only_key, tagged

_CONDITION = re.compile(rf"({'|'.join(CONDITIONS)})\((.*)\)", re.DOTALL)
_NAME = rf"^(?!\s)[^/#\u0000\n\r]+{END}(?<!\s)"
_OTHERS = "|".join(CONDITIONS)
_NAME_OR_CONDITION = (
    rf"^(?:(?!(?:{_OTHERS})\([\s\S]*\){END})(?!\s)[^/#\u0000\n\r]+{END}(?<!\s)"
    rf"|(?:{_OTHERS})\((?!\s)[^/#\u0000\n\r]+(?<!\s)\){END})"
)


@frozen
class Dependency:
    """A sibling, or a condition on one: `db`, `completed(db)`, `{completed: db}`."""

    words: str = f"a sibling's name, or {choices(CONDITIONS)} of one, as in `completed(db)`"

    def read(self, node: Node, place: Place) -> Any:
        """An `After`."""
        condition, name = "ready", node
        if isinstance(node, Mapping):
            key = only_key(CONDITIONS, node, place)
            if key is None:
                return BAD
            condition, name = key, node.entries[key].value
        text = read(Text(self.words), name, place)
        if text is BAD:
            return BAD
        if name is node and (match := _CONDITION.fullmatch(text)):
            condition, text = match[1], match[2]
        try:
            return After(text, condition)  # type: ignore[arg-type] # matched, or a known key
        except InvalidSpec as error:
            place.refuse(name, error.expected)
            return BAD

    def schema(self, limits: Schema) -> Schema:
        """A text or an object of one key."""
        name = Text().schema({"type": "string", "pattern": _NAME})
        return either(
            {"type": "string", "pattern": _NAME_OR_CONDITION},
            {"type": ["number", "boolean"]},
            VARIABLE,
            *tagged(dict.fromkeys(CONDITIONS, name)),
        )

    def write(self, value: Any) -> Any:
        """The name alone where that says it all."""
        name = Text().write(value.name)
        if value.condition == "ready" and not _CONDITION.fullmatch(value.name):
            return name
        return {value.condition: name}


DEPENDENCIES = Several(Dependency(), "siblings' names")
