"""Words as they may be kept on disk and sent away: no secrets that can be told by a name, nothing
that steers a terminal, and not without end. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from .. import mask
from ..plain import plain, plain_lines

_LINE = 500
"""Characters of one line."""
_TRACE = 8000
"""Characters of a traceback: its end, where Python has the error."""
_LINES = 12


def line(text: str) -> str:
    """One line."""
    shown = plain(mask.text(text[: 4 * _LINE]))
    return shown if len(shown) <= _LINE else f"{shown[:_LINE]}..."


def lines(texts: Iterable[str]) -> tuple[str, ...]:
    """The first dozen."""
    return tuple(line(text) for _, text in zip(range(_LINES), texts, strict=False))


def trace(text: str) -> str:
    """A traceback, or stacks."""
    return plain_lines(mask.text(text[-_TRACE:])).strip("\n") if text else ""
