"""What healthz says, in its three forms: byte for byte as BK-LOG writes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup.errors import ProtocolError
from otpsup.healthz import Metric, Namespace, Report, model, query
from otpsup.healthz.query import BadQuery
from otpsup.healthz.writers import Form, written

SAMPLES = Path(__file__).parents[1] / "examples" / "bklog_healthz"
"""What BK-LOG's own code made of these metrics."""

SAMPLE = Report(
    False,
    (
        Namespace("mysql", True, (Metric("ping", "3ms"), Metric("max_connections", "1000")), "ok"),
        Namespace(
            "redis",
            False,
            (
                Metric("ping", "1ms"),
                Metric("queue_len", 0, True, {"queue_name": "celery"}),
                Metric(
                    "queue_len",
                    12345,
                    False,
                    {"queue_name": "async_export"},
                    "queue_len is larger than 10000",
                    "确认Redis是否可用",
                ),
            ),
            "queue_len is out of limit",
        ),
    ),
    "health check failed, please check these namespace: redis",
)


@pytest.mark.parametrize(
    ("form", "file"),
    [("json", "healthz.json"), ("k8s", "healthz.k8s.txt"), ("console", "healthz.console.txt")],
)
def test_the_samples(form: Form, file: str) -> None:
    """One report is written as BK-LOG writes it, to the byte."""
    assert written(SAMPLE, form).encode() == (SAMPLES / file).read_bytes()


def test_the_report_of_a_sample_is_read_as_it_was_written() -> None:
    """The JSON form is the whole report: `otpsup healthz` makes the others of it."""
    assert model.from_json(json.loads((SAMPLES / "healthz.json").read_text())) == SAMPLE


# Whatever collectors say.

NASTY = st.sampled_from(["\n", "\r\n", "\x1b[2J", "\x00", "\u2028", "\x85", "[+]", "\ud800", "ok"])
TEXTS = st.lists(NASTY | st.text(max_size=6), max_size=4).map("".join)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.just(10**400)
    | st.just([1])
)
METRICS = st.builds(
    Metric,
    TEXTS,
    VALUES,
    st.booleans(),
    st.none() | st.dictionaries(TEXTS, TEXTS, max_size=2),
    TEXTS,
    TEXTS,
)
NAMESPACES = st.builds(model.namespace_of, TEXTS, st.lists(METRICS, max_size=4)) | st.builds(
    model.failed, TEXTS, TEXTS
)
REPORTS = st.lists(NAMESPACES, max_size=3).map(model.report_of)

_COLOUR = re.compile(r"\x1b\[3[123]m(.*)\x1b\[0m")


def shape(report: Report) -> list[str]:
    """How the lines of the `k8s` form begin, written out from the report's own values."""
    lines = []
    for space in report.data:
        lines.append("[+]" if space.status else "[-]")
        lines += ["[+]" if metric.status else "[-]" for metric in space.data]
        lines.append("")
    return lines


@given(REPORTS)
def test_no_message_forges_a_line(report: Report) -> None:
    """A line for each namespace and metric, whatever is in a text; nothing steers a terminal."""
    first, blank, *lines, end = written(report, "k8s").split("\n")
    assert (first, blank, end) == (report.message, "", "")
    assert [line[:3] for line in lines] == shape(report)
    assert all(line.isprintable() for line in (first, *lines))


@given(REPORTS)
def test_console_is_k8s_in_colours(report: Report) -> None:
    """The same lines, and what to do under those that are not well; no other escape sequences."""
    lines = written(report, "console").split("\n")
    bare = []
    for line in lines:
        found = _COLOUR.fullmatch(line)
        text = found[1] if found else line
        assert text.isprintable()
        if not line.startswith("\x1b[33m"):
            assert not found or line.startswith("\x1b[32m") == text.startswith("[+]")
            bare.append(text)
    assert "\n".join(bare) == written(report, "k8s")


@given(REPORTS)
def test_json_is_all_of_it(report: Report) -> None:
    """Strict JSON, from which the same report is read, and so the other forms."""
    value = json.loads(written(report, "json"), parse_constant=pytest.fail)
    assert model.from_json(value) == report
    assert value["status"] == all(space["status"] for space in value["data"])
    assert list(value) == ["status", "data", "message"]


@given(REPORTS)
def test_status_and_message_agree(report: Report) -> None:
    """It is well exactly if every namespace is, a namespace exactly if it has metrics that are."""
    bad = [space.namespace for space in report.data if not space.status]
    assert report.status == (not bad)
    assert report.message == (
        f"health check failed, please check these namespace: {','.join(bad)}"
        if bad
        else "health check success"
    )
    for space in report.data:
        assert space.status == (bool(space.data) and all(each.status for each in space.data))
        assert (space.message == "ok") or not space.status or not space.data


def test_secrets_in_messages_are_hidden() -> None:
    """What a client library says of its address does not bring the password along."""
    metric = Metric("ping", None, False, message="cannot connect to redis://me:s3cret@db:6379/0")
    assert metric.message == "cannot connect to redis://***@db:6379/0"


def test_an_endless_message_has_an_end() -> None:
    assert len(Metric("a", 1, False, message="x" * 10**6).message) < 2000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "data", "message", "namespace", "metric_name"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_what_is_no_report_is_refused(value: Any) -> None:
    """A client believes no tree: what it answers is a report, or a ProtocolError."""
    try:
        found = model.from_json(value)
    except ProtocolError as error:
        assert "no health report" in str(error)
    else:
        assert isinstance(found, Report)


# What is asked.

NAMES = ("tree", "children", "disk", "redis")


@given(st.lists(st.sampled_from(NAMES), max_size=5), st.lists(st.sampled_from(NAMES), max_size=5))
def test_include_wins(include: list[str], exclude: list[str]) -> None:
    """Those that are included, or all but those that are excluded; each once, in their order."""
    meant = set(include) or set(NAMES) - set(exclude)
    if meant:
        assert query.chosen(NAMES, include, exclude) == [n for n in NAMES if n in meant]
    else:
        with pytest.raises(BadQuery, match="leaves no collector"):
            query.chosen(NAMES, include, exclude)


@pytest.mark.parametrize("what", ["include", "exclude"])
def test_an_unknown_name_is_told(what: str) -> None:
    """BK-LOG answers with a TypeError; here it is said what there is, and what was meant."""
    with pytest.raises(BadQuery) as caught:
        query.chosen(NAMES, **{what: ["redsi"]})
    assert str(caught.value) == (
        f"{what} names 'redsi', and there is no such collector; did you mean 'redis'? there are "
        "tree, children, disk, redis"
    )


@pytest.mark.parametrize(
    ("value", "names"),
    [(None, ()), ("", ()), (" a, ,b,", ("a", "b")), (["a", "b,"], ("a", "b,")), ([], ())],
)
def test_names_in_a_query(value: Any, names: tuple[str, ...]) -> None:
    assert query.names_in(value, "include") == names


@pytest.mark.parametrize("value", [3, {"a": 1}, [3], ["a", None]])
def test_what_is_no_list_of_names(value: Any) -> None:
    with pytest.raises(BadQuery, match="include must be names with commas"):
        query.names_in(value, "include")


@pytest.mark.parametrize(
    ("text", "form"),
    [("json", "json"), ("console", "console"), ("k8s", "k8s"), (None, "k8s"), ("xml", "k8s")],
)
def test_every_other_form_is_k8s(text: str | None, form: str) -> None:
    assert query.form_of(text) == form
