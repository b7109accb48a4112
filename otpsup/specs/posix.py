"""Signals, exit codes, resource limits and users: what is legal, and how it may be written."""

from __future__ import annotations

import resource
import signal as signals
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache
from typing import Any

from . import check


def signal_number(value: Any) -> Any:
    """Accept SIGTERM, "SIGTERM", "TERM" and 15; leave what is none of them for the validator."""
    if isinstance(value, str):
        name = value.upper()
        known = signals.Signals.__members__
        return known.get(name if name.startswith("SIG") else f"SIG{name}", value)
    return value


def is_signal(value: Any) -> bool:
    """Whether this system has a signal of this number."""
    return check.is_int(value) and value in _valid_signals()


@cache
def _valid_signals() -> Set[int]:
    return frozenset(signals.valid_signals())


def _any_case(names: Iterable[str]) -> str:
    return "|".join("".join(f"[{c}{c.lower()}]" if c.isalpha() else c for c in n) for n in names)


SIGNALS: check.Schema = {
    "anyOf": [
        {"enum": sorted(map(int, signals.valid_signals()))},
        {
            "type": "string",
            "pattern": "^([sS][iI][gG])?("
            + _any_case(name.removeprefix("SIG") for name in signals.Signals.__members__)
            + r")(?![\s\S])",
        },
    ]
}


is_exit_code = check.Whole(0, 255)


def exit_codes(value: Any) -> Any:
    """Several codes to a set; the rest is left to the validator."""
    return check.converted(frozenset, value) if isinstance(value, Set | Sequence) else value


def _rlimit_name(name: str) -> str:
    upper = name.upper()
    return upper if upper.startswith("RLIMIT_") else f"RLIMIT_{upper}"


def _rlimit_pair(limit: Any) -> Any:
    return (limit, limit) if check.is_int(limit) else limit


def rlimits(value: Any) -> Any:
    """{"nofile": 4096} -> {"RLIMIT_NOFILE": (4096, 4096)}; bad ones are left to the validator."""
    return check.converted(
        lambda v: {_rlimit_name(name): _rlimit_pair(limit) for name, limit in v.items()}, value
    )


_LARGEST_LIMIT = 2**63 - 1
RLIMITS: check.Schema = {
    "propertyNames": {
        "pattern": "^([rR][lL][iI][mM][iI][tT]_)?("
        + _any_case(
            name.removeprefix("RLIMIT_") for name in dir(resource) if name.startswith("RLIMIT_")
        )
        + r")(?![\s\S])"
    },
    "additionalProperties": {"type": "integer", "minimum": -1, "maximum": _LARGEST_LIMIT},
}


def are_rlimits(value: Mapping[str, tuple[int, int]]) -> bool:
    """Whether these are limits of setrlimit(2), soft and hard; -1 is none."""
    return isinstance(value, Mapping) and all(
        hasattr(resource, name)
        and isinstance(limit, tuple)
        and len(limit) == 2
        and all(check.is_int(x) and -1 <= x <= _LARGEST_LIMIT for x in limit)
        for name, limit in value.items()
    )


_LARGEST_ID = 2**32 - 1
"""The kernel's way to say: none (setresuid(2))."""
_NO_NUL = r"^[^\u0000]+(?![\s\S])"
USER: check.Schema = {
    "anyOf": [
        {"type": "string", "pattern": _NO_NUL},
        {"type": "integer", "minimum": 0, "maximum": _LARGEST_ID - 1},
    ]
}


def is_user(value: Any) -> bool:
    """Whether this may be a name or a number of a user or a group."""
    if isinstance(value, str):
        return value != "" and check.has_no_nul([value])
    return check.is_int(value) and 0 <= value < _LARGEST_ID
