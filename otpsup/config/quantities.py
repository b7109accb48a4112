"""Durations, sizes and masks as people write them. Texts in, numbers out; None where it is none."""

from __future__ import annotations

import re

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_PART = rf"{_NUMBER} *(?:ms|s|m|h|d|w)"
DURATION = rf"(?:{_NUMBER}|{_PART}(?: *{_PART}){{0,9}})"
"""`500ms`, `1m 30s`, `2h`; a number alone is seconds."""

_FACTORS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4} | {
    "ki": 1024, "mi": 1024**2, "gi": 1024**3, "ti": 1024**4,
}  # fmt: skip
SIZE = rf"{_NUMBER} *(?:[kKmMgGtT][iI]?)?[bB]?"
"""`10MB` is ten million bytes, `10MiB` is 10 * 1024 * 1024; `B` may be left out."""

MASK = r"(?:0o)?[0-7]{1,4}"
"""Octal, as umask(1) takes it."""

_DURATION, _SIZE, _MASK = (re.compile(each) for each in (DURATION, SIZE, MASK))
_DURATION_PART = re.compile(rf"({_NUMBER}) *([a-z]+)")
_SIZE_PARTS = re.compile(rf"({_NUMBER}) *([kmgt]?i?)b?")


def seconds(text: str) -> float | None:
    """A duration."""
    if not _DURATION.fullmatch(text):
        return None
    parts = _DURATION_PART.findall(text)
    if not parts:
        return _number(text)
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return round(total, 9)


def _number(text: str) -> float:
    return float(text) if "." in text else int(text)


def size(text: str) -> int | None:
    """Bytes."""
    match = _SIZE_PARTS.fullmatch(text.lower()) if _SIZE.fullmatch(text) else None
    return round(float(match[1]) * _FACTORS[match[2]]) if match else None


def file_mask(text: str) -> int | None:
    """A file mode mask."""
    return int(text.removeprefix("0o"), 8) if _MASK.fullmatch(text) else None
