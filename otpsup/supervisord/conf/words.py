"""Texts of a supervisord.conf as values. The texts of errors are supervisord's own: operators know
them, and clients get them as the text of CANT_REREAD."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Mapping
from typing import Any

from .model import AutoRestart

TRUE, FALSE = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
LEVELS = ("critical", "error", "warn", "info", "debug", "trace", "blather")
EVENTS = frozenset(
    "EVENT PROCESS_STATE PROCESS_STATE_STOPPED PROCESS_STATE_EXITED PROCESS_STATE_STARTING"
    " PROCESS_STATE_STOPPING PROCESS_STATE_BACKOFF PROCESS_STATE_FATAL PROCESS_STATE_RUNNING"
    " PROCESS_STATE_UNKNOWN PROCESS_COMMUNICATION PROCESS_COMMUNICATION_STDOUT"
    " PROCESS_COMMUNICATION_STDERR PROCESS_LOG PROCESS_LOG_STDOUT PROCESS_LOG_STDERR"
    " REMOTE_COMMUNICATION SUPERVISOR_STATE_CHANGE SUPERVISOR_STATE_CHANGE_RUNNING"
    " SUPERVISOR_STATE_CHANGE_STOPPING TICK TICK_5 TICK_60 TICK_3600 PROCESS_GROUP"
    " PROCESS_GROUP_ADDED PROCESS_GROUP_REMOVED".split()
)
_SIZES = {"kb": 1024, "mb": 1024**2, "gb": 1024**3}
_SIGNALS = [getattr(signal, each) for each in dir(signal) if each.startswith("SIG")]


def expand(text: str, names: Mapping[str, Any], where: str) -> str:
    """Python's `%` formatting with these names.

    Args:
        where: what the text is, for the error: `section.option`.

    Raises:
        ValueError: a name that is none, or a stray `%`.
    """
    try:
        return text % names
    except KeyError as error:
        told = ", ".join(sorted(names))
        raise ValueError(
            f"Format string {text!r} for {where!r} contains names ({error}) which cannot be "
            f"expanded. Available names: {told}"
        ) from None
    except Exception as error:  # whatever formatting can raise: TypeError, ValueError, Overflow...
        raise ValueError(f"Format string {text!r} for {where!r} is badly formatted: {error}") from (
            None
        )


def name(text: str) -> str:
    """Of a process or group: without what would break events and URLs."""
    for each in " :/":
        if each in text.strip():
            raise ValueError(f"Invalid name: {text!r} because of character: {each!r}")
    return text.strip()


def integer(text: str | int) -> int:
    """A whole number, as Python's `int` takes it."""
    return int(text)


def boolean(text: str | bool) -> bool:
    """One of the four words for either, in any case."""
    word = str(text).lower()
    if word not in TRUE + FALSE:
        raise ValueError(f"not a valid boolean value: {text!r}")
    return word in TRUE


def octal(text: str) -> int:
    """A mode or a mask."""
    try:
        return int(text, 8)
    except ValueError:
        raise ValueError(f"{text} can not be converted to an octal type") from None


def size(text: str) -> int:
    """Bytes; KB, MB and GB are of 1024."""
    low = text.lower()
    factor = _SIZES.get(low[-2:])
    return int(low) if factor is None else int(low[:-2]) * factor


def strings(text: str | None) -> list[str]:
    """What is between commas; nothing is no list of one."""
    return [each.strip() for each in text.split(",")] if text else []


def exit_codes(text: str) -> tuple[int, ...]:
    """Numbers from 0 to 255 between commas; nothing is none."""
    try:
        codes = tuple(int(each) for each in text.split(",")) if text else ()
    except ValueError:
        codes = (-1,)
    if any(not 0 <= each <= 255 for each in codes):
        raise ValueError(f"not a valid list of exit codes: {text!r}")
    return codes


def signal_number(text: str) -> int:
    """Of a signal by its number, or its name with or without SIG."""
    try:
        number: Any = int(text)
    except ValueError:
        number = _signal_of(text)
    if number not in _SIGNALS:
        raise ValueError(f"value {text!r} is not a valid signal number")
    return int(number)


def _signal_of(text: str) -> Any:
    word = text.strip().upper()
    number = getattr(signal, word if word.startswith("SIG") else f"SIG{word}", None)
    if number is None:
        raise ValueError(f"value {text!r} is not a valid signal name")
    return number


def auto_restart(text: str) -> AutoRestart:
    """A boolean, or `unexpected`."""
    word = text.lower()
    if word not in (*TRUE, *FALSE, "unexpected"):
        raise ValueError(f"invalid 'autorestart' value {word!r}")
    return "unexpected" if word == "unexpected" else word in TRUE


def level(text: str) -> str:
    """Of the daemon's log, by name."""
    if text.lower() not in LEVELS:
        raise ValueError(f"bad logging level name {text!r}")
    return text.lower()


def pairs(text: str) -> dict[str, str]:
    """`KEY=value,KEY2="a, b"`: what is not a letter, a digit or one of `_/.+-():` needs quotes.

    What is between two pairs is passed over, comma or not, and quotes and `#` mean what they mean
    to Python's `shlex`, since that is what supervisord uses.
    """
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():"
    tokens, found = list(lexer), {}
    for at in range(0, len(tokens), 4):
        pair = tokens[at : at + 3]
        if len(pair) != 3 or pair[1] != "=":
            raise ValueError(f"Unexpected end of key/value pairs in value '{text}'")
        found[pair[0]] = pair[2].strip("'\"")
    return found


def port(text: str) -> int:
    """A TCP port from 1 to 65535."""
    number = int(text)
    if number < 1:
        raise ValueError(f"{number!r} is below lower bound (1)")
    if number > 0xFFFF:
        raise ValueError(f"{number!r} is above upper bound (65535)")
    return number


def inet_address(text: str) -> tuple[str, int]:
    """`host:port`, `:port`, `*:port` or `port`; an empty host is all addresses."""
    if ":" not in text:
        return "", _only_port(text)
    host, number = text.rsplit(":", 1)
    if not number:
        raise ValueError(f"no port number specified in {number!r}")
    return "" if host == "*" else host.lower(), port(number)


def _only_port(text: str) -> int:
    try:
        return port(text)
    except ValueError:
        raise ValueError(f"not a valid port number: {text!r} ") from None
