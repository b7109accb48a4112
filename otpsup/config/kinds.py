"""The forms of what has kinds: readiness, dependencies, output, hooks. A key says which it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from typing import Any

from attrs import frozen

from ..errors import InvalidSpec
from ..specs import (
    After,
    Hook,
    Http,
    Inherit,
    LogFile,
    LogLine,
    Notify,
    Port,
    Probe,
    Socket,
    Spawned,
    StaysUp,
    health,
    hook,
    output,
    stdin,
)
from ..specs.after import CONDITIONS
from ..specs.check import Schema, nearest, schema_of
from .forms import (
    BAD,
    BYTES,
    END,
    SECONDS,
    VARIABLE,
    ImportPath,
    Several,
    Text,
    Value,
    either,
    read,
)
from .nodes import List, Mapping, Node, Scalar
from .notations import CommandLine, FilePath, Mask, absolute
from .records import Key, Record, fields_of, read_fields
from .report import Place


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


_CONDITION = re.compile(rf"({'|'.join(CONDITIONS)})\((.*)\)", re.DOTALL)


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


_NAME = rf"^(?!\s)[^/#\u0000\n\r]+{END}(?<!\s)"
_OTHERS = "|".join(CONDITIONS)
_NAME_OR_CONDITION = (
    rf"^(?:(?!(?:{_OTHERS})\([\s\S]*\){END})(?!\s)[^/#\u0000\n\r]+{END}(?<!\s)"
    rf"|(?:{_OTHERS})\((?!\s)[^/#\u0000\n\r]+(?<!\s)\){END})"
)

_FORMAT = {"format": Key("format", Value("a word"))}
LOG_FILE = Record(
    LogFile,
    {
        "file": Key("path", FilePath()),
        "max_bytes": Key("max_bytes", BYTES),
        "backups": Key("backups", Value("a count")),
        "every": Key("every", Value("a word")),
        "max_age": Key("max_age", SECONDS),
        "max_total": Key("max_total", BYTES),
        "compress": Key("compress", Value("true or false")),
        **_FORMAT,
    },
    "a mapping with `file`",
)
INHERITED = Record(
    Inherit, {"inherit": Key("stream", Value("a word")), **_FORMAT}, "a mapping with `inherit`"
)


@frozen
class Output:
    """Where output goes: a word, a path, or a mapping.

    Attributes:
        choices: the words.
    """

    choices: tuple[str, ...]

    @property
    def words(self) -> str:
        """What may be written."""
        return (
            f"{choices(self.choices)}, a path with a slash in it, `{{file: path, ...}}` or "
            "`{inherit: stdout, format: json}`"
        )

    def read(self, node: Node, place: Place) -> Any:
        """A word, a `LogFile` or an `Inherit`."""
        if isinstance(node, Mapping):
            record = LOG_FILE if "file" in node.entries else INHERITED
            if not {"file", "inherit", "format"} & set(node.entries):
                place.refuse(node, self.words)
                return BAD
            return record.read(node, place)
        text = node.text if isinstance(node, Scalar) else ""
        if text in self.choices:
            return text
        if "/" in text:
            return self._path(node, text, place)
        place.refuse(node, self.words, nearest(text, self.choices) if text else "")
        return BAD

    def _path(self, node: Node, text: str, place: Place) -> Any:
        try:
            return output.from_value(absolute(node, text))
        except InvalidSpec as error:
            place.say(node, error.problem)
            return BAD

    def schema(self, limits: Schema) -> Schema:
        """A word, a path, an object."""
        return either(
            {"enum": list(self.choices)},
            {"type": "string", "pattern": rf"^[^\u0000]*/[^\u0000]*{END}"},
            VARIABLE,
            LOG_FILE.schema({}),
            {**INHERITED.schema({}), "minProperties": 1},
            {"type": "null"},
        )

    def write(self, value: Any) -> Any:
        """The word where there is one."""
        if isinstance(value, str):
            return value
        if isinstance(value, Inherit):
            return INHERITED.write(value) or {"inherit": "stdout"}
        return LOG_FILE.write(value)


STDOUT = Output((output.INHERIT, output.NULL))
STDERR = Output((output.INHERIT, output.NULL, output.STDOUT))

SOCKET = Record(
    Socket,
    {
        "socket": Key("url", Text("an address")),
        "backlog": Key("backlog", Value("a count")),
        "owner": Key("owner", Text("user or user:group")),
        "mode": Key("mode", Mask()),
    },
    "an address, or a mapping with `socket`",
    "socket",
)


@frozen
class Input:
    """What a command reads: a word, an address, or a mapping with `socket`."""

    words: str = "`null`, `pipe`, an address as `tcp://127.0.0.1:9000`, or `{socket: ...}`"

    def read(self, node: Node, place: Place) -> Any:
        """A word or a `Socket`."""
        text = node.text if isinstance(node, Scalar) else ""
        if text in _INPUTS:
            return text
        if isinstance(node, Mapping) or "://" in text:
            return read(SOCKET, node, place)
        place.refuse(node, self.words, nearest(text, _INPUTS) if text else "")
        return BAD

    def schema(self, limits: Schema) -> Schema:
        """A word, an address or an object."""
        return either(
            {"enum": list(_INPUTS)}, VARIABLE, *SOCKET.schema({})["anyOf"], {"type": "null"}
        )

    def write(self, value: Any) -> Any:
        """The word or the address where that says it all."""
        return value if isinstance(value, str) else SOCKET.write(value)


_INPUTS = (stdin.NULL, stdin.PIPE)

_HOOK_KINDS = {"command": Key("run", CommandLine()), "worker": Key("run", ImportPath())}
_TIMEOUT = {"timeout": Key("timeout", SECONDS)}


@frozen
class HookForm:
    """What is run: a list, `module:name`, or a mapping with `command` or `worker`."""

    words: str = "a command as a list, `module:name`, or `{command: ..., timeout: 10s}`"

    def read(self, node: Node, place: Place) -> Any:
        """A `Hook`, or what becomes one."""
        if isinstance(node, Mapping):
            return self._mapping(node, place)
        if isinstance(node, List):
            return read(CommandLine(), node, place)
        if isinstance(node, Scalar) and hook.is_target(node.value):
            return node.value
        place.refuse(node, self.words)
        return BAD

    def _mapping(self, node: Mapping, place: Place) -> Any:
        kinds = [key for key in _HOOK_KINDS if node.get(key) is not None]
        if len(kinds) > 1:
            place.say(node, "must have `command` or `worker`, not both".replace("`", "'"))
            return BAD
        given = node.without(key for key in _HOOK_KINDS if key not in kinds)
        values = read_fields(Hook, {**_HOOK_KINDS, **_TIMEOUT}, given, place)
        if not kinds:
            place.say(node, "'command' or 'worker' is missing")
            return BAD
        if BAD in values.values():
            return BAD
        return Hook(**values)

    def schema(self, limits: Schema) -> Schema:
        """A list, a text, or an object."""
        return either(
            _argv(), hook.IMPORT_PATH, VARIABLE, *(self._record(key) for key in _HOOK_KINDS)
        )

    def _record(self, key: str) -> Schema:
        """With one key; the other may be null, as any that may be left out."""
        other = {each: {"type": "null"} for each in _HOOK_KINDS if each != key}
        value = _HOOK_KINDS[key].form.schema(hook.IMPORT_PATH)
        timeout = {"anyOf": [SECONDS.schema(_SECONDS), {"type": "null"}]}
        return {
            "type": "object",
            "properties": {key: value, **other, "timeout": timeout},
            "required": [key],
            "additionalProperties": False,
        }

    def write(self, value: Any) -> Any:
        """A list or a text where the timeout is the default."""
        kind = "command" if isinstance(value.run, tuple) else "worker"
        run = _HOOK_KINDS[kind].form.write(value.run)
        if value.timeout == Hook(value.run).timeout:
            return run
        return {kind: run, "timeout": value.timeout}


_SECONDS: Schema = {"type": "number", "exclusiveMinimum": 0}


def _argv() -> Schema:
    return next(each for each in CommandLine().schema({})["anyOf"] if each.get("type") == "array")


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

DEPENDENCIES = Several(Dependency(), "siblings' names")
