"""The forms of `stdin`, `stdout` and `stderr`."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...errors import InvalidSpec
from ...specs import Inherit, LogFile, Socket, output, stdin
from ...specs.check import Schema, nearest
from ..forms import BAD, BYTES, END, SECONDS, VARIABLE, Text, Value, either, read
from ..nodes import Mapping, Node, Scalar
from ..notations import FilePath, Mask, absolute
from ..records import Key, Record
from ..report import Place
from .choice import choices

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

_INPUTS = (stdin.NULL, stdin.PIPE)
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
