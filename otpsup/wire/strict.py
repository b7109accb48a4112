"""JSON, strictly: what everybody can read again. Python's own reader takes more."""

from __future__ import annotations

import json
import math
from typing import Any


def loads(data: bytes | str) -> Any:
    """The value in these bytes.

    Raises:
        ValueError: it is no JSON; it has a number that no float can hold, or NaN, which are not
            JSON's but Python's; or it is nested too deep.
    """
    try:
        return json.loads(data, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value
