"""Messages in words and as JSON: for people who were just woken, and for machines."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import Alerts, GaveUp, Restarts
from otpsup.alerts.alert import Alert, Batch, Notice
from otpsup.alerts.decisions import Decisions
from otpsup.alerts.message import Message, Where, compose
from otpsup.alerts.text import stamp
from tests.alerts import happening as h
from tests.alerts.happening import NOON

WHERE = Where("shop", "db1", 7, "abc")


def batch(*events: Any, **settings: Any) -> Batch:
    """What these events make of one message, ten seconds later."""
    given = {"rules": [Restarts(1, 600), GaveUp()], "group_wait": 0, **settings}
    decisions = Decisions(Alerts(**given))
    for event in events:
        decisions.event(event)
    (found,) = decisions.advance(NOON + 10)
    return found


def test_a_message() -> None:
    """What, when, where, why, what it said, where it was, what to do next."""
    events = (
        h.crash(NOON, "backend/worst", traceback="Traceback:\n  File 'x', line 3\nBoom: no"),
        h.gave_up(NOON, "backend"),
        h.said(NOON, "backend/worst", "boom", "\x1b[31mbang"),
    )
    made = compose(batch(*events), WHERE)

    assert made.subject == "[otpsup] shop: backend gave up"
    when = made.text.splitlines()[2]
    assert re.fullmatch(r"When      2027-01-1\d \d\d:\d\d:\d\d [+-]\d{4} \(.*\)", when)
    assert (
        re.sub(r"When .*", "When      T", made.text)
        == """\
backend gave up

When      T
Where     tree shop on db1 (pid 7), child backend
Severity  critical (gave_up)
Why       backend gave up: backend/worst ended with exit code 3

backend/worst wrote last:
  | boom
  | \\x1b[31mbang

Where it was:
  | Traceback:
  |   File 'x', line 3
  | Boom: no

Next      otpsup why backend/worst --tree shop
          otpsup logs backend/worst --tree shop
"""
    )


@pytest.mark.parametrize(("seconds", "said"), [(0.021, ""), (0.9, ""), (1.0, ", for 1 s")])
def test_how_long_it_was(seconds: float, said: str) -> None:
    """Less than a second is no time that people want to know."""
    alert = Alert("unhealthy", "api", "warning", (), "x", NOON, NOON, well_at=NOON + seconds)
    made = compose(Batch("ops", 1, NOON, (Notice(alert, "resolved"),)), WHERE)
    assert made.text.splitlines()[2].endswith(f"){said}")
    assert (" to " in made.text.splitlines()[2]) == bool(said)


def test_many_in_one_message() -> None:
    """Ten in full, a line for each of the others, and a number for what there is no room for."""
    made = compose(batch(*(h.restart(NOON, f"web-{n}") for n in range(150))), WHERE)

    assert made.subject == "[otpsup] shop: web-0 was restarted once within 10 min, and 149 more"
    assert made.text.startswith("100 alerts, 50 others in this message.\n")
    assert made.text.count("Where     tree shop") == 10
    assert made.text.count("\n- web-") == 90
    assert "... and 50 more; `otpsup alerts --tree shop` lists them." in made.text
    assert (len(made.payload["alerts"]), made.payload["more"]) == (100, 50)


def test_commands_can_be_pasted() -> None:
    """Whatever a child and its tree are called."""
    where = Where("my shop", "db1", 7, "abc")
    made = compose(batch(h.restart(NOON, "web server; rm -rf x")), where)
    assert "otpsup why 'web server; rm -rf x' --tree 'my shop'" in made.text


def test_a_time_has_its_zone() -> None:
    """As RFC 3339 has it."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", stamp(NOON))


texts = st.text(max_size=80)
children = st.tuples(texts, texts, texts, st.lists(texts, max_size=20))


@given(st.lists(children, min_size=1, max_size=5))
def test_whatever_children_say(said: list[tuple[str, str, str, list[str]]]) -> None:
    """A subject is one line, nothing steers a terminal, and JSON has all of it."""
    events = []
    for name, reason, trace, lines in said:
        events += [
            h.crash(NOON, name, reason, trace),
            h.restart(NOON, name),
            h.said(NOON, name, *lines),
        ]
    made: Message = compose(batch(*events), WHERE)

    assert made.subject.isprintable()
    assert all(line.isprintable() for line in made.text.split("\n"))
    assert json.loads(json.dumps(made.payload)) == made.payload
