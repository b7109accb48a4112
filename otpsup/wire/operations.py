"""What a host does for who asks, beside its engine: the names of these requests, and their fields.

    {"id": 3, "op": "plan", "file": "/srv/shop/tree.yaml"}

Decides what a legal request is. Sans-IO; `otpsup.operations` does them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ProtocolError

PATH_LIMIT = 32 * 1024
"""The longest path, in characters: errors name it, and look for one like it."""
_MOST_LINES = 100_000


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= PATH_LIMIT


def _is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) < 10**9


Field = tuple[Callable[[Any], bool], str]

_PATH: Field = (_is_text, f"a text of at most {PATH_LIMIT} characters")
_FILE: Field = (lambda v: v is None or _is_text(v), "the path of a file, or null")
_SIGNAL: Field = (lambda v: _is_text(v) or _is_whole(v), "a signal's name or number")
_COUNT: Field = (lambda v: _is_whole(v) and v >= 0, "a count from 0")
_SAMPLES: Field = (
    lambda v: v is None or (_is_whole(v) and v >= 0),
    "a count from 0, or null",
)
_LINES: Field = (lambda v: _is_whole(v) and 0 <= v <= _MOST_LINES, f"from 0 to {_MOST_LINES}")
_PATHS: Field = (
    lambda v: v is None or (isinstance(v, list) and len(v) <= 10_000 and all(map(_is_text, v))),
    "a list of paths, or null for all",
)
_STREAM: Field = (lambda v: v in (None, "stdout", "stderr"), '"stdout", "stderr" or null')
_OBJECT: Field = (
    lambda v: isinstance(v, dict) and all(isinstance(key, str) for key in v),
    "an object",
)
_FLAG: Field = (lambda v: isinstance(v, bool), "true or false")
_TEXT: Field = (lambda v: v is None or isinstance(v, str), "a text, or null")

FIELDS: dict[str, dict[str, Field]] = {
    "about": {},
    "info": {"path": _PATH},
    "signal": {"path": _PATH, "signal": _SIGNAL},
    "stacks": {"path": _PATH},
    "write_stdin": {"path": _PATH, "data": (lambda v: isinstance(v, str), "a text")},
    "plan": {"file": _FILE},
    "update": {"file": _FILE},
    "scale": {"path": _PATH, "count": _COUNT},
    "add": {"parent": _PATH, "file": _FILE, "text": _TEXT},
    "logs": {"paths": _PATHS, "lines": _LINES, "stream": _STREAM, "follow": _FLAG},
    "recent_events": {},
    "statistics": {"samples": _SAMPLES},
    "reopen_logs": {},
    "ask_plugin": {"name": _PATH, "what": _PATH, "fields": _OBJECT},
}
"""All of them, with what each of their fields must be."""


def fields_of(op: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request.

    Raises:
        ProtocolError: one is not what it must be.
    """
    found = {name: value.get(name) for name in FIELDS[op]}
    for name, (test, expected) in FIELDS[op].items():
        if not test(found[name]):
            raise ProtocolError(f"{op!r} needs {name!r}: {expected}")
    return found
