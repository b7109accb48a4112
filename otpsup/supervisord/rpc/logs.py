"""How clients read a log: a slice of it, or its end (http://supervisord.org/api.html, and 4.3.0).

Bytes that are no UTF-8 are shown as U+FFFD, where supervisord fails with HTTP 500.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from .faults import Fault, RpcError

_MOST = 64 * 1024 * 1024
"""Bytes in one answer; who asks for more of a log than that gets so much."""
INT_MAX = 2**31 - 1


def read(path: str, offset: int, length: int) -> str:
    """A slice of a log.

    Args:
        offset: from the start in bytes; if negative, so many of the last bytes.
        length: in bytes; 0 is up to the end, and all there can be with a negative `offset`.

    Raises:
        RpcError: BAD_ARGUMENTS; FAILED if the file cannot be read.
    """
    if length and (offset < 0 or length < 0):
        raise RpcError(Fault.BAD_ARGUMENTS)
    try:
        with Path(path).open("rb") as file:
            return _slice(file, offset, length)
    except (OSError, OverflowError, ValueError):  # of numbers that no file has
        raise RpcError(Fault.FAILED) from None


def _slice(file: BinaryIO, offset: int, length: int) -> str:
    if offset < 0:
        size = _size(file)
        length, offset = min(-offset, size), max(size + offset, 0)
        if not length:
            return ""
    file.seek(offset)
    return _text(file.read(min(length or _MOST, _MOST)))


def tail(path: str, offset: int, length: int) -> list[object]:
    """The end of a log, for who reads it again and again.

    Returns:
        the text, the size of the log in bytes, and whether more than `length` bytes came since
        `offset`, so that some are left out.
    """
    try:
        with Path(path).open("rb") as file:
            return _end(file, offset, length)
    except (OSError, OverflowError, ValueError):  # of numbers that no file has
        return ["", min(max(offset, -INT_MAX), INT_MAX), False]


def _end(file: BinaryIO, offset: int, length: int) -> list[object]:
    size = _size(file)
    overflow = size > offset + length
    if overflow:
        offset = size - 1
    if offset + length > size:
        length = 0 if offset > size - 1 else length
        offset = size - length
    text = ""
    if length > 0:
        file.seek(max(offset, 0))
        text = _text(file.read(min(length, _MOST)))
    return [text, min(size, INT_MAX), overflow]


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
