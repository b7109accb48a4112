"""The form of `checks`: how it is seen that a child still can serve."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...specs import Http, Port, Probe, health
from ...specs.check import Schema, schema_of
from ..forms import BAD, BYTES, SECONDS, ImportPath, Several, Text, Value, either, read
from ..nodes import Mapping, Node
from ..notations import CommandLine, FilePath
from ..records import Key, Record, fields_of, read_fields
from ..report import Place
from .choice import choices

_AGE = {"seconds": Key("seconds", SECONDS)}
CONDITIONS_OF_HEALTH: dict[str, Record] = {
    "port": Record(
        Port,
        {"port": Key("port", Value("a port")), "host": Key("host", Text("a host"))},
        "a port, or a mapping",
        "port",
    ),
    "http": Record(
        Http,
        {"url": Key("url", Text("an address")), "status": Key("status", Value("a status"))},
        "an address, or a mapping",
        "url",
    ),
    "probe": Record(
        Probe, {"function": Key("function", ImportPath())}, "`module:name`", "function"
    ),
    "command": Record(
        health.Exec, {"argv": Key("argv", CommandLine())}, CommandLine().words, "argv"
    ),
    "plugin": Record(
        health.Plugged, {"checker": Key("checker", ImportPath())}, "`module:name`", "checker"
    ),
    "heartbeat": Record(health.Heartbeat, _AGE, SECONDS.words, "seconds"),
    "silence": Record(health.Silence, _AGE, SECONDS.words, "seconds"),
    "file_age": Record(
        health.FileAge, {"path": Key("path", FilePath()), **_AGE}, "`{path: ..., seconds: 60}`"
    ),
    "memory": Record(health.Memory, {"limit": Key("limit", BYTES)}, BYTES.words, "limit"),
    "cpu": Record(health.Cpu, {"limit": Key("limit", Value("a number"))}, "a number", "limit"),
    "max_age": Record(
        health.MaxAge,
        {**_AGE, "jitter": Key("jitter", SECONDS)},
        "seconds, or `{seconds: 1d, jitter: 1h}`",
        "seconds",
    ),
}
_PACE = {
    "interval": Key("interval", SECONDS),
    "timeout": Key("timeout", SECONDS),
    "failures": Key("failures", Value("a count")),
    "successes": Key("successes", Value("a count")),
    "initial_delay": Key("initial_delay", SECONDS),
}


@frozen
class CheckForm:
    """A mapping with one condition, and how it is looked at: `{http: ..., interval: 10s}`."""

    words: str = f"one of {choices(CONDITIONS_OF_HEALTH)}, as in `{{port: 8001, interval: 10s}}`"

    def read(self, node: Node, place: Place) -> Any:
        """A `Check`."""
        if not isinstance(node, Mapping):
            place.refuse(node, self.words)
            return BAD
        known = [*CONDITIONS_OF_HEALTH, *_PACE]
        unknown = [entry.key for key, entry in node.entries.items() if key not in known]
        for key in unknown:
            place.unknown_key(key, known)
        kinds = [key for key in CONDITIONS_OF_HEALTH if node.get(key) is not None]
        if unknown:
            return BAD
        if len(kinds) != 1:
            place.say(node, f"must have just one of {choices(CONDITIONS_OF_HEALTH)}")
            return BAD
        kind = kinds[0]
        what = read(CONDITIONS_OF_HEALTH[kind], node.entries[kind].value, place.at(kind))
        values = read_fields(health.Check, _PACE, node.without([kind]), place)
        if what is BAD or BAD in values.values():
            return BAD
        return health.Check(what, **values)

    def schema(self, limits: Schema) -> Schema:
        """An object: one condition, and its pace."""
        pace = {key: _or_null(form, key) for key, form in _PACE.items()}
        return either(
            *(
                {
                    "type": "object",
                    "properties": {kind: record.schema({}), **pace},
                    "required": [kind],
                    "additionalProperties": False,
                }
                for kind, record in CONDITIONS_OF_HEALTH.items()
            )
        )

    def write(self, value: Any) -> Any:
        """The condition, and what is not the default."""
        kinds = CONDITIONS_OF_HEALTH.items()
        kind = next(key for key, record in kinds if record.cls is type(value.what))
        default = health.Check(value.what)
        pace = {
            key: getattr(value, key)
            for key in _PACE
            if getattr(value, key) != getattr(default, key)
        }
        return {kind: CONDITIONS_OF_HEALTH[kind].write(value.what), **pace}


def _or_null(key: Key, name: str) -> Schema:
    """What the field's rule says, or null for what is not given."""
    return {"anyOf": [key.form.schema(schema_of(fields_of(health.Check)[name])), {"type": "null"}]}


CHECKS = Several(CheckForm(), "checks")
