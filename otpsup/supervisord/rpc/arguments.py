"""What methods make of their arguments. What supervisord answers with HTTP 500 is a fault here."""

from __future__ import annotations

import signal
from typing import Any

from .faults import Fault, RpcError


def text(value: Any) -> str:
    """A text.

    Raises:
        RpcError: INCORRECT_PARAMETERS.
    """
    if not isinstance(value, str):
        raise RpcError(Fault.INCORRECT_PARAMETERS)
    return value


def whole(value: Any) -> int:
    """A number, or a text that is one, as supervisord has it.

    Raises:
        RpcError: INCORRECT_PARAMETERS.
    """
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise RpcError(Fault.INCORRECT_PARAMETERS) from None


def split(name: Any) -> tuple[str, str | None]:
    """Group and process of a `name`, `group:name`, or, with None for the process, `group:*`.

    Raises:
        RpcError: INCORRECT_PARAMETERS.
    """
    group, colon, process = text(name).partition(":")
    if not colon:
        return group, group
    return group, None if process in ("", "*") else process


def signal_number(value: Any) -> int:
    """A signal, by number or name, with or without SIG.

    Raises:
        RpcError: BAD_SIGNAL; INCORRECT_PARAMETERS if it is neither a number nor a text.
    """
    if not isinstance(value, str | int | float):
        raise RpcError(Fault.INCORRECT_PARAMETERS)
    try:
        number = int(value)
    except (ValueError, OverflowError):
        number = _named(str(value))
    if number not in _NUMBERS:
        raise RpcError(Fault.BAD_SIGNAL, value)
    return number


_NUMBERS = {0, *(int(each) for each in signal.Signals)}
"""0 only looks whether there is a process (kill(2))."""


def _named(value: str) -> int:
    """The number of that name; -1 if there is none."""
    name = value.strip().upper()
    known = signal.Signals.__members__
    found = known.get(name if name.startswith("SIG") else f"SIG{name}")
    return -1 if found is None else int(found)
