"""How long to wait before a restart attempt. Pure; the random number comes from the caller."""

from __future__ import annotations

from collections.abc import Callable

from ..specs import Backoff


def delay(backoff: Backoff | None, attempt: int, random: Callable[[], float]) -> float:
    """Seconds to wait before the `attempt`-th restart in a row (1 is the first).

    `min(max, initial * factor**(n) + step * n) * (1 + jitter * random())`, with n attempts before
    it; 0 without a backoff.
    """
    if backoff is None:
        return 0.0
    return _base(backoff, attempt) * (1 + backoff.jitter * random())


def _base(backoff: Backoff, attempt: int) -> float:
    before = attempt - 1
    try:
        wait = backoff.initial * backoff.factor**before + backoff.step * before
        return min(backoff.max, wait)
    except OverflowError:
        return backoff.max
