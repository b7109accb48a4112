"""The restart window, against a count by brute force."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otpsup.engine.cause import Attempt
from otpsup.engine.intensity import RestartWindow

quarters = st.integers(0, 80).map(lambda n: n / 4)
"""Times that binary fractions hold exactly, so that the edges of the window are met."""


def at(now: float) -> Attempt:
    return Attempt(now, "a", None)


@given(
    gaps=st.lists(quarters, max_size=40),
    intensity=st.integers(0, 5),
    period=st.sampled_from((0.25, 1.0, 5.0, 20.0)),
)
def test_window(gaps: list[float], intensity: int, period: float) -> None:
    """An attempt is allowed if and only if the closed window that it ends holds few enough."""
    window = RestartWindow(intensity, period)
    attempts: list[float] = []
    now = 0.0
    for gap in gaps:
        now += gap
        attempts.append(now)
        in_window = len([at for at in attempts if now - period <= at <= now])

        assert window.add(at(now)) == (in_window <= intensity)
        assert window.used(now) == in_window


def test_both_ends_count() -> None:
    """A restart exactly `period` seconds ago counts, one a moment before that does not."""
    inside, outside = RestartWindow(1, 5.0), RestartWindow(1, 5.0)
    inside.add(at(10.0))
    outside.add(at(10.0))

    assert not inside.add(at(15.0))
    assert outside.add(at(15.0 + 2**-40))


def test_intensity_zero() -> None:
    """Intensity 0 allows no restart at all (OTP.md 9.1)."""
    assert not RestartWindow(0, 5.0).add(at(0.0))


def test_intensity_n_allowed() -> None:
    """Intensity n allows n restarts at the same moment, and not n + 1."""
    window = RestartWindow(3, 5.0)

    assert [window.add(at(1.0)) for _ in range(4)] == [True, True, True, False]


def test_used_does_not_count() -> None:
    """Asking what the window holds counts for nothing, and sees what has grown old."""
    window = RestartWindow(2, 5.0)
    window.add(at(0.0))
    window.add(at(3.0))

    assert [window.used(at) for at in (3.0, 3.0, 5.0, 6.0, 8.0, 8.25)] == [2, 2, 2, 1, 1, 0]
    assert window.add(at(8.25))


def test_window_is_bounded() -> None:
    """A window of years of restarts holds only the last period's."""
    window = RestartWindow(1000, 1.0)
    for second in range(10_000):
        window.add(at(float(second)))

    assert len(window.attempts) <= 2
