"""What came in at once from one child, and the lines in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...wire.lines import LogLine
from .source import Source

Entry = tuple[float, Source, bytes]
"""When it came, from whom, and lines."""


def concerns(paths: Sequence[str] | None, path: str) -> bool:
    """Whether a child is one of those, or below one of those; None are all."""
    return paths is None or any(
        path == each or each == "" or path.startswith(f"{each}/") for each in paths
    )


def lines_of(entry: Entry) -> Iterator[LogLine]:
    """The lines of an entry, in order."""
    at, source, data = entry
    text = data.decode("utf-8", "surrogateescape").removesuffix("\n")
    return (LogLine(at, source.path, source.stream, line) for line in text.split("\n"))
