"""Mappings whose keys are the fields of a spec: values are read by forms, and judged by rules.

Decides where a problem stands that a rule of the specs sees. Knows no spec in particular.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingType
from functools import cache
from typing import Any

import attrs
from attrs import frozen

from ..errors import InvalidSpec
from ..specs import check
from .forms import BAD, Form, read
from .nodes import Entry, List, Mapping, Node, Scalar, is_nothing, quoted
from .report import Place


@frozen
class Key:
    """What stands behind a key.

    Attributes:
        attribute: the field of the spec.
        form: how its value is written.
        takes_null: null is a value like others, and not the absence of one.
    """

    attribute: str
    form: Form
    takes_null: bool = False


Keys = MappingType[str, Key]

_IN_FILES = {
    "True or False": "true or false",
    "a callable or 'pkg.module:name'": "'pkg.module:name'",
    "an object with a method check_health(process_name, process_info)": (
        "'pkg.module:Class' of one with check_health(process_name, process_info)"
    ),
}
"""Python's words, and those for a file."""


def fields_of(cls: Any) -> dict[str, attrs.Attribute[Any]]:
    """The fields of a spec by name."""
    return _fields_of(cls)


@cache
def _fields_of(cls: Any) -> dict[str, attrs.Attribute[Any]]:
    return attrs.fields_dict(cls)


@cache
def _order(cls: type) -> dict[str, int]:
    return {name: number for number, name in enumerate(fields_of(cls))}


class _Standin:
    """Stands for a spec that is not built yet: what was read of it so far, and defaults."""

    def __init__(self, cls: type, values: MappingType[str, Any]) -> None:
        self._cls, self._values = cls, values

    def __getattr__(self, name: str) -> Any:
        if name not in fields_of(self._cls):
            raise AttributeError(name)
        value = self._values.get(name, BAD)
        return default_of(fields_of(self._cls)[name]) if value is BAD else value


def default_of(field: attrs.Attribute[Any]) -> Any:
    """What the field is if nothing is said of it."""
    default: Any = field.default
    return default.factory() if hasattr(default, "factory") else default


def read_fields(
    cls: type,
    keys: Keys,
    node: Mapping,
    place: Place,
    hint: Callable[[str], str] = lambda _: "",
) -> dict[str, Any]:
    """The fields by name, BAD where that has been told; what is not there is left out.

    Args:
        hint: what to say of an unknown key, instead of the nearest known one.
    """
    values: dict[str, Any] = {}
    for key, entry in node.entries.items():
        if key not in keys:
            place.unknown_key(entry.key, keys, hint(key))
    known = [(keys[key], key, entry) for key, entry in node.entries.items() if key in keys]
    order = _order(cls)
    for what, key, entry in sorted(known, key=lambda each: order[each[0].attribute]):
        if what.takes_null or not is_nothing(entry.value):
            name, at = what.attribute, place.at(key)
            values[name] = judged(
                cls, name, read(what.form, entry.value, at), values, entry.value, at
            )
    return values


def judged(
    cls: type, name: str, value: Any, others: MappingType[str, Any], node: Node, place: Place
) -> Any:
    """The value, if the field's own rules take it; BAD, and a problem, if not."""
    if value is BAD:
        return BAD
    field = fields_of(cls)[name]
    error = _refusal(field, value, _Standin(cls, others))
    if error is None:
        return value
    if not _tell_of_items(field, value, node, place):
        _tell(field, error, node, place)
    return BAD


def _refusal(field: attrs.Attribute[Any], value: Any, spec: Any) -> InvalidSpec | None:
    try:
        made = field.converter(value) if callable(field.converter) else value
        if field.validator is not None:
            field.validator(spec, field, made)
    except InvalidSpec as error:
        return error
    return None


def _tell(field: attrs.Attribute[Any], error: InvalidSpec, node: Node, place: Place) -> None:
    if not error.expected:
        place.say(node, error.problem)
        return
    expected = _IN_FILES.get(error.expected, error.expected)
    if check.is_secret(field):
        place.say(node, f"must be {expected}; what it is is not shown")
        return
    words = check.schema_of(field).get("enum", ())
    near = check.nearest(str(getattr(node, "value", "")), map(str, words))
    place.refuse(node, expected, hint=near)


def _tell_of_items(field: attrs.Attribute[Any], value: Any, node: Node, place: Place) -> bool:
    """Tell of each item that is wrong by itself; whether there was one."""
    found = [
        (item, error, at)
        for one, item, at in _items(value, node, place)
        if (error := _refusal(field, one, None)) is not None
    ]
    for item, error, at in found:
        _tell(field, error, item, at)
    return bool(found)


