"""`plugins: {alerts: ...}`.

alerts:
  channels:
    mail: {smtp: {host: mail.example.com, sender: otpsup@example.com, to: [ops@example.com]}}
    chat: {webhook: {url_file: /run/secrets/hook, rate: {count: 5, within: 10m}}}
  rules:
    - gave_up
    - {restarts: {count: 5, within: 10m, paths: "backend/*", channels: chat}}
  quiet_hours: ["22:00-07:00", {hours: "00:00-24:00", days: [sat, sun]}]
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from typing import Any

from attrs import frozen

from ...specs import alerts, channels, quiet
from ...specs.check import Schema, nearest
from ..forms import (
    BAD,
    BYTES,
    SECONDS,
    VARIABLE,
    Anything,
    ImportPath,
    Several,
    Table,
    Text,
    Value,
    cannot_write,
    either,
    read,
)
from ..kinds import choices, only_key, tagged
from ..nodes import Mapping, Node, Scalar
from ..notations import FilePath
from ..records import Key, Record
from ..report import Place


@frozen
class OneOf:
    """A mapping with one key that says of which kind it is; where nothing has to be said, that word
    alone.

    Attributes:
        kinds: what stands behind each key.
    """

    kinds: MappingType[str, Record]

    @property
    def words(self) -> str:
        """What may be written."""
        return f"one of {choices(self.kinds)}, as in `{{{next(iter(self.kinds))}: ...}}`"

    @property
    def _bare(self) -> list[str]:
        return [kind for kind, record in self.kinds.items() if self._may_be_bare(record)]

    @staticmethod
    def _may_be_bare(record: Record) -> bool:
        try:
            record.cls()
        except (TypeError, ValueError):  # InvalidSpec is one
            return False
        return True

    def read(self, node: Node, place: Place) -> Any:
        """The spec of that kind."""
        if isinstance(node, Mapping):
            kind = only_key(self.kinds, node, place)
            if kind is None:
                return BAD
            return read(self.kinds[kind], node.entries[kind].value, place.at(kind))
        word = node.text if isinstance(node, Scalar) else ""
        if word in self._bare:
            return self.kinds[word].cls()
        place.refuse(node, self.words, nearest(word, self.kinds) if word else "")
        return BAD

    def schema(self, limits: Schema) -> Schema:
        """A word, or an object of one key."""
        objects = tagged({kind: record.schema({}) for kind, record in self.kinds.items()})
        return either({"enum": self._bare}, VARIABLE, *objects)

    def write(self, value: Any) -> Any:
        """The word where that says it all."""
        kind = next((k for k, each in self.kinds.items() if each.cls is type(value)), None)
        if kind is None:
            raise cannot_write(f"a channel that is an object of type {type(value).__name__}")
        return {kind: written} if (written := self.kinds[kind].write(value)) else kind


_NAMES = Several(Text("a name"), "names")
_OF_RULES = {
    "paths": Key("paths", Several(Text("a path"), "paths")),
    "channels": Key("channels", _NAMES),
    "severity": Key("severity", Value("a word")),
}
RULES = OneOf(
    {
        "gave_up": Record(alerts.GaveUp, _OF_RULES, "a mapping"),
        "restarts": Record(
            alerts.Restarts,
            {"count": Key("count", Value("a count")), "within": Key("within", SECONDS)} | _OF_RULES,
            "a mapping",
        ),
        "unhealthy": Record(
            alerts.Unhealthy,
            {"seconds": Key("seconds", SECONDS)} | _OF_RULES,
            "seconds, or a mapping",
            "seconds",
        ),
        "memory": Record(
            alerts.MemoryOver,
            {"limit": Key("limit", BYTES), "seconds": Key("seconds", SECONDS)} | _OF_RULES,
            "bytes, or a mapping",
            "limit",
        ),
        "tree_stopped": Record(
            alerts.TreeStopped, {"asked": Key("asked", Value("true or false"))} | _OF_RULES,
            "a mapping",
        ),
    }
)  # fmt: skip

_HOURS = Record(
    quiet.QuietHours,
    {
        "hours": Key("hours", Text("hours")),
        "days": Key("days", Several(Value("a day"), "days")),
    },
    "hours such as `22:00-07:00`, or a mapping with `hours`",
    "hours",
)
QUIET = Several(_HOURS, "hours such as `22:00-07:00`, or mappings")
_RATE = Record(
    quiet.Rate,
    {"count": Key("count", Value("a count")), "within": Key("within", SECONDS)},
    "a mapping with `count` and `within`",
)
_OF_CHANNELS = {
    "rate": Key("rate", _RATE),
    "quiet_hours": Key("quiet_hours", QUIET),
    "timeout": Key("timeout", SECONDS),
}
_TRUST = {"ca_file": Key("ca_file", FilePath())}
_VARIABLE_NAME = Text("the name of a variable")
CHANNELS = OneOf(
    {
        "mailbox": Record(
            channels.Mailbox,
            {"folder": Key("folder", FilePath())} | _OF_CHANNELS,
            "a folder, or a mapping",
            "folder",
        ),
        "smtp": Record(
            channels.Smtp,
            {
                "host": Key("host", Text("a host")),
                "port": Key("port", Value("a port")),
                "sender": Key("sender", Text("an address")),
                "to": Key("to", Several(Text("an address"), "addresses")),
                "user": Key("user", Text("a name")),
                "password_file": Key("password_file", FilePath()),
                "password_env": Key("password_env", _VARIABLE_NAME),
                "tls": Key("tls", Value("a word")),
            }
            | _TRUST
            | _OF_CHANNELS,
            "a mapping with `host`, `sender` and `to`",
        ),
        "webhook": Record(
            channels.Webhook,
            {
                "url": Key("url", Text("an address")),
                "url_file": Key("url_file", FilePath()),
                "url_env": Key("url_env", _VARIABLE_NAME),
                "headers": Key("headers", Table(Text(), "names and texts")),
                "secret_headers": Key("secret_headers", Table(FilePath(), "names and files")),
            }
            | _TRUST
            | _OF_CHANNELS,
            "an address, or a mapping",
            "url",
        ),
        "apprise": Record(
            channels.Apprise,
            {
                "urls_file": Key("urls_file", FilePath()),
                "urls_env": Key("urls_env", _VARIABLE_NAME),
            }
            | _OF_CHANNELS,
            "a mapping with `urls_file` or `urls_env`",
        ),
        "own": Record(
            channels.OwnChannel,
            {
                "use": Key("use", ImportPath()),
                "settings": Key("settings", Table(Anything(), "arguments by name")),
            }
            | _OF_CHANNELS,
            "`module:name`, or a mapping",
            "use",
        ),
    }
)

RECORD = Record(
    alerts.Alerts,
    {
        "channels": Key("channels", Table(CHANNELS, "channels by name")),
        "rules": Key("rules", Several(RULES, "rules")),
        "group_wait": Key("group_wait", SECONDS),
        "repeat_within": Key("repeat_within", SECONDS),
        "well_for": Key("well_for", SECONDS),
        "quiet_hours": Key("quiet_hours", QUIET),
        "outbox": Key("outbox", FilePath()),
        "max_messages": Key("max_messages", Value("a count")),
        "max_bytes": Key("max_bytes", BYTES),
        "max_age": Key("max_age", SECONDS),
    },
    "a mapping",
)
PARTS = {
    **{f"`rules: [{{{kind}: ...}}]` of `alerts`": each for kind, each in RULES.kinds.items()},
    **{f"`channels: {{...: {{{kind}: ...}}}}`": each for kind, each in CHANNELS.kinds.items()},
    "`quiet_hours`": _HOURS,
    "`rate`": _RATE,
}
