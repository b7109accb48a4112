"""Values as they lie on disk: JSON, with an end. Pure."""

from __future__ import annotations

import json
from typing import Any

LARGEST = 4 << 20
"""Bytes of a file that are read; nothing larger is written."""


def packed(value: Any) -> bytes:
    """As JSON in UTF-8. Half a surrogate, which UTF-8 has no bytes for, becomes its escape."""
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")
