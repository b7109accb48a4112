"""When people are left alone: hours of the day, and how many messages in how long."""

from __future__ import annotations

import re
import time
from typing import Any

import attrs
from attrs import field, frozen

from . import check

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As `time.struct_time.tm_wday` counts them."""
_HOURS = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)"


def _days(value: Any) -> Any:
    return check.converted(tuple, [value] if isinstance(value, str) else value)


@frozen
class QuietHours:
    """A time of the day, in the local time of the host.

    Args:
        hours: `22:00-07:00`; the end is not in it. One that ends before it begins goes on until the
            next day; `00:00-24:00` is a whole day.
        days: on which it begins, `mon` to `sun`; every day if not given.
    """

    hours: str = field(
        validator=check.rule(
            lambda v: bool(re.fullmatch(_HOURS, v)) and v[:5] != v[6:],
            "hours such as '22:00-07:00'",
            "QuietHours('22:00-07:00')",
            schema={"type": "string", "pattern": f"^{_HOURS}(?![\\s\\S])"},
        )
    )
    days: tuple[str, ...] = field(
        default=DAYS,
        converter=_days,
        validator=check.rule(
            lambda v: isinstance(v, tuple) and v != () and all(day in DAYS for day in v),
            f"days, of {', '.join(DAYS)}",
            "days=['sat', 'sun']",
            schema={"type": "array", "minItems": 1, "items": {"enum": list(DAYS)}},
        ),
    )

    def has(self, at: float) -> bool:
        """Whether it is quiet then.

        Args:
            at: seconds since the epoch.
        """
        local = time.localtime(at)
        minute = local.tm_hour * 60 + local.tm_min
        today, yesterday = DAYS[local.tm_wday], DAYS[local.tm_wday - 1]
        begin, end = (_minute(text) for text in self.hours.split("-"))
        if begin < end:
            return begin <= minute < end and today in self.days
        is_evening = minute >= begin and today in self.days
        return is_evening or (minute < end and yesterday in self.days)


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _hours(value: Any) -> Any:
    return check.converted(QuietHours, value) if isinstance(value, str) else value


def from_hours(value: Any) -> Any:
    """A tuple of `QuietHours`, of one or of several, each of which may be its hours alone."""
    if isinstance(value, str | QuietHours):
        value = [value]
    return check.converted(lambda v: tuple(map(_hours, v)), () if value is None else value)


def are_hours(value: Any) -> bool:
    """Whether that is what came out."""
    return isinstance(value, tuple) and all(isinstance(each, QuietHours) for each in value)


@frozen
class Rate:
    """How many messages a channel gets at most; what comes beyond that goes into the next one. What
    is critical does not wait for it.

    Args:
        count: no more than so many
        within: in so many seconds.
    """

    count: int = field(
        default=10,
        validator=check.rule(check.Whole(1, 1_000_000), "a count (1 or more)", "Rate(10, 600)"),
    )
    within: float = field(default=600.0, validator=check.positive_seconds("Rate(10, 600)"))


RATE = Rate()


def is_rate(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """A validator for a `Rate`."""
    rule = check.rule(lambda v: isinstance(v, Rate), "a Rate", "rate=Rate(10, 600)")
    rule(_, attribute, value)
