"""The text of a file, whatever is at its path: bounded, never waited for, UTF-8."""

from __future__ import annotations

import errno
import os
import stat

MOST_BYTES = 10_000_000


class Unreadable(Exception):
    """There is no text of a file at a path; says why."""


def read(path: str) -> str:
    """All of a regular file.

    Raises:
        Unreadable: there is none, or it is not what a file of settings can be.
    """
    try:
        data = _bytes(path)
    except OSError as error:
        raise Unreadable(_words(error)) from None
    except ValueError:  # a NUL byte in the path
        raise Unreadable("no file can have this name") from None
    return decoded(data)


def _words(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "there is no such file"
    return f"it cannot be read: {error.strerror}"


def require_regular(path: str) -> None:
    """Refuse what would have to be waited for, or has no end.

    Raises:
        OSError: there is nothing.
        Unreadable: it is no regular file.
    """
    mode = os.stat(path).st_mode  # noqa: PTH116 (before it is opened: a FIFO would wait)
    if stat.S_ISDIR(mode):
        raise Unreadable("this is a folder; name a file in it")
    if not stat.S_ISREG(mode):
        raise Unreadable("this is no regular file")


def _bytes(path: str) -> bytes:
    require_regular(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        data: bytes | None = file.read(MOST_BYTES + 1)
    if data is None:  # of some files in /proc
        raise Unreadable("there is nothing in it yet, and nobody waits for that")
    if len(data) > MOST_BYTES:
        raise Unreadable(f"it is larger than {MOST_BYTES // 1_000_000} MB")
    return data


def decoded(data: bytes) -> str:
    """The text that these bytes are.

    Raises:
        Unreadable: they are none.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"it is not UTF-8 (line {line}); save it as that") from None
    return checked(text)


def checked(text: str) -> str:
    """The text, if it can be that of a file.

    Raises:
        Unreadable: it cannot.
    """
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable(f"there is a NUL in it (line {line}); it is no text")
    if not text.strip():
        raise Unreadable("it is empty")
    return text
