"""The form of `ready`: when a child is up."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...specs import Http, LogLine, Notify, Port, Probe, Spawned, StaysUp
from ...specs.check import Schema, nearest
from ..forms import BAD, SECONDS, VARIABLE, ImportPath, Text, Value, either, read
from ..nodes import Mapping, Node, Scalar
from ..records import Key, Record
from ..report import Place
from .choice import choices, only_key, tagged

_TRIES = {"interval": Key("interval", SECONDS), "timeout": Key("timeout", SECONDS)}

READINESS: dict[str, Record] = {
    "notify": Record(Notify, {"fd": Key("fd", Value("a descriptor"))}, "`{fd: 3}`"),
    "port": Record(
        Port,
        {"port": Key("port", Value("a port")), "host": Key("host", Text("a host")), **_TRIES},
        "a port, or a mapping",
        "port",
    ),
    "http": Record(
        Http,
        {
            "url": Key("url", Text("an address")),
            "status": Key("status", Value("a status")),
            **_TRIES,
        },
        "an address, or a mapping",
        "url",
    ),
    "log_line": Record(
        LogLine,
        {
            "pattern": Key("pattern", Text("a regular expression")),
            "stream": Key("stream", Value("a word")),
        },
        "a regular expression, or a mapping",
        "pattern",
    ),
    "stays_up": Record(StaysUp, {"seconds": Key("seconds", SECONDS)}, SECONDS.words, "seconds"),
    "probe": Record(
        Probe,
        {"function": Key("function", ImportPath()), **_TRIES},
        "`module:name`, or a mapping",
        "function",
    ),
}
_READY_WORDS = ("spawned", "notify")


@frozen
class Ready:
    """When a child is ready: a word, or a mapping with one kind."""

    words: str = f"{choices(_READY_WORDS)}, or one of {choices(READINESS)} as in `{{port: 8001}}`"

    def read(self, node: Node, place: Place) -> Any:
        """A readiness kind, or its word."""
        if isinstance(node, Mapping):
            kind = only_key(READINESS, node, place)
            return BAD if kind is None else self._read(kind, node, place)
        if isinstance(node, Scalar) and node.value in _READY_WORDS:
            return node.value
        word = node.text if isinstance(node, Scalar) else ""
        place.refuse(node, self.words, nearest(word, [*_READY_WORDS, *READINESS]))
        return BAD

    def _read(self, kind: str, node: Mapping, place: Place) -> Any:
        return read(READINESS[kind], node.entries[kind].value, place.at(kind))

    def schema(self, limits: Schema) -> Schema:
        """A word or an object of one key."""
        kinds = {kind: record.schema({}) for kind, record in READINESS.items()}
        return either({"enum": list(_READY_WORDS)}, VARIABLE, *tagged(kinds))

    def write(self, value: Any) -> Any:
        """The word where there is one."""
        if value in (Spawned(), Notify()):
            return "notify" if isinstance(value, Notify) else "spawned"
        kind = next(key for key, record in READINESS.items() if record.cls is type(value))
        return {kind: READINESS[kind].write(value)}
