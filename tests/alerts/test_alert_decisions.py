"""Who is told what, and when: nothing is lost, nothing told twice, nobody woken for little."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from otpsup import (
    Alerts,
    GaveUp,
    Mailbox,
    MemoryOver,
    QuietHours,
    Rate,
    Restarts,
    TreeStopped,
    Unhealthy,
)
from otpsup.alerts import kept
from otpsup.alerts.alert import Batch
from otpsup.alerts.children import Look
from otpsup.alerts.decisions import Decisions
from otpsup.alerts.grouping import MOST
from tests.alerts import happening as h
from tests.alerts.happening import NOON

LATER = NOON + 10 * 86_400
"""When all is over, whatever waits for what."""


class Told:
    """The decisions, and a record of what they told."""

    def __init__(self, settings: Alerts) -> None:
        self.decisions = Decisions(settings)
        self.batches: list[Batch] = []

    def advance(self, now: float, **more: Any) -> list[Batch]:
        found = self.decisions.advance(now, **more)
        self.batches += found
        return found

    def run(self, since: float, until: float, step: float = 1.0) -> None:
        """As a host does, every so often."""
        while since <= until:
            self.advance(since)
            since += step

    @property
    def lines(self) -> list[str]:
        """All that was told, in order."""
        return [n.headline for batch in self.batches for n in batch.notices]


def told(*events: Any, seconds: float = 600, **settings: Any) -> list[str]:
    """What is told of these events, looked at every second."""
    found = Told(Alerts(**{"group_wait": 2, "well_for": 30, **settings}))
    for event in events:
        found.decisions.event(event)
        found.advance(event.at)
    found.run(events[-1].at, events[-1].at + seconds)
    return found.lines


# By example.


def test_well_for_a_moment_is_no_news() -> None:
    """It fires again before its recovery was told: people know already that it is wrong."""
    found = Told(Alerts(rules=[Restarts(1, 20)], well_for=27, group_wait=5))
    found.decisions.event(h.state(NOON, "api", "running"))
    found.decisions.event(h.restart(NOON + 1, "api"))
    found.run(NOON + 1, NOON + 50)  # well since 21, for 27 s: its recovery waits for others
    assert [each.status for each in found.decisions.groups["mailbox"].waiting.values()] == [
        "resolved"
    ]
    found.decisions.event(h.restart(NOON + 50, "api"))
    found.run(NOON + 50, NOON + 200)
    assert found.lines == ["api was restarted once within 20 s", "api is well again"]


def test_whoever_is_stopped_is_not_well_but_stopped() -> None:
    """By somebody who knows of it, then."""
    found = Told(Alerts(rules=[Unhealthy(10)], group_wait=0, well_for=5))
    found.decisions.event(h.readiness(NOON, "api", "http answers 500"))
    found.run(NOON, NOON + 20)
    found.decisions.event(h.state(NOON + 21, "api", "down", "stopped by SIGTERM"))
    found.run(NOON + 21, NOON + 40)
    assert found.lines == ["api is not well: http answers 500", "api was stopped"]


def test_a_supervisor_that_gives_up_is_told_once_and_its_recovery_once() -> None:
    """However often it gives up meanwhile, people hear of it once, and once that it is well."""
    events = [
        event
        for n in range(20)
        for event in (h.gave_up(NOON + n, "backend"), h.state(NOON + n + 0.5, "backend", "running"))
    ]
    assert told(*events) == ["backend gave up", "backend is well again"]


def test_a_storm_is_one_message_that_counts_it() -> None:
    """1,000 children crash within a second: one message for each channel, none of them lost."""
    channels = {"one": Mailbox(), "two": Mailbox()}
    found = Told(Alerts(rules=[Restarts(1, 60)], group_wait=2, channels=channels))
    for n in range(1000):
        found.decisions.event(h.restart(NOON + n / 1000, f"web-{n}"))
    found.run(NOON, NOON + 30)

    assert Counter(batch.channel for batch in found.batches) == {"one": 1, "two": 1}
    for batch in found.batches:
        assert len(batch.notices) == MOST
        assert batch.more == 1000 - MOST


def test_a_storm_of_one_child_is_one_alert_that_counts_it() -> None:
    """The number of restarts is in it."""
    found = Told(Alerts(rules=[Restarts(3, 60)], group_wait=2))
    for n in range(1000):
        found.decisions.event(h.restart(NOON + n / 1000, "api"))
    (batch,) = found.advance(NOON + 5)

    assert [notice.alert.count for notice in batch.notices] == [1000]


def test_what_follows_the_crash_is_in_the_message() -> None:
    """The last lines and the stack come after the alert has fired; it waits for them."""
    found = Told(Alerts(rules=[GaveUp()], group_wait=2))
    found.decisions.event(h.crash(NOON, "backend/worst", traceback="File 'x', line 3"))
    found.decisions.event(h.gave_up(NOON, "backend"))
    found.decisions.event(h.said(NOON + 1, "backend/worst", "boom"))
    found.decisions.event(h.crash(NOON + 1, "backend/worst"))  # and has not yet told more
    (batch,) = found.advance(NOON + 3)

    evidence = batch.notices[0].alert.evidence
    assert evidence.lines == ("boom",)
    assert evidence.traceback == "File 'x', line 3"
    assert evidence.why == ("backend gave up: backend/worst ended with exit code 3",)


def test_of_a_tree_that_gave_up_is_told_at_once() -> None:
    """Nobody is there to wait for others; and the root is not told twice."""
    found = Told(Alerts(group_wait=60))
    found.decisions.event(h.gave_up(NOON, ""))
    found.decisions.event(h.halt(NOON + 1))
    (batch,) = found.advance(NOON + 1, at_once=True)

    assert [notice.headline for notice in batch.notices] == ["shop gave up"]
    assert batch.notices[0].alert.culprit == "worst"


def test_a_tree_that_was_asked_to_stop_is_no_alert() -> None:
    """Unless the rule says so."""
    end = h.halt(NOON, "shop stopped: the tree was asked to stop.", "stopped")

    assert told(end) == []
    assert told(end, rules=[TreeStopped(asked=True)]) == ["shop stopped"]


def test_a_child_that_is_given_up() -> None:
    """One with `start_retries`, of which there is no report of a supervisor."""
    why = "api was given up, after it had failed to start 3 times: exit code 4"
    given_up = evolve(h.state(NOON, "api", "down", "exit code 4"), cause=why, chain=[why])

    back = h.state(NOON + 60, "api", "running")
    assert told(given_up, back) == ["api was given up", "api is well again"]


def test_not_ready_for_long() -> None:
    """A moment is not told, a minute is; and then that it is ready again."""
    up = h.state(NOON, "api", "running")
    shortly = h.readiness(NOON + 1, "api", "http answers 500"), h.readiness(NOON + 30, "api")
    long = h.readiness(NOON + 40, "api", "http answers 500"), h.readiness(NOON + 140, "api")

    rules = [Unhealthy(60)]
    assert told(up, *shortly, rules=rules) == []
    assert told(up, *long, rules=rules) == []  # nobody looked in between
    found = Told(Alerts(rules=rules, group_wait=2, well_for=30))
    for event in (up, *shortly, long[0]):
        found.decisions.event(event)
    found.run(NOON + 40, NOON + 140)
    found.decisions.event(long[1])
    found.run(NOON + 141, NOON + 300)
    assert found.lines == ["api is not well: http answers 500", "api is well again"]


def test_a_worker_that_hung_is_told_although_it_runs_again() -> None:
    """With no patience; and with its stack."""
    why = "unhealthy: heartbeat failed: no heartbeat for 0.5 s"
    events = (
        h.state(NOON, "api", "running"),
        h.readiness(NOON + 1, "api", why),
        h.crash(NOON + 1, "api", why, "Current thread: hang()"),
        h.state(NOON + 1, "api", "restarting", why),
        h.restart(NOON + 1, "api"),
        h.state(NOON + 1.1, "api", "starting"),
        h.state(NOON + 1.2, "api", "running"),
    )
    found = Told(Alerts(rules=[Unhealthy(0)], group_wait=2, well_for=30))
    for event in events:
        found.decisions.event(event)
    found.run(NOON + 1.2, NOON + 100)

    bad = "api is not well: heartbeat failed: no heartbeat for 0.5 s"
    assert found.lines == [bad, "api is well again"]
    evidence = found.batches[0].notices[0].alert.evidence
    assert evidence.traceback == "Current thread: hang()"


def test_memory() -> None:
    """More than the limit for long is told, and less again."""
    found = Told(Alerts(rules=[MemoryOver(100, seconds=30)], group_wait=0, well_for=10))
    for second, used in (
        (0, 99),
        (10, 101),
        (20, 99),
        (30, 2_500_000),
        (61, 120),
        (70, 5),
        (90, 5),
    ):
        look = Look(NOON + second, h.status(("api", "running", True)), {"api": used})
        found.decisions.look(look)
        found.advance(NOON + second)

    assert found.lines == ["api has 120 B in memory, more than 100 B", "api is well again"]


def test_whoever_is_gone_is_not_waited_for() -> None:
    """A child that is taken out of the tree does not fire for ever."""
    found = Told(Alerts(rules=[Restarts(1, 60)], group_wait=0, well_for=10))
    found.decisions.event(h.restart(NOON, "api"))
    found.advance(NOON)
    found.decisions.look(Look(NOON + 1, h.status(("db", "running", True)), {}))
    found.run(NOON + 1, NOON + 30)

    assert found.lines[-1] == "api is gone: the tree has it no more"


def test_paths_of_a_rule() -> None:
    """Part by part, as on the command line."""
    rules = [Restarts(1, 60, paths=["backend/*"])]
    assert told(h.restart(NOON, "api"), rules=rules) == []
    assert told(h.restart(NOON, "backend/x/y"), rules=rules) == []
    assert len(told(h.restart(NOON, "backend/api"), rules=rules, seconds=20)) == 1


def test_channels_of_a_rule() -> None:
    """Only those it names hear of it."""
    channels = {"one": Mailbox(), "two": Mailbox()}
    rules = [Restarts(1, 60, channels=["two"])]
    found = Told(Alerts(rules=rules, channels=channels, group_wait=0))
    found.decisions.event(h.restart(NOON, "api"))
    found.advance(NOON + 1)

    assert [batch.channel for batch in found.batches] == ["two"]


def test_a_clock_that_is_set_back_holds_up_nothing() -> None:
    """What waits is told as soon as if it had not been."""
    found = Told(Alerts(rules=[Restarts(1, 60)], group_wait=5, well_for=10))
    found.decisions.event(h.restart(NOON, "api"))
    found.advance(NOON)
    found.run(NOON - 86_400, NOON - 86_400 + 8)

    assert found.lines == ["api was restarted once within 60 s"]


# By property.

PATHS = ("api", "db", "web/a", "web/b")
GRAVE = "db"
"""Whose alerts are critical."""


@frozen
class Step:
    """Some time passes, and then something happens to one child."""

    wait: float
    path: str
    is_up: bool


steps = st.lists(
    st.builds(Step, st.floats(0.1, 150.0), st.sampled_from(PATHS), st.booleans()),
    min_size=1,
    max_size=25,
)
quiets = st.sampled_from([(), (QuietHours("22:00-07:00"),), (QuietHours("00:00-12:30"),)])
rates = st.builds(Rate, st.integers(1, 4), st.floats(10.0, 2000.0))


def play(played: list[Step], found: Told, every: float = 5.0) -> float:
    """Do it all; returns the time at its end."""
    now = NOON
    for step in played:
        found.run(now, now + step.wait, every)
        now += step.wait
        made = h.state(now, step.path, "running") if step.is_up else h.restart(now, step.path)
        found.decisions.event(made)
    return now


def settings_of(quiet: tuple[QuietHours, ...], rate: Rate, wait: float) -> Alerts:
    rules = [
        Restarts(1, 20, paths=[GRAVE], severity="critical"),
        Restarts(1, 20, paths=[path for path in PATHS if path != GRAVE]),
    ]
    return Alerts(
        rules=rules, channels={"mail": Mailbox(rate=rate)}, quiet_hours=quiet, group_wait=wait,
        well_for=30, repeat_within=1000,
    )  # fmt: skip


@given(steps, quiets, rates, st.floats(0.0, 60.0))
def test_promises(
    played: list[Step], quiet: tuple[QuietHours, ...], rate: Rate, wait: float
) -> None:
    """Whatever happens: the rate is kept but for what is critical, quiet hours are, all that fired
    is told, and everything that recovers is told to be well; nothing is told twice."""
    found = Told(settings_of(quiet, rate, wait))
    now = play(played, found)
    for path in PATHS:
        found.decisions.event(h.state(now, path, "running"))
    found.run(now, now + 3 * 86_400, 300.0)

    # The rate.
    for first, last in zip(found.batches, found.batches[rate.count :], strict=False):
        assert is_urgent(last) or last.at - first.at >= rate.within
    # Quiet hours.
    for batch in found.batches:
        if any(hours.has(batch.at) for hours in quiet):
            assert {notice.alert.severity for notice in batch.notices} == {"critical"}
    # Nothing is lost, and the last word on each is that it is well.
    fell = {step.path for step in played if not step.is_up}
    said = [(n.alert.path, n.status, n.was_told) for b in found.batches for n in b.notices]
    assert {path for path, _, _ in said} == fell
    assert not found.decisions.active
    for path in fell:
        mine = [(status, was) for each, status, was in said if each == path]
        assert mine[-1][0] == "resolved"
        assert_alternating(mine)


def is_urgent(batch: Batch) -> bool:
    """Something critical is wrong, and waits for no rate."""
    return any(n.alert.severity == "critical" and n.status == "firing" for n in batch.notices)


@given(steps, st.floats(0.0, 60.0))
def test_what_is_critical_is_told_soon(played: list[Step], wait: float) -> None:
    """However many messages others have used up: within six times `group_wait`, and a look."""
    found = Told(settings_of((), Rate(1, 86_400), wait))
    now = play(played, found)
    found.run(now, now + 6 * wait + 10, 5.0)
    for notice in found.decisions.groups["mail"].waiting.values():
        assert notice.alert.severity != "critical" or notice.status == "resolved"
    for batch in found.batches:
        for notice in batch.notices:
            if notice.alert.severity == "critical" and notice.status == "firing":
                assert batch.at - notice.alert.told_at <= 6 * wait + 10


def test_a_rate_that_others_have_used_up_holds_up_nothing_critical() -> None:
    """It goes at once, with what waits; its recovery waits for the rate."""
    found = Told(Alerts(rules=[Restarts(1, 60), GaveUp()], group_wait=0, well_for=5,
                        channels={"mail": Mailbox(rate=Rate(2, 600))}))  # fmt: skip
    for n in range(4):
        found.decisions.event(h.restart(NOON + n, f"web-{n}"))
        found.advance(NOON + n)
    assert len(found.batches) == 2
    found.decisions.event(h.gave_up(NOON + 10, "pay"))
    found.advance(NOON + 10)
    assert [n.headline for n in found.batches[2].notices] == [
        "pay gave up",
        "web-2 was restarted once within 60 s",
        "web-3 was restarted once within 60 s",
    ]
    found.decisions.event(h.state(NOON + 11, "pay", "running"))
    found.run(NOON + 11, NOON + 500, 5.0)
    assert len(found.batches) == 3
    found.run(NOON + 501, NOON + 620, 5.0)
    assert [n.headline for n in found.batches[3].notices] == ["pay is well again"]


def assert_alternating(told: Sequence[tuple[str, bool]]) -> None:
    """Well is told once for each time something fired, and what fired not twice in 1,000 s, which
    these histories rarely last for."""
    for (before, _), (after, was_told) in itertools.pairwise(told):
        if after == "resolved" and was_told:
            assert before == "firing"
        assert not (before == after == "resolved" and was_told)


@given(steps, st.floats(0.0, 60.0))
def test_no_repeats_within_the_window(played: list[Step], wait: float) -> None:
    """Between two messages that say the same is wrong, it was well, or the window has passed."""
    found = Told(settings_of((), Rate(1000, 1), wait))
    now = play(played, found, 3.0)
    found.run(now, now + 100, 3.0)

    last: dict[str, tuple[str, float]] = {}
    for batch in found.batches:
        for notice in batch.notices:
            path, at = notice.alert.path, notice.alert.told_at
            if notice.status == "firing" and path in last and last[path][0] == "firing":
                assert at - last[path][1] >= 1000
            last[path] = notice.status, at


@given(steps, st.integers(0, 24), quiets, rates)
def test_a_host_that_begins_again_says_nothing_twice(
    played: list[Step], cut: int, quiet: tuple[QuietHours, ...], rate: Rate
) -> None:
    """What was kept as JSON is what it was, wherever the host is killed."""
    settings = settings_of(quiet, rate, 7.0)
    found = Told(settings)
    now = play(played[:cut], found)
    state = json.loads(json.dumps(kept.state_of(found.decisions, "a")))
    again = Decisions(settings)
    kept.restore(again, state, now)

    assert again.active == found.decisions.active
    for name, group in found.decisions.groups.items():
        other = again.groups[name]
        assert (other.waiting, other.number, other.sent) == (
            group.waiting, group.number, group.sent,
        )  # fmt: skip
