"""How many children may be replaced without a question to the host first."""

from __future__ import annotations


class Limits:
    """For each group, a number that the host knows it by: how many times in all.

    The host counts up to the limit from all that it has heard of; so what is replaced while word
    from it is on its way is never forgotten.
    """

    def __init__(self) -> None:
        self._limits: dict[int, int] = {}
        self._taken: dict[int, int] = {}

    def set(self, group: int, limit: int) -> None:
        """So many of this group may be replaced, counted from the beginning."""
        self._limits[group] = limit

    def take(self, group: int) -> bool:
        """Whether one more may be; then it counts."""
        taken = self._taken.get(group, 0)
        is_allowed = taken < self._limits.get(group, 0)
        if is_allowed:
            self._taken[group] = taken + 1
        return is_allowed
