"""Forms: how a value is written in a file. Each can be read, described as a schema, and written.

Decides notations only: `10s`, `10MB`, one or several. Whether a value is legal is said by the
specs' own rules, which are asked with what was read. The forms of one kind each (readiness,
output, hooks) are in `kinds`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final, Protocol

from attrs import field, frozen

from ..errors import InvalidSpec
from ..specs.check import Schema, shown
from . import quantities
from .nodes import List, Mapping, Node, Scalar, data, is_nothing, meaning
from .report import Place
from .variables import UNRESOLVED, escaped

BAD: Final = object()
"""What was read is nothing that could be used; that has been told."""

VARIABLE: Schema = {"$ref": "#/$defs/variable"}
"""A text with `${...}` in it may stand for any scalar."""

END = r"(?![\s\S])"
"""Of a text; `$` is also before a last line break."""

NO_TEXT: Schema = {"type": ["number", "boolean"]}
TEXT: Schema = {
    "anyOf": [{"type": "string", "pattern": rf"^[^\u0000]*{END}"}, NO_TEXT],
}
"""A text, or what stands for one."""


class Form(Protocol):
    """One way to write a value."""

    @property
    def words(self) -> str:
        """What may be written, for people."""

    def read(self, node: Node, place: Place) -> Any:
        """The value; BAD, and a problem, if there is none."""

    def schema(self, limits: Schema) -> Schema:
        """Which JSON values are legal; `limits` are what the spec's rule says of the value."""

    def write(self, value: Any) -> Any:
        """The JSON value from which `value` would be read.

        Raises:
            InvalidSpec: it cannot be written in a file.
        """


def read(form: Form, node: Node, place: Place) -> Any:
    """As `form.read`, and silent about what has been told already."""
    if isinstance(node, Scalar) and node.value is UNRESOLVED:
        return BAD
    return form.read(node, place)


def all_read(values: Any) -> bool:
    """Whether none of these is BAD."""
    return all(value is not BAD for value in values)


def cannot_write(what: str) -> InvalidSpec:
    """The error for a value that has no form in a file."""
    return InvalidSpec(f"this cannot be written in a file: {what}")


def pattern(regex: str) -> Schema:
    """Texts that are all of this."""
    return {"type": "string", "pattern": f"^(?:{regex}){END}"}


def either(*schemas: Schema) -> Schema:
    """One of these."""
    return {"anyOf": list(schemas)}


def value_of(node: Scalar) -> Any:
    """What a scalar stands for; what variables were put into stands for what it looks like, for
    JSON, and braces within braces, have to put `${PORT}` in quotation marks."""
    if node.written is None or node.text == "":
        return node.value
    return meaning(node.text)


@frozen
class Value:
    """A value as YAML and JSON have it: a number, a boolean, a word."""

    words: str

    def read(self, node: Node, place: Place) -> Any:
        """A scalar's own value; a whole number may be written `3.0`, as JSON has no other kind."""
        if not isinstance(node, Scalar):
            place.refuse(node, self.words)
            return BAD
        value = value_of(node)
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def schema(self, limits: Schema) -> Schema:
        """What the rule says."""
        return either(limits, VARIABLE)

    def write(self, value: Any) -> Any:
        """As it is."""
        return escaped(value) if isinstance(value, str) else value


@frozen
class Text:
    """A text; a number or a boolean is the text that stands there, so that `1.10` stays that."""

    words: str = "a text"

    def read(self, node: Node, place: Place) -> Any:
        """The text as it is written."""
        if not isinstance(node, Scalar) or node.value is None:
            place.refuse(node, self.words)
            return BAD
        if "\0" in node.text:
            place.say(node, "holds a NUL, which no program can be given")
            return BAD
        return node.text

    def schema(self, limits: Schema) -> Schema:
        """A text as the rule has it, or what stands for one."""
        return either(limits, NO_TEXT, VARIABLE) if limits else TEXT

    def write(self, value: Any) -> Any:
        """With dollars doubled."""
        if not isinstance(value, str):
            raise cannot_write(shown(value))
        return escaped(value)


@frozen
class ImportPath(Text):
    """`pkg.module:name`; nothing else is text enough for that."""

    words: str = "`module:name`"

    def schema(self, limits: Schema) -> Schema:
        """As the rule has it."""
        return either(limits, VARIABLE)

    def write(self, value: Any) -> Any:
        """A function by its module and name, if it can be found there."""
        if isinstance(value, str):
            return value
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if not module or not name or "<" in name or hasattr(value, "__self__"):
            raise cannot_write(f"{shown(value)}; name it as 'pkg.module:name'")
        return f"{module}:{name}"


