"""Backoff: how long to wait before a restart attempt. The formula is in `engine.backoff`."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import field, frozen

from . import check


@frozen(kw_only=True)
class Backoff:
    """Waiting times between restart attempts of one child.

    The n-th attempt in a row waits `min(max, initial * factor**(n-1) + step * (n-1))` seconds,
    plus a random share of it between 0 and `jitter`. A child that stayed ready for `reset_after`
    seconds starts over at `initial`. Every attempt still counts against the supervisor's intensity.

    Args:
        initial: seconds before the first attempt.
        factor: what each further attempt multiplies the wait by; 1 keeps it constant.
        step: seconds that each further attempt adds to the wait.
        max: the longest wait, in seconds, before jitter.
        jitter: the largest random share added to a wait; 0.1 adds up to 10 %.
        reset_after: seconds of being ready after which the count starts over.
    """

    initial: float = field(default=1.0, validator=check.positive_seconds("initial=1"))
    factor: float = field(
        default=2.0,
        validator=check.rule(
            lambda v: check.is_seconds(v) and v >= 1,
            "1 or more",
            "factor=2",
            schema={"type": "number", "minimum": 1},
        ),
    )
    step: float = field(
        default=0.0,
        validator=check.rule(
            lambda v: check.is_seconds(v) and v >= 0,
            "seconds (0 or more)",
            "step=1",
            schema={"type": "number", "minimum": 0},
        ),
    )
    max: float = field(default=60.0, validator=check.positive_seconds("max=60"))
    jitter: float = field(
        default=0.1,
        validator=check.rule(
            lambda v: check.is_seconds(v) and 0 <= v <= 1,
            "a share from 0 to 1",
            "jitter=0.1",
            schema={"type": "number", "minimum": 0, "maximum": 1},
        ),
    )
    reset_after: float = field(default=60.0, validator=check.positive_seconds("reset_after=60"))

    @max.validator
    def _max_covers_initial(self, attribute: attrs.Attribute[float], value: Any) -> None:
        if value < self.initial:
            expected = f"at least initial ({self.initial})"
            raise check.fail(self, attribute.name, value, expected, f"max={self.initial}")
