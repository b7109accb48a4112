"""Variables from files: env files, and secrets, one a file. Read anew at each start.

What is wrong with a file is told with its name and line, never with what is in it. Only regular
files are read, and no more than `_MOST` of them: a pipe or a device would hold up the loop.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from functools import lru_cache
from pathlib import Path

from ..errors import OtpsupError
from ..logger import logger

_MOST = 1 << 20
"""Bytes that a file may have."""


class Unusable(OtpsupError):
    """The machine does not have what the spec asks for."""


def secret(what: str, path: Path) -> str:
    """The secret in a file: all of it, less one line break at its end.

    Args:
        what: how a message calls it: `secret DB_PASSWORD`, `the password`.

    Raises:
        Unusable: it cannot be read, is empty or too large, or holds a NUL byte.
    """
    what = f"{what} from"
    data, mode = _read(what, path)
    if mode & stat.S_IROTH:
        _tell_once_that_it_is_open(path)
    value = data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data
    if not value:
        raise _unreadable(what, path, "it is empty")
    if b"\0" in value:
        raise _unreadable(what, path, "it holds a NUL byte, which no environment can hold")
    return os.fsdecode(value)


@lru_cache(maxsize=1024)
def _tell_once_that_it_is_open(path: Path) -> None:
    logger.warning("every user can read the secret in {}; `chmod o-r` it", path)


def variables(path: Path) -> dict[str, str]:
    """The variables in a file of `NAME=value` lines.

    Blank lines and lines that begin with `#` are passed over; `export ` before a name too. A value
    may be quoted as in a shell; nothing is expanded.

    Raises:
        Unusable: the file cannot be read, or a line is no assignment.
    """
    numbered = ((n, line.strip()) for n, line in enumerate(_lines(path), 1))
    return dict(_assignment(path, n, line) for n, line in numbered if line and line[0] != "#")


def _lines(path: Path) -> list[str]:
    data, _ = _read("env file", path)
    try:
        return data.decode().splitlines()
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise Unusable(f"{path}, line {number}: not UTF-8; save it as that") from None


def _read(what: str, path: Path) -> tuple[bytes, int]:
    """All of a regular file, and its mode; `what` it is, for the message. Nobody is waited for."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        mode = path.stat().st_mode  # before it is opened: some devices take that for an order
        if not stat.S_ISREG(mode):
            raise _unreadable(what, path, "it is no regular file")
        with os.fdopen(os.open(path, flags), "rb") as file:
            data: bytes | None = file.read(_MOST + 1)
    except OSError as error:
        raise _unreadable(what, path, error.strerror or type(error).__name__) from None
    if data is None:  # of some files in /proc
        raise _unreadable(what, path, "there is nothing in it yet, and nobody waits for that")
    if len(data) > _MOST:
        raise _unreadable(what, path, f"it is larger than {_MOST >> 20} MiB")
    return data, mode


def _unreadable(what: str, path: Path, why: str) -> Unusable:
    """In parentheses, for what comes after `password:` would be taken for one."""
    return Unusable(f"cannot read {what} {path} ({why})")


def _assignment(path: Path, number: int, line: str) -> tuple[str, str]:
    name, equals, value = line.removeprefix("export ").strip().partition("=")
    if not equals or not name.isidentifier():
        raise Unusable(f"{path}, line {number}: expected NAME=value, for example LANG=C")
    if "\0" in value:
        raise Unusable(f"{path}, line {number}: a NUL byte, which no environment can hold")
    try:
        return name, " ".join(shlex.split(_without_comment(value)))
    except ValueError as error:
        raise Unusable(f"{path}, line {number}: {error}; close the quotation") from None


_WORD = re.compile(r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s'"\\])+""")


def _without_comment(value: str) -> str:
    """A comment begins at a word that begins with `#`, as in a shell; `a#b` is a value."""
    comments = (word.start() for word in _WORD.finditer(value) if word[0].startswith("#"))
    return value[: next(comments, len(value))]
