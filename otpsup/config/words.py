"""What the fields of specs mean, in words: from the docstrings of their classes."""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

_SECTION = re.compile(r"^(?:Args|Attributes):\n((?:(?: .*)?\n?)*)", re.MULTILINE)
_FIELD = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*(?:\n {5,}.*)*)", re.MULTILINE)


@cache
def words_of(cls: Any, field: str) -> str:
    """What a field means; nothing if its class and those above it do not say."""
    for each in cls.__mro__:
        if field in (found := _words(each)):
            return found[field]
    return ""


@cache
def _words(cls: type) -> dict[str, str]:
    section = _SECTION.search(inspect.cleandoc(cls.__doc__ or ""))
    fields = _FIELD.findall(section[1]) if section else []
    return {name: " ".join(text.split()) for names, text in fields for name in names.split(", ")}
