"""Lines of children's output, as they are told to whoever asks for them.

    {"at": 1764097512.345, "path": "web", "stream": "stdout", "text": "hello"}

Sans-IO.
"""

from __future__ import annotations

import math
from typing import Any

from attrs import asdict, frozen

from ..errors import ProtocolError


@frozen
class LogLine:
    """One line that a child has written.

    Attributes:
        at: when it came, in seconds since the epoch.
        path: the child.
        stream: `stdout` or `stderr`; `stdout` if both go into one pipe.
        text: without the line break. Bytes that are no UTF-8 are as Python's `surrogateescape` has
            them. It may steer a terminal: see `otpsup.plain`.
        skipped: of a line that stands for others: how many could not be told, because whoever
            follows was too slow; else 0.
    """

    at: float
    path: str
    stream: str
    text: str
    skipped: int = 0


def encode(line: LogLine) -> dict[str, Any]:
    """The line as a JSON value."""
    value = asdict(line)
    if not line.skipped:
        del value["skipped"]
    return value


def decode(value: Any) -> LogLine:
    """The line in a JSON value.

    Raises:
        ProtocolError: there is none.
    """
    try:
        line = LogLine(**value)
        texts = (line.path, line.stream, line.text)
        if type(line.skipped) is not int or not all(isinstance(text, str) for text in texts):
            raise TypeError
        if isinstance(line.at, bool) or not math.isfinite(line.at):
            raise TypeError
    except (OverflowError, TypeError):
        raise ProtocolError("the other end told of what is no line of a log") from None
    return line
