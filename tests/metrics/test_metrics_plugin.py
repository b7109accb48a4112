"""`Metrics` and `OpenTelemetry` on real trees with real children."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import _logs, metrics
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from otpsup import (
    Check,
    Command,
    InvalidFile,
    InvalidSpec,
    Metrics,
    NotFound,
    OpenTelemetry,
    OtpsupError,
    Supervisor,
    Tree,
    TreeClient,
    config,
)
from otpsup.metrics import otel, otlp, service
from otpsup.metrics.rows import PARTS
from tests.support.trees import pid
from tests.support.waiting import until

SLEEP = ["sleep", "1000"]
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
DASHBOARD = Path(__file__).parents[2] / "docs" / "how-to" / "metrics" / "grafana.json"


@contextmanager
def tree_with(*plugins: Any, name: str = "metered") -> Iterator[Tree]:
    """A tree of one child, with a check, and of one under a supervisor."""
    check = Check(["false"], interval=0.05, failures=1)
    root = Supervisor(
        name,
        children=[
            Command("web", SLEEP, readiness=[check]),
            Supervisor("back", children=[Command("db", SLEEP)], intensity=5),
        ],
    )
    with Tree(root, plugins=plugins) as tree:
        yield tree


def read(tree: Any) -> dict[str, dict[tuple[str, ...], float]]:
    """The samples by name, and by the values of their labels in the order of their names."""
    text = tree.ask_plugin("metrics", "text", {"accept": OPENMETRICS})
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def seen(tree: Any, look: Callable[[dict[str, dict[tuple[str, ...], float]]], object]) -> Any:
    """The samples, once they are so."""

    def there() -> Any:
        told = read(tree)
        return told if look(told) else None

    return until(there)


def test_a_scrape_of_a_real_tree() -> None:
    """What happens to real children is in it, and goes on over their restarts."""
    with tree_with(Metrics()) as tree:
        before = seen(
            tree,
            lambda told: (
                "otpsup_check_up" in told and told["otpsup_child_memory_bytes"]["back/db",] > 0
            ),
        )
        assert before["otpsup_info"] == {
            (sys.version.split()[0], "metered", tree.about()["version"]): 1
        }
        assert before["otpsup_child_ready"] == {("web",): 0, ("back/db",): 1}
        assert before["otpsup_child_state"]["running", "web"] == 1
        assert before["otpsup_check_up"] == {("command false", "web", "readiness"): 0}
        os.kill(pid(tree, "back/db"), signal.SIGKILL)
        after = seen(tree, lambda told: told["otpsup_child_restarts_total"]["back/db",] == 1)
        assert after["otpsup_child_exits_total"] == {("back/db", "signaled"): 1}
        assert after["otpsup_child_starts_total"]["back/db",] == 2
        assert after["otpsup_supervisor_intensity_used"]["back",] == 1
        assert after["otpsup_supervisor_intensity_limit"]["back",] == 5
        for name in (name for name in before if name.endswith("_total")):
            assert all(after[name][key] >= value for key, value in before[name].items())


def test_the_page_is_in_the_format_that_is_asked_for() -> None:
    """OpenMetrics to who names it, else Prometheus' own; nonsense is no reason to fail."""
    with tree_with() as tree:
        page = service.Service(Metrics({"env": "test"}))
        page.start(tree)  # type: ignore[arg-type]
        types = {
            accept: page.page("/metrics", {"accept": accept}).type
            for accept in (OPENMETRICS, "", "text/html", "application/openmetrics-text;version=x")
        }
        assert types[OPENMETRICS].startswith("application/openmetrics-text")
        assert all(types[each].startswith("text/plain") for each in types if each != OPENMETRICS)
        assert 'env="test"' in page.page("/metrics", {}).body.decode()
        with pytest.raises(NotFound, match="answers 'text'"):
            page.ask("weather", {})


def cli(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "otpsup", *argv], capture_output=True, text=True, timeout=60
    )


def test_the_command() -> None:
    """It prints what the plug-in answers; without one it says how to get one, and --json works."""
    with tree_with(Metrics(), name="seen"), TreeClient.connect("seen") as client:
        assert "otpsup_child_ready" in read(client)
        told = cli("metrics", "--tree", "seen")
        assert 'otpsup_child_ready{path="back/db"} 1.0' in told.stdout.splitlines(), told.stderr
    with tree_with(name="unseen"):
        refused = cli("metrics", "--tree", "unseen")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "no plug-in 'metrics'" in refused.stderr
        assert "plugins: {metrics: }" in refused.stderr
        told = cli("metrics", "--json", "--tree", "unseen")
        assert set(json.loads(told.stdout)["children"]) == {"web", "back/db"}


