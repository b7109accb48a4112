"""How long to wait before a restart attempt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.engine.backoff import delay
from otpsup.specs import Backoff

seconds = st.floats(0.001, 1000)


@pytest.mark.parametrize(
    ("attempt", "expected"), [(1, 2.0), (2, 6.0), (3, 18.0), (4, 50.0), (5, 50.0)]
)
def test_formula(attempt: int, expected: float) -> None:
    """The n-th attempt waits `initial * factor**(n-1)`, at most `max`."""
    backoff = Backoff(initial=2, factor=3, max=50, jitter=0)

    assert expected == delay(backoff, attempt, lambda: 1.0)


def test_none() -> None:
    """Without a backoff there is no wait, and no random number is drawn."""
    assert delay(None, 7, lambda: pytest.fail("a random number for nothing")) == 0.0


@pytest.mark.parametrize("attempt", [1_000, 100_000, 10**9])
def test_overflow(attempt: int) -> None:
    """However many attempts there were, the wait is `max`."""
    assert delay(Backoff(factor=10.0, max=60, jitter=0), attempt, lambda: 0.0) == 60


def test_constant() -> None:
    """Factor 1 keeps the wait as it is for ever."""
    assert delay(Backoff(initial=3, factor=1, jitter=0), 10**9, lambda: 0.0) == 3


@given(
    initial=seconds,
    more=seconds,
    factor=st.floats(1, 100),
    jitter=st.floats(0, 1),
    attempt=st.integers(1, 10_000),
    chance=st.floats(0, 1),
)
def test_bounds(
    initial: float, more: float, factor: float, jitter: float, attempt: int, chance: float
) -> None:
    """Jitter only adds, and at most its share; the wait never shrinks from attempt to attempt."""
    backoff = Backoff(initial=initial, factor=factor, max=initial + more, jitter=jitter)
    plain = Backoff(initial=initial, factor=factor, max=initial + more, jitter=0)
    wait, base = delay(backoff, attempt, lambda: chance), delay(plain, attempt, lambda: chance)

    assert base <= wait <= base * (1 + jitter)
    assert initial <= base <= initial + more
    assert base <= delay(plain, attempt + 1, lambda: chance)


def test_jitter_is_a_share_of_the_wait() -> None:
    """Half the random range adds half of `jitter`."""
    backoff = Backoff(initial=10, max=10, jitter=0.2)

    assert delay(backoff, 1, lambda: 0.5) == pytest.approx(11.0)
