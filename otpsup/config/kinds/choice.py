"""What all forms with kinds have: a key says which kind it is."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingType

from ...specs.check import Schema
from ..nodes import Mapping
from ..report import Place


def choices(words: Iterable[str]) -> str:
    """Words as they are listed for people."""
    return ", ".join(f"`{word}`" for word in words)


def only_key(kinds: Iterable[str], node: Mapping, place: Place) -> str | None:
    """The one key of a mapping that says of which kind it is; None, and a problem, if none does."""
    kinds = list(kinds)
    for key, entry in node.entries.items():
        if key not in kinds:
            place.unknown_key(entry.key, kinds)
            return None
    if len(node.entries) != 1:
        place.say(node, f"must have just one of these keys: {', '.join(kinds)}")
        return None
    return next(iter(node.entries))


def tagged(schemas: MappingType[str, Schema]) -> list[Schema]:
    """Objects of one key each."""
    return [
        {"type": "object", "properties": {key: schema}, "required": [key],
         "additionalProperties": False}
        for key, schema in schemas.items()
    ]  # fmt: skip
