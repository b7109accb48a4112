"""What a line looks like where it is written. Pure: lines in, lines out.

One call formats all lines that came together, with one time, and without a loop over them: that
thread serves all children.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from ...specs.output import Format
from .source import Source

Formatter = Callable[[bytes, float], bytes]
"""Makes of lines, and the time at which they came, what is written."""

_ESCAPES = tuple(
    (character.encode(), json.dumps(character)[1:-1].encode())
    for character in ("\\", '"', *map(chr, range(32)))
    if character != "\n"
)
"""What cannot stand in a JSON text, and what stands for it; the backslash first."""


def formatter(format: Format, source: Source) -> Formatter | None:
    """What formats the output of this source; None leaves it as it came.

    There is one for each pipe, so it is kept small: a bound function, no closure.
    """
    if format in ("raw", "bytes"):
        return None
    return _as_json(source) if format == "json" else _prefixed(format, source)


def stamp(at: float) -> str:
    """A time, local, to the millisecond: `2026-11-25T19:05:12.345+00:00`."""
    from datetime import UTC, datetime  # a fifth of a megabyte, for formats that few ask for

    return datetime.fromtimestamp(at, UTC).astimezone().isoformat(timespec="milliseconds")


def _prefixed(format: Format, source: Source) -> Formatter:
    name = b"" if format == "time" else f"{source.path} | ".encode()
    return partial(_after_name if format == "name" else _after_time, name)


def _after_name(name: bytes, data: bytes, _: float) -> bytes:
    lines = data.removesuffix(b"\n")
    return name + lines.replace(b"\n", b"\n" + name) + b"\n"


def _after_time(name: bytes, data: bytes, at: float) -> bytes:
    return _after_name(f"{stamp(at)} ".encode() + name, data, at)


def _as_json(source: Source) -> Formatter:
    child, stream = json.dumps(source.path), json.dumps(source.stream)
    fields = f'"child":{child},"stream":{stream},"pid":{json.dumps(source.pid)},"line":"'

    def write(data: bytes, at: float) -> bytes:
        begin = f'{{"time":"{stamp(at)}",{fields}'.encode()
        end = b'"}\n' if data.endswith(b"\n") else b'","more":true}\n'
        return begin + _escaped(data.removesuffix(b"\n")).replace(b"\n", end + begin) + end

    return write


def _escaped(lines: bytes) -> bytes:
    """The lines as they stand between the quotes of JSON texts (RFC 8259, 7)."""
    try:
        lines.decode()
    except UnicodeDecodeError:
        return b"\n".join(map(_of_any_bytes, lines.split(b"\n")))
    for character, escape in _ESCAPES:
        if character in lines:
            lines = lines.replace(character, escape)
    return lines


def _of_any_bytes(line: bytes) -> bytes:
    """Bytes that are no UTF-8 are escaped as Python's `surrogateescape` has them, `\\udcff` for
    0xff, so that they can be had back."""
    return json.dumps(line.decode("utf-8", "surrogateescape"))[1:-1].encode()
