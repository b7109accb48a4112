"""Values of `otpsup.views` as JSON: just their fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from .. import mask
from ..statistics import Statistics
from ..views import ChildStatus, Event
from ..wire import lines, requests
from ..wire import statistics as statistics_wire
from ..wire.lines import LogLine

PLAIN: Final = "text/plain"
SVG: Final = "image/svg+xml"


@frozen
class Text:
    """An answer that is no JSON.

    Attributes:
        type: its media type.
    """

    body: bytes
    type: str


def json_of(value: Any) -> bytes:
    """The value in JSON; ASCII, so that whatever a child has said comes through."""
    if isinstance(value, Statistics):
        value = statistics_wire.encode(value)
    text = json.dumps(value, separators=(",", ":"), default=_fields)
    return text.encode()


def _fields(value: Any) -> Any:
    if isinstance(value, LogLine):
        return line(value)
    return {name: getattr(value, name) for name in value.__slots__ if name != "__weakref__"}


def line(value: LogLine) -> dict[str, Any]:
    """A line of output; what is no UTF-8 in it is U+FFFD, for JSON has no bytes."""
    text = value.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return {**lines.encode(value), "text": text}


def status(value: ChildStatus) -> ChildStatus:
    """A status as it is told to anybody who may look."""
    return requests.masked(value)


_OF_WHY = ("path", "state", "why", "waits", "next_attempt", "last_exit", "last_output")


def why(info: Mapping[str, Any], events: Sequence[Event]) -> dict[str, Any]:
    """Why a child is as it is, and the traceback of its last exception, if that is known still."""
    traces = (each.traceback for each in reversed(events) if each.path == info["path"])
    told = {name: info[name] for name in _OF_WHY}
    return {**told, "traceback": next(filter(None, traces), "")}


def masked(info: dict[str, Any]) -> dict[str, Any]:
    """All that is known of a child, without what in its `info` has a secret's name."""
    return {**info, "info": mask.within(info.get("info"))}
