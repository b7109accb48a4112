"""Quiet hours: local time, over midnight, on some days."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import InvalidSpec, QuietHours
from otpsup.specs.quiet import DAYS

times = st.floats(1_700_000_000, 1_900_000_000)
clock = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.integers(0, 59))


def local(at: float) -> tuple[str, str]:
    """The day, and the time as a text that sorts."""
    found = time.localtime(at)
    return DAYS[found.tm_wday], time.strftime("%H:%M", found)


@given(clock, clock, st.sets(st.sampled_from(DAYS), min_size=1), times)
def test_a_range_is_what_a_clock_on_the_wall_shows(
    begin: str, end: str, days: set[str], at: float
) -> None:
    """From the minute in which it begins to the one before its end; on the day of its begin."""
    if begin == end:
        return
    is_quiet = QuietHours(f"{begin}-{end}", sorted(days)).has(at)
    day, now = local(at)
    yesterday = DAYS[DAYS.index(day) - 1]
    if begin < end:
        assert is_quiet == (day in days and begin <= now < end)
    else:
        assert is_quiet == ((day in days and now >= begin) or (yesterday in days and now < end))


@given(times)
def test_a_whole_day(at: float) -> None:
    """Has all of its minutes, and no other's."""
    day, _ = local(at)
    assert QuietHours("00:00-24:00", [day]).has(at)
    assert not QuietHours("00:00-24:00", [each for each in DAYS if each != day]).has(at)


@pytest.mark.parametrize("hours", ["", "22-7", "24:00-07:00", "22:00-22:00", "7:00-8:00", 5, None])
def test_hours_that_are_none(hours: str) -> None:
    """Are refused."""
    with pytest.raises(InvalidSpec, match="must be hours such as '22:00-07:00'"):
        QuietHours(hours)