@frozen
class Parsed:
    """A number, or a text that stands for one."""

    words: str
    regex: str
    parse: Callable[[str], float | None]

    def read(self, node: Node, place: Place) -> Any:
        """The number."""
        if isinstance(node, Scalar):
            value = whole(node.value) if is_number(node.value) else self.parse(node.text)
            if value is not None and node.value is not None:
                return value
        place.refuse(node, self.words)
        return BAD

    def schema(self, limits: Schema) -> Schema:
        """A number as the rule has it, or such a text."""
        regex = self.regex
        if limits.get("exclusiveMinimum") == 0:
            regex = rf"(?=[^1-9]*[1-9])(?:{regex})"
        return either(limits, pattern(regex), VARIABLE)

    def write(self, value: Any) -> Any:
        """The number."""
        return value


def is_number(value: Any) -> bool:
    """A number, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(value: float) -> float:
    """`3.0` as 3; other numbers as they are."""
    is_whole = isinstance(value, float) and math.isfinite(value) and value.is_integer()
    return int(value) if is_whole else value


SECONDS = Parsed("seconds, or a text such as `1m 30s`", quantities.DURATION, quantities.seconds)
BYTES = Parsed("bytes, or a text such as `10MB`", quantities.SIZE, quantities.size)


@frozen
class Several:
    """A list of things of one form; just one may stand without the list."""

    item: Form
    words: str
    may_be_one: bool = True

    def read(self, node: Node, place: Place) -> Any:
        """A list of what was read."""
        if isinstance(node, List):
            values = [read(self.item, item, place.item(n)) for n, item in enumerate(node.items)]
            return values if all_read(values) else BAD
        if not self.may_be_one:
            place.refuse(node, self.words)
            return BAD
        value = read(self.item, node, place)
        return BAD if value is BAD else [value]

    def schema(self, limits: Schema) -> Schema:
        """A list, or one."""
        item = self.item.schema(limits.get("items", {}))
        array = {"type": "array", "items": item}
        return either(array, item) if self.may_be_one else array

    def write(self, value: Any) -> Any:
        """Always a list."""
        items = sorted(value) if isinstance(value, frozenset) else value
        return [self.item.write(item) for item in items]


@frozen
class Table:
    """Names, and for each a value of one form.

    Attributes:
        names: which there may be.
        known: if there are just so many of them.
        keeps_nothing: null is a value; elsewhere it takes an inherited one away.
    """

    value: Form
    words: str
    names: Schema = field(factory=dict)
    known: tuple[str, ...] = ()
    keeps_nothing: bool = False

    def read(self, node: Node, place: Place) -> Any:
        """A dictionary."""
        if not isinstance(node, Mapping):
            place.refuse(node, self.words)
            return BAD
        found = {
            key: read(self.value, entry.value, place.at(key))
            for key, entry in node.entries.items()
            if self._is_name(entry.key, place)
            and (self.keeps_nothing or not is_nothing(entry.value))
        }
        is_good = len(found) == len(node.entries) or all(map(self._may_be, node.entries))
        return found if is_good and all_read(found.values()) else BAD

    def _may_be(self, name: str) -> bool:
        return "pattern" not in self.names or bool(re.search(self.names["pattern"], name))

    def _is_name(self, key: Scalar, place: Place) -> bool:
        if self._may_be(key.text):
            return True
        if self.known:
            place.unknown_key(key, self.known)
        else:
            place.say(
                key, f"{shown(key.text)} is no name: it must not be empty or have a '=' in it"
            )
        return False

    def schema(self, limits: Schema) -> Schema:
        """An object."""
        names = self.names or limits.get("propertyNames", {})
        value = self.value.schema(limits.get("additionalProperties", {}))
        if not self.keeps_nothing:
            value = either(value, {"type": "null"})
        schema = {"type": "object", "additionalProperties": value}
        return {**schema, "propertyNames": names} if names else schema

    def write(self, value: Any) -> Any:
        """A dictionary."""
        return {name: self.value.write(item) for name, item in value.items()}


@frozen
class Anything:
    """Any JSON value: what a worker is called with."""

    words: str = "any value"

    def read(self, node: Node, place: Place) -> Any:
        """As Python has it."""
        return data(node) if _is_resolved(node) else BAD

    def schema(self, limits: Schema) -> Schema:
        """Everything."""
        return {}

    def write(self, value: Any) -> Any:
        """As it is, if JSON has it."""
        if isinstance(value, str):
            return escaped(value)
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        if isinstance(value, list):
            return [self.write(item) for item in value]
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {key: self.write(item) for key, item in value.items()}
        raise cannot_write(f"an argument of type {type(value).__name__}")


def _is_resolved(node: Node) -> bool:
    if isinstance(node, Scalar):
        return node.value is not UNRESOLVED
    if isinstance(node, List):
        return all(map(_is_resolved, node.items))
    assert isinstance(node, Mapping)
    return all(_is_resolved(entry.value) for entry in node.entries.values())


NAME_OF_VARIABLE = pattern(r"[^=\u0000]+")
