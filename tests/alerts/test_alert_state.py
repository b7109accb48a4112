"""What is kept from one host to the next, whatever has become of it on disk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import asdict, evolve
from hypothesis import given
from hypothesis import strategies as st

from otpsup import Alerts, GaveUp, Mailbox, Restarts
from otpsup.alerts import kept
from otpsup.alerts.alert import Alert, Batch, Evidence, Notice
from otpsup.alerts.decisions import Decisions
from otpsup.alerts.message import Where, compose
from otpsup.alerts.packed import LARGEST, packed
from otpsup.specs.alerts import SEVERITIES
from tests.alerts import happening as h
from tests.alerts.happening import NOON

SETTINGS = Alerts(rules=[Restarts(1, 20), GaveUp()], group_wait=5, well_for=0)
WRONG = (KeyError, TypeError, ValueError, AttributeError)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def state() -> dict[str, Any]:
    """One with an alert, and with one that waits."""
    decisions = Decisions(SETTINGS)
    decisions.event(h.restart(NOON, "api"))
    decisions.advance(NOON + 10)
    decisions.event(h.crash(NOON + 11, "backend/worst"))
    decisions.event(h.gave_up(NOON + 11, "backend"))
    found: dict[str, Any] = json.loads(json.dumps(kept.state_of(decisions, "abc")))
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All that is in it, each by the way there."""
    items = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list) else ()
    )  # fmt: skip
    return [path, *(each for key, item in items for each in places(item, (*path, key)))]


PLACES = places(state())


@given(st.sampled_from(PLACES[1:]), values, st.booleans())
def test_a_state_with_something_else_in_it(
    place: tuple[Any, ...], value: Any, is_gone: bool
) -> None:
    """Is refused, or can be gone on from: nothing of it breaks anything later."""
    changed = state()
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    if is_gone:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    decisions = Decisions(SETTINGS)
    try:
        kept.restore(decisions, changed, NOON)
    except WRONG:
        return
    decisions.event(h.state(NOON + 20, "api", "running"))
    for second in range(20, 90, 10):
        for batch in decisions.advance(NOON + second):
            assert compose(batch, Where("shop", "db1", 7, "abc")).subject
    json.dumps(kept.state_of(decisions, "abc"))


@pytest.mark.parametrize("time", [1e300, -1, "1", None, []])
@pytest.mark.parametrize("field", ["at", "last_at", "told_at"])
def test_a_time_that_no_clock_shows(field: str, time: Any) -> None:
    """It would be told much later, when nobody can refuse it any more."""
    changed = state()
    changed["alerts"][0][field] = time
    with pytest.raises(WRONG):
        kept.restore(Decisions(SETTINGS), changed, NOON)


def test_it_is_what_it_was() -> None:
    """As it was kept."""
    decisions = Decisions(SETTINGS)
    kept.restore(decisions, state(), NOON)
    again = json.loads(json.dumps(kept.state_of(decisions, "abc")))
    assert again == state()


texts = st.text(max_size=300)
alerts = st.builds(
    Alert,
    rule=st.just("restarts"),
    path=st.integers(0, 99).map(lambda n: f"web-{n}"),
    severity=st.sampled_from(SEVERITIES),
    channels=st.just(()),
    what=texts,
    at=st.just(NOON),
    last_at=st.floats(NOON, NOON + 60),
    evidence=st.builds(Evidence, st.lists(texts, max_size=2), st.lists(texts, max_size=3), texts),
)


@given(st.lists(alerts, max_size=12), st.integers(0, 6000))
def test_a_state_has_an_end(made: list[Alert], most: int) -> None:
    """What was seen goes before alerts do, the least grave first; what waits is counted then."""
    decisions = Decisions(
        Alerts(rules=[Restarts(1, 20)], channels={"a": Mailbox(), "b": Mailbox()})
    )
    decisions.restore(made)
    for group in decisions.groups.values():
        for alert in made:
            group.add(Notice(alert), NOON)
    found = kept.state_of(decisions, "abc", most)
    assert sum(len(packed(each)) for each in found["alerts"]) <= most

    again = Decisions(decisions._settings)
    kept.restore(again, json.loads(packed(found)), NOON)
    assert {evolve(each, evidence=Evidence()) for each in again.active.values()} <= {
        evolve(each, evidence=Evidence()) for each in decisions.active.values()
    }
    for name, group in decisions.groups.items():
        other = again.groups[name]
        assert len(other.waiting) + other.more == len(group.waiting)
    lost = [each for key, each in decisions.active.items() if key not in again.active]
    if lost:
        assert not any(each.evidence != Evidence() for each in again.active.values())
        least = min(
            (SEVERITIES.index(each.severity) for each in again.active.values()), default=None
        )
        worst = max(SEVERITIES.index(each.severity) for each in lost)
        assert least is None or worst <= least


def test_a_storm_of_those_who_write_much_is_kept() -> None:
    """In a script of three bytes a letter: all of it fits into what is read again, and twenty
    channels do not make it twenty times as large."""
    line = "连接被拒绝请检查配置" * 40
    channels = {f"c{n}": Mailbox() for n in range(20)}
    decisions = Decisions(Alerts(rules=[Restarts(1, 600)], channels=channels, group_wait=60))
    for n in range(200):
        path = f"web-{n}"
        decisions.event(h.crash(NOON, path, "exit code 1"))
        decisions.event(h.said(NOON, path, *[line] * 12))
        decisions.event(h.restart(NOON, path))
    data = packed(kept.state_of(decisions, "abc"))
    assert len(data) < LARGEST
    again = Decisions(decisions._settings)
    kept.restore(again, json.loads(data), NOON)
    assert len(again.active) == len(again.groups["c19"].waiting) == 200
    assert any(alert.evidence.lines for alert in again.active.values())


def test_a_message_has_an_end() -> None:
    """A hundred who have much to say: it is smaller than what is read again, and names them all."""
    why, lines = ("连" * 500,) * 12, ("连" * 500,) * 12
    notices = tuple(
        Notice(
            Alert("restarts", f"web-{n}", "warning", (), "连" * 500, NOON, NOON,
                  evidence=Evidence(why, lines, "连" * 8000))
        )
        for n in range(100)
    )  # fmt: skip
    message = compose(Batch("m", 1, NOON, notices), Where("shop", "db1", 7, "abc"))
    assert len(packed(asdict(message))) < LARGEST
    told = message.payload["alerts"]
    assert len(told) == 100
    assert told[0]["traceback"]
    assert told[99]["lines"] == []
