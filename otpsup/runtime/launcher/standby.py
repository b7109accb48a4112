"""Processes of this one that wait for an order. A command cannot be begun before it is known, so a
launcher has none; see `standby` of the runtime for the zygote's."""

from __future__ import annotations

from collections.abc import Container


class Standby:
    """Nobody.

    Attributes:
        pids: who waits, and who has waited and is not reaped yet.
        is_wanted: whether `make` is to be called when there is time.
    """

    pids: Container[int] = ()
    is_wanted = False

    def make(self) -> None:
        """Let somebody wait."""

    def bury(self, pid: int) -> bool:
        """Whether this one, who has ended and been reaped, was one of them."""
        return False

    def close(self) -> None:
        """Nobody is needed any more: they end by themselves."""
