from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET

import pytest

from benchmarks import charts, check, processes
from benchmarks.report import Figure, Report, Row, from_json, markdown, to_json
from benchmarks.rivals.loops import ASYNCIO, LIMIT
from benchmarks.rivals.ours import OTPSUP
from benchmarks.rows import bulk, restart

LIMIT_OF_2 = Figure("limit in C", "limit", [1.0, 2.0, 9.0])
OURS_OF_3 = Figure("otpsup", "otpsup", [3.0])
OTP_OF_4 = Figure("Erlang/OTP", "rival", [4.0, 4.0])
LOOP_OF_1 = Figure("asyncio + pidfd", "bare loop", [1.0])
FAILED = Figure("pm2", "rival", [], "failed: <it> did not come up")


def row(*figures: Figure, **more: object) -> Row:
    return Row("start", "start 9 & more", "s", figures, **more)  # type: ignore[arg-type]


WHOLE = row(LIMIT_OF_2, OURS_OF_3, OTP_OF_4, LOOP_OF_1, FAILED, target=1.6)


def quiet(text: str) -> None:
    """Nobody waits."""


def test_the_median_is_shown_and_the_quartiles_are_the_spread() -> None:
    """One odd repetition does not move what is shown."""
    assert LIMIT_OF_2.median == 2.0
    assert LIMIT_OF_2.spread == (1.5, 5.5)
    assert OURS_OF_3.spread is None
    assert FAILED.median is None


def test_a_ratio_is_to_the_median_of_the_base() -> None:
    """Without a base, or with one of zero, there is no ratio."""
    assert WHOLE.ratio("otpsup") == 1.5
    assert WHOLE.ratio("pm2") is None
    assert row(OURS_OF_3).ratio("otpsup") is None
    assert row(OURS_OF_3, Figure("limit in C", "limit", [0.0])).ratio("otpsup") is None


def test_only_rivals_can_be_ahead() -> None:
    """A bare loop does less, so it may be better; a rival that is as good is not ahead."""
    assert WHOLE.leads() is True
    better = Figure("s6", "rival", [2.9])
    assert row(OURS_OF_3, better).ahead() == ["s6"]
    assert row(OURS_OF_3, Figure("s6", "rival", [3.0])).leads() is True
    assert row(OURS_OF_3, better, better="higher").leads() is True
    assert row(better).leads() is None


def test_a_target_is_a_multiple_of_the_base_or_absolute() -> None:
    """And rivals may have to be left behind by a margin; who is not there asks nothing."""
    assert WHOLE.is_met() is True
    assert row(LIMIT_OF_2, OURS_OF_3, target=1.4).misses() == ["1.4 x limit in C"]
    assert row(OURS_OF_3, target=2.9, target_is_absolute=True).is_met() is False
    assert row(OURS_OF_3, OTP_OF_4, against={"Erlang/OTP": 0.7}).misses() == ["0.7 x Erlang/OTP"]
    assert row(OURS_OF_3, against={"Erlang/OTP": 0.7}).is_met() is None
    assert row(LIMIT_OF_2, OURS_OF_3, better="higher", target=1.4).is_met() is True


def test_a_report_comes_back_from_json() -> None:
    """Results can be drawn and compared later."""
    text = json.dumps(to_json(Report({"kernel": "6.1"}, [WHOLE], ["s6: there is none"])))
    assert json.loads(json.dumps(to_json(from_json(json.loads(text))))) == json.loads(text)


def test_the_table_names_everybody() -> None:
    """Who failed is named with the reason, and who was missing too."""
    text = markdown(Report({"kernel": "6.1"}, [WHOLE], ["s6: there is none"]))
    assert "| **otpsup** " in text
    assert "failed: <it> did not come up" in text
    assert "- s6: there is none" in text


def test_the_chart_is_well_formed_and_says_in_words_what_it_draws() -> None:
    """With one bar for each that was measured, and nothing drawn of a base of zero."""
    none = row(OURS_OF_3, Figure("limit in C", "limit", [0.0]))
    root = ET.fromstring(charts.chart([WHOLE, none], "a < b"))
    name = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{name}title") == "a < b"
    assert "otpsup 1.5 times limit in C" in (root.findtext(f"{name}desc") or "")
    assert len(root.findall(f"{name}rect")) == 4
    assert "start 9 & more" in [each.text for each in root.findall(f"{name}text")]


def test_the_check_measures_again_what_was_slow_once() -> None:
    """One spoilt run fails nothing; a row that stays slow does."""
    held = [check.Bound("start", "loop", 1.0, 2.0), check.Bound("stop", "loop", 1.0, 2.0)]
    runs = iter([{"start": 3.0, "stop": 1.0}, {"start": 2.5}, {"start": 1.9}])
    assert check.tried(held, lambda keys: next(runs)) == {"start": 1.9, "stop": 1.0}
    assert check.tried(held[:1], lambda keys: {"start": 2.1}) == {"start": 2.1}
    assert "SLOWER" in check.show(held[:1], {"start": 2.1})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_smallest_run_measures_everybody_and_leaves_nothing_running() -> None:
    """The limit, a hand-written loop and otpsup, for real."""
    taking, size = [LIMIT, ASYNCIO, OTPSUP], bulk.Size(6, 2, 0.1, 0.0, 1)
    before = set(processes.below(os.getpid()))
    rows = restart.rows(taking, 5, quiet, children=3) + bulk.rows(taking, size, quiet)
    assert set(processes.below(os.getpid())) <= before
    for each in rows:
        if each.figures:
            assert [(one.rival, one.note) for one in each.figures if not one.values] == []
    assert {"restart-command-p50", "start", "failure", "stop"} <= {
        each.key for each in rows if len(each.figures) == 3
    }
