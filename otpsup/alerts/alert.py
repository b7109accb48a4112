"""What the decisions are about: alerts, and what is told of them. Frozen values."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from ..specs.alerts import Severity

Status = Literal["firing", "resolved"]


@frozen
class Evidence:
    """What is known of why a child came to a bad end.

    Attributes:
        why: sentences, the latest first.
        lines: what it wrote last, without secrets.
        traceback: of its exception, or the stacks of one that hung.
    """

    why: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    lines: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    traceback: str = ""


@frozen
class Alert:
    """Something that is wrong, from when it is to when it has been well for a while.

    Attributes:
        rule: the name of the rule that says so.
        path: the child it is about; `""` is the tree.
        channels: of the rule; all if empty.
        what: in one line: `api gave up`.
        at: when that was, in seconds since the epoch.
        last_at: when it was so last.
        count: how often, since `at`.
        culprit: the path of the child whose end led to it.
        evidence: of that.
        told_at: when it was last put up for delivery.
        well_at: since when it is well, or None.
        well: how it became well, once it has been so for long enough.
    """

    rule: str
    path: str
    severity: Severity
    channels: tuple[str, ...] = field(converter=tuple[str, ...])
    what: str
    at: float
    last_at: float
    count: int = 1
    culprit: str = ""
    evidence: Evidence = field(factory=Evidence)
    told_at: float = 0.0
    well_at: float | None = None
    well: str = ""

    @property
    def key(self) -> str:
        """What tells alerts apart."""
        return f"{self.rule} {self.path}"


@frozen
class Notice:
    """An alert that is to be told, as it is or as it was.

    Attributes:
        was_told: of one that is resolved, that people have heard of it.
    """

    alert: Alert
    status: Status = "firing"
    was_told: bool = True

    @property
    def headline(self) -> str:
        """In one line."""
        alert = self.alert
        if self.status == "firing":
            return alert.what
        return alert.well if self.was_told else f"{alert.what}; {alert.well}"


@frozen
class Batch:
    """What goes in one message of one channel.

    Attributes:
        number: of the message, one after the other for each channel.
        keys: of all the alerts in it, also of those that are only counted.
        notices: the gravest first.
        more: how many there are beside those in `notices`.
        lost: messages for this channel that were dropped before.
    """

    channel: str
    number: int
    at: float
    notices: tuple[Notice, ...]
    more: int = 0
    lost: int = 0
    keys: tuple[str, ...] = ()
