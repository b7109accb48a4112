"""What stands under `plugins` in a tree file: settings of otpsup's own, and those of others.

    plugins:
      consul: {services: {api: 8391}}
      rooms: {use: "shop.watch:Rooms", floor: 3}

A key without `use` names one of otpsup's own, or an entry point of the group `otpsup.plugins`.
"""

from __future__ import annotations

from typing import Any, Final

from ...errors import InvalidSpec
from ...specs.check import Schema
from ...specs.plugin import External, PluginSpec
from ..forms import BAD, VARIABLE, either
from ..nodes import Mapping, Node, Scalar, data, is_nothing
from ..records import Record
from ..report import Place
from . import alerts, consul, healthz, metrics, web

RECORDS: Final[dict[str, Record]] = {
    record.cls.name: record  # type: ignore[attr-defined]
    for record in (
        alerts.RECORD,
        consul.RECORD,
        healthz.RECORD,
        metrics.RECORD,
        metrics.OPENTELEMETRY,
        web.RECORD,
    )
}
"""Those that come with otpsup, by name."""

PARTS: Final[dict[str, Record]] = {**alerts.PARTS, **consul.PARTS, **healthz.PARTS}
"""What stands in them, and is a mapping itself; for the reference."""


def read_plugins(node: Node, place: Place) -> dict[str, PluginSpec]:
    """The settings by name; what is wrong is told. Variables were put in before."""
    if is_nothing(node):
        return {}
    if not isinstance(node, Mapping):
        place.refuse(node, "a mapping from the names of plug-ins to their settings")
        return {}
    found = {key: _one(key, e.value, place.at(key)) for key, e in node.entries.items()}
    return {key: value for key, value in found.items() if value is not BAD}


def _one(name: str, node: Node, place: Place) -> Any:
    if not isinstance(node, Mapping) and not is_nothing(node):
        place.refuse(node, "a mapping of settings, or nothing")
        return BAD
    entries = node if isinstance(node, Mapping) else _empty(node)
    use = _use(name, entries, place)
    if use is BAD:
        return BAD
    rest = entries.without(["use"])
    if use in RECORDS:
        return RECORDS[use].read(rest, place)
    try:
        return External(use, data(rest))
    except InvalidSpec as error:
        place.say(node, error.problem)
        return BAD


def _empty(node: Node) -> Mapping:
    return Mapping(node.source, node.line, node.column, {})


def _use(name: str, node: Mapping, place: Place) -> Any:
    given = node.get("use")
    if given is None:
        return name
    if not isinstance(given, Scalar) or not isinstance(given.value, str):
        place.at("use").refuse(given, "the name of a plug-in, or `pkg.module:Class`")
        return BAD
    return given.value


def schema_of_plugins() -> Schema:
    """Those of otpsup's own are known; others have any keys."""
    return {
        "type": "object",
        "properties": {name: either(_open(name), {"type": "null"}) for name in RECORDS},
        "additionalProperties": either(
            {"type": "object", "properties": {"use": either({"type": "string"}, VARIABLE)}},
            {"type": "null"},
        ),
    }


def _open(name: str) -> Schema:
    """The record's own keys, or, with `use`, any."""
    return either(RECORDS[name].schema({}), {"type": "object", "required": ["use"]})