def _items(value: Any, node: Node, place: Place) -> list[tuple[Any, Node, Place]]:
    """Each item as if it were the only one, with its node and place."""
    if isinstance(node, List) and isinstance(value, list) and len(value) == len(node.items) > 0:
        return [([value[n]], item, place.item(n)) for n, item in enumerate(node.items)]
    if isinstance(node, Mapping) and isinstance(value, dict):
        return [
            ({key: value[key]}, entry.value, place.at(key))
            for key, entry in node.entries.items()
            if key in value
        ]
    return []


@frozen
class Record:
    """A mapping that is a spec of its own: a `Backoff`, a `LogFile`.

    Attributes:
        main: the key whose value alone may stand for the whole; nothing if none may.
    """

    cls: type
    keys: Keys
    words: str
    main: str = ""

    def read(self, node: Node, place: Place) -> Any:
        """The spec."""
        if isinstance(node, Mapping):
            return self._built(read_fields(self.cls, self.keys, node, place), node, place)
        if not self.main or is_nothing(node):
            place.refuse(node, self.words)
            return BAD
        key = self.keys[self.main]
        value = judged(self.cls, key.attribute, read(key.form, node, place), {}, node, place)
        return BAD if value is BAD else self.cls(**{key.attribute: value})

    def _built(self, values: dict[str, Any], node: Mapping, place: Place) -> Any:
        missing = [key for key in self.required if self.keys[key].attribute not in values]
        for key in missing:
            if not any(check.is_typo(each, key, self.keys) for each in node.entries):
                place.say(node, f"{check.shown(key)} is missing")
        if missing or BAD in values.values():
            return BAD
        try:
            return self.cls(**values)
        except InvalidSpec as error:
            place.say(node, error.problem)
            return BAD

    @property
    def required(self) -> list[str]:
        """The keys that must be there."""
        fields = fields_of(self.cls)
        return [
            k for k, what in self.keys.items() if fields[what.attribute].default is attrs.NOTHING
        ]

    def schema(self, limits: check.Schema) -> check.Schema:
        """An object, or the main value."""
        properties = properties_of(self.cls, self.keys, self.required)
        whole: dict[str, Any] = {
            "type": "object", "properties": properties, "additionalProperties": False,
        }  # fmt: skip
        if self.required:
            whole["required"] = self.required
        if not self.main:
            return whole
        key = self.keys[self.main]
        main = key.form.schema(check.schema_of(fields_of(self.cls)[key.attribute]))
        return {"anyOf": [main, whole]}

    def write(self, value: Any) -> Any:
        """A mapping of what is not the default."""
        return written(value, self.keys)


def properties_of(cls: type, keys: Keys, required: list[str]) -> dict[str, Any]:
    """The schema of each key; null is legal where the key may be left out."""
    found: dict[str, Any] = {}
    for key, what in keys.items():
        schema = what.form.schema(check.schema_of(fields_of(cls)[what.attribute]))
        if key not in required and not what.takes_null:
            schema = {"anyOf": [schema, {"type": "null"}]}
        found[key] = schema
    return found


def written(spec: Any, keys: Keys) -> dict[str, Any]:
    """The mapping for a spec: all that is not the default."""
    found = {}
    for key, what in keys.items():
        value, field = getattr(spec, what.attribute), fields_of(type(spec))[what.attribute]
        if field.default is attrs.NOTHING or value != _converted_default(field):
            found[key] = what.form.write(value)
    return found


def _converted_default(field: attrs.Attribute[Any]) -> Any:
    value = default_of(field)
    return field.converter(value) if callable(field.converter) else value


def named_records(node: Node | None, place: Place, words: str) -> list[tuple[Mapping, Place]]:
    """Each record of a list, or of a mapping by names, as a mapping with its `name`.

    Args:
        words: what each must be, for a message.
    """
    if node is None or is_nothing(node):
        return []
    found: list[tuple[Mapping, Place] | None] = []
    if isinstance(node, Mapping):
        found += [_named(entry, place.at(key), words) for key, entry in node.entries.items()]
    elif isinstance(node, List):
        found += [_listed(item, place, n, words) for n, item in enumerate(node.items)]
    else:
        place.refuse(node, "a list, or a mapping from names")
    return [each for each in found if each is not None]


def _named(entry: Entry, place: Place, words: str) -> tuple[Mapping, Place] | None:
    record, key = entry.value, entry.key
    if not isinstance(record, Mapping):
        place.refuse(record, words)
        return None
    if (name := record.entries.get("name")) is not None:
        place.at("name").say(name.key, f"its name is its key here, {check.shown(key.text)}")
    text = quoted(key.source, key.line, key.column, key.text)
    return record.with_entries({**record.entries, "name": Entry(key, text)}), place


def _listed(item: Node, place: Place, number: int, words: str) -> tuple[Mapping, Place] | None:
    if not isinstance(item, Mapping):
        place.item(number).refuse(item, words)
        return None
    name = item.get("name")
    if isinstance(name, Scalar) and name.text:
        return item, place.at(name.text)
    return item, place.item(number)
