"""The JSON Schema of tree files, made from the vocabulary and from the specs' own rules.

What a schema cannot say, only the loader knows: what variables come to, and what is inherited;
what one key means beside another (`significant`, `Backoff.max`), names of siblings, dependencies
and bases; whether a regular expression, an address or a shell's quotation is sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..specs.check import Schema, schema_of
from ..specs.copy import MOST
from .forms import END, TEXT, VARIABLE, either
from .plugins import schema_of_plugins
from .records import fields_of, properties_of
from .vocabulary import ALL_KEYS, DEFAULTS, KINDS, ROOT
from .words import words_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NULL: Schema = {"type": "null"}
_NAMES: Schema = {"pattern": schema_of(fields_of(KINDS["command"].cls)["name"])["pattern"]}
_VARIABLES: Schema = {"pattern": rf"^(?!copy{END})[A-Za-z_][A-Za-z0-9_]*{END}"}
_ONE_OR_MORE: Schema = either(TEXT, {"type": "array", "items": TEXT})
_CHILDREN: Schema = {"$ref": "#/$defs/children"}
_TEMPLATE: Schema = {"$ref": "#/$defs/template"}


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a tree file; a file that is included has no `name`."""
    return {
        "$schema": DIALECT,
        "title": "A tree of otpsup",
        **_tree(),
        "$defs": {
            "variable": {
                "description": "A text with ${NAME} or ${NAME:-default} in it.",
                "type": "string",
                "pattern": r"\$\{",
            },
            "children": either(
                {"type": "array", "items": {"$ref": "#/$defs/listed"}},
                {
                    "type": "object",
                    "propertyNames": _NAMES,
                    "additionalProperties": {"$ref": "#/$defs/named"},
                },
            ),
            "listed": {"$ref": "#/$defs/child", "required": ["name"]},
            "named": {"$ref": "#/$defs/child", "not": {"required": ["name"]}},
            "template": _template(),
            "child": _child(),
            "defaults": _object(_refs(DEFAULTS)),
            "base": _object(_refs(key for key in ALL_KEYS if key != "name")),
            **{f"child.{key}": value for key, value in _properties().items()},
        },
    }


def _object(properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _refs(keys: Iterable[str]) -> dict[str, Any]:
    return {key: {"$ref": f"#/$defs/child.{key}"} for key in keys}


def _is_there(key: str) -> Schema:
    """The key is there, and is not null."""
    return {"required": [key], "properties": {key: {"not": {"enum": [None, []]}}}}


def _is_given(key: str) -> Schema:
    """As `_is_there`, but an empty list is something."""
    return {"required": [key], "properties": {key: {"not": _NULL}}}


def _properties() -> dict[str, Any]:
    """What each key of a child may be, with what it means."""
    found: dict[str, Any] = {}
    for kind in KINDS.values():
        required = ["name"]
        for key, schema in properties_of(kind.cls, kind.keys, required).items():
            found.setdefault(key, _described(schema, words_of(kind.cls, kind.keys[key].attribute)))
    found["copies"] = either({"type": "integer", "minimum": 0, "maximum": MOST}, VARIABLE, _NULL)
    found["extends"] = either(_ONE_OR_MORE, _NULL)
    found["defaults"] = either({"$ref": "#/$defs/defaults"}, _NULL)
    found["children"] = either(_CHILDREN, _NULL)
    found["template"] = either(_TEMPLATE, _NULL)
    return {key: found[key] for key in ALL_KEYS}


def _described(schema: Schema, words: str) -> Schema:
    return {"description": words, **schema} if words else schema


def _kinds() -> Iterable[Schema]:
    """A child of one kind has the keys of that, and no others."""
    for key, kind in KINDS.items():
        yield {"if": _is_given(key), "then": {"propertyNames": {"enum": list(kind.known)}}}


def _child() -> dict[str, Any]:
    given = [_is_given(key) for key in KINDS]
    by_base = {"allOf": [_is_there("extends"), {"not": either(*given)}]}
    return _object(_refs(ALL_KEYS), allOf=list(_kinds()), anyOf=[{"oneOf": given}, by_base])


def _template() -> Schema:
    """One child with a name, without siblings and without copies."""
    return {
        "$ref": "#/$defs/child",
        "required": ["name"],
        "not": {"required": ["copies"]},
        "properties": {
            "after": either({"enum": [None, []]}, VARIABLE),
            "significant": either({"enum": [None, False]}, VARIABLE),
        },
    }


def _tree() -> dict[str, Any]:
    plugins = either(schema_of_plugins(), _NULL)
    properties = {**_refs(key for key in ROOT if key != "plugins"), "plugins": plugins}
    shared = {
        "$schema": {},
        "include": either(_ONE_OR_MORE, _NULL),
        "env_files": either(_ONE_OR_MORE, _NULL),
        "variables": either(
            {
                "type": "object",
                "propertyNames": _VARIABLES,
                "additionalProperties": either(TEXT, _NULL),
            },
            _NULL,
        ),
        "defaults": either({"$ref": "#/$defs/defaults"}, _NULL),
        "bases": either(
            {"type": "object", "additionalProperties": {"$ref": "#/$defs/base"}}, _NULL
        ),
    }
    static, dynamic = (
        [key for key in ROOT if key in (*KINDS[k].known, "plugins")]
        for k in ("children", "template")
    )
    return _object(
        {**properties, **shared},
        patternProperties={"^x-": {}},
        required=["name"],
        anyOf=[_is_given("children"), _is_given("template"), _is_there("include")],
        **{
            "if": _is_given("template"),
            "then": {
                "propertyNames": {"anyOf": [{"enum": [*dynamic, *shared]}, {"pattern": "^x-"}]}
            },
            "else": {
                "propertyNames": {"anyOf": [{"enum": [*static, *shared]}, {"pattern": "^x-"}]}
            },
        },
    )