def test_tree_files(tmp_path: Path) -> None:
    """Both are named there, with settings or without; what is wrong is told with its place."""
    file = tmp_path / "tree.yaml"
    file.write_text(
        "name: t\nplugins:\n  metrics: {labels: {env: prod}}\n"
        "  opentelemetry: {endpoint: 'http://[::1]:4318', interval: 1m}\nchildren: []\n"
    )
    tree = Tree.from_file(file)
    assert tree.plugins == {
        "metrics": Metrics({"env": "prod"}),
        "opentelemetry": OpenTelemetry("http://[::1]:4318", interval=60),
    }
    file.write_text("name: t\nplugins:\n  metrics:\n  opentelemetry:\nchildren: []\n")
    assert Tree.from_file(file).plugins == {"metrics": Metrics(), "opentelemetry": OpenTelemetry()}
    file.write_text("name: t\nplugins:\n  metrics: {labels: {path: x}}\nchildren: []\n")
    with pytest.raises(InvalidFile, match=r"tree.yaml:3:28: .*labels.path: must be"):
        config.load(file)


@pytest.mark.parametrize(
    "endpoint", ["", "collector:4318", "ftp://x", "http://", "http://a:b@c", 3]
)
def test_endpoints_that_are_none(endpoint: Any) -> None:
    """Whatever is no address, or holds a password."""
    with pytest.raises(InvalidSpec, match="endpoint"):
        OpenTelemetry(endpoint)


def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said which, and how to get it; the tree does not begin without what it was given."""
    missing = ImportError("no", name="prometheus_client")
    monkeypatch.setattr(service, "_missing", missing)
    with pytest.raises(OtpsupError, match=r"prometheus_client.*pip install 'otpsup\[metrics\]'"):
        service.Service(Metrics())
    monkeypatch.setattr(otel, "_missing", missing)
    with pytest.raises(OtpsupError, match=r"pip install 'otpsup\[otel\]'"):
        otel.Teller(OpenTelemetry())
    monkeypatch.setattr(otlp, "_missing", missing)
    with pytest.raises(OtpsupError, match="otlp-proto-http"):
        otlp.providers("http://127.0.0.1:1", 1.0)


# OpenTelemetry.


@pytest.fixture
def collected(
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[InMemoryMetricReader, InMemoryLogRecordExporter]:
    """The SDK's own reader and exporter, behind the providers of this program."""
    reader = InMemoryMetricReader()
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    meters, logs = MeterProvider([reader]), LoggerProvider()
    logs.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    monkeypatch.setattr(_logs, "get_logger_provider", lambda: logs)
    return reader, exporter


def observed(reader: InMemoryMetricReader) -> dict[str, dict[tuple[str, ...], float]]:
    """The metrics by name, and by the values of their attributes."""
    data: Any = reader.get_metrics_data()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    values = tuple(value for _, value in sorted(point.attributes.items()))
                    found.setdefault(metric.name, {})[values] = point.value
    return found


def test_opentelemetry_is_told(
    collected: tuple[InMemoryMetricReader, InMemoryLogRecordExporter],
) -> None:
    """Ends and restarts as log records, with where and why; all metrics as instruments; a tree that
    has ended is told of no more, and keeps nobody from exporting."""
    reader, exporter = collected
    with tree_with(OpenTelemetry(), name="told") as tree:
        os.kill(pid(tree, "back/db"), signal.SIGKILL)
        until(lambda: observed(reader).get("otpsup.child_restarts", {}).get(("back/db", "told")))
        until(
            lambda: observed(reader)["otpsup.child_exits"] == {("back/db", "signaled", "told"): 1}
        )
        wanted = {f"otpsup.{row.name}" for rows, _ in PARTS for row in rows}
        until(lambda: set(observed(reader)) == wanted)
    records = [each.log_record for each in exporter.get_finished_logs()]
    ends = [each for each in records if each.event_name == "otpsup.child_terminated"]
    assert [each.attributes and each.attributes["otpsup.path"] for each in ends] == ["back/db"]
    (end,) = ends
    assert end.attributes
    assert end.attributes["otpsup.reason"] == "SIGKILL"
    assert end.severity_text == "ERROR"
    assert isinstance(end.body, str)
    assert "SIGKILL" in end.body
    told = {each.event_name for each in records}
    assert {"otpsup.restart", "otpsup.halt", "otpsup.readiness"} <= told
    assert not observed(reader)


# Grafana.


def queried(panels: list[dict[str, Any]]) -> set[str]:
    """The names of metrics in the queries of a dashboard."""
    text = json.dumps([panel.get("targets", []) for panel in panels])
    return set(re.findall(r"\botpsup_[a-z_]+", text))


def test_the_dashboard_asks_for_what_there_is() -> None:
    """Every metric, and every label, that it asks for is one that a tree has."""
    board = json.loads(DASHBOARD.read_text())
    wanted = queried(board["panels"])
    assert len(wanted) > 10
    with tree_with(Metrics()) as tree:
        os.kill(pid(tree, "back/db"), signal.SIGKILL)
        told = seen(
            tree, lambda told: "otpsup_child_exits_total" in told and "otpsup_check_up" in told
        )
    assert wanted <= set(told) | {"otpsup_child_state"}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
