"""What is kept from one host to the next, whatever has become of it on disk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import Alerts, GaveUp, Restarts
from otpsup.alerts import kept
from otpsup.alerts.decisions import Decisions
from otpsup.alerts.message import Where, compose
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
    found: dict[str, Any] = json.loads(json.dumps(kept.state_of(decisions, "abc", is_running=True)))
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
    json.dumps(kept.state_of(decisions, "abc", is_running=False))


@pytest.mark.parametrize("time", [1e300, -1, "1", None, []])
@pytest.mark.parametrize("field", ["at", "last_at", "told_at"])
def test_a_time_that_no_clock_shows(field: str, time: Any) -> None:
    """It would be told much later, when nobody can refuse it any more."""
    changed = state()
    changed["firing"][0][field] = time
    with pytest.raises(WRONG):
        kept.restore(Decisions(SETTINGS), changed, NOON)


def test_it_is_what_it_was() -> None:
    """As it was kept."""
    decisions = Decisions(SETTINGS)
    kept.restore(decisions, state(), NOON)
    again = json.loads(json.dumps(kept.state_of(decisions, "abc", is_running=True)))
    assert again == state()
