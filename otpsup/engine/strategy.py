"""The questions a strategy answers: who is restarted with whom, and whether at all.

Pure functions over names; sources are supervisor.erl's `restart` and `do_restart`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from ..specs.children import Restart, Strategy
from .reasons import Reason

T = TypeVar("T")


class Order(Protocol[T]):
    """The order in which siblings start."""

    def all(self) -> Sequence[T]:
        """All of them, in start order."""

    def rest(self, failed: T) -> Sequence[T]:
        """`failed` and all that come after it, in start order."""


def affected(strategy: Strategy, order: Order[T], failed: T) -> Sequence[T]:
    """The children that are stopped and started when `failed` is restarted, in start order."""
    if strategy == "one_for_one":
        return (failed,)
    return order.all() if strategy == "one_for_all" else order.rest(failed)


def should_restart(restart: Restart, reason: Reason) -> bool:
    """Whether a child that ended by itself is started again (OTP: `do_restart`)."""
    return restart == "permanent" or (restart == "transient" and not reason.is_normal)


def is_worth_a_report(restart: Restart, reason: Reason) -> bool:
    """Whether the end of a child is reported: always for permanent ones, else if abnormal."""
    return restart == "permanent" or not reason.is_normal


def is_expected_stop(reason: Reason, *, brutal: bool) -> bool:
    """Whether a stopped child ended as one asks of it; otherwise that is reported.

    OTP: `killed` is right for brutal_kill, `shutdown` for the others. OTP also reports a permanent
    process that answers with `normal`; for a program, exit code 0 is the polite answer to SIGTERM.
    """
    return reason.is_normal or (brutal and reason.kind == "killed")
