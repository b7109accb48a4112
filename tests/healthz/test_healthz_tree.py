"""What every tree says of itself: it is up, its children run and are ready, its disks have room."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import otpsup
from otpsup import (
    Backoff,
    Check,
    ChildStatus,
    Command,
    Healthz,
    InvalidSpec,
    NotFound,
    Page,
    Supervisor,
    Tree,
    TreeClient,
    Worker,
)
from otpsup.control import address
from otpsup.healthz import Metric, children, disk, query
from otpsup.healthz.service import Service
from otpsup.views import State
from tests.support import targets
from tests.support.trees import node, pid, watching
from tests.support.waiting import LONG, until

SLEEP = ["sleep", "1000"]


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A folder in which no other tree is."""
    monkeypatch.setenv(address.DIRECTORY, str(tmp_path_factory.mktemp("o")))


def report(tree: Any, include: str = "") -> dict[str, Any]:
    """What a tree answers."""
    value: dict[str, Any] = tree.ask_plugin("healthz", "report", {"include": include})
    return value


def metrics(tree: Any, include: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Those of one namespace, by name and path."""
    (space,) = report(tree, include)["data"]
    return {(each["metric_name"], (each["dimensions"] or {}).get("path", "")): each
            for each in space["data"]}  # fmt: skip


# Children.

STATES = st.sampled_from(get_args(State))
NAMES = st.sampled_from(["a", "b", "c"])


@st.composite
def nodes(draw: st.DrawFn, above: str = "", depth: int = 2) -> ChildStatus:
    name = draw(NAMES)
    path = f"{above}/{name}" if above else name
    kinds = ["worker", "command"] + ["supervisor"] * (depth > 0)
    type = draw(st.sampled_from(kinds))
    below = draw(st.lists(nodes(path, depth - 1), max_size=3)) if type == "supervisor" else []
    return ChildStatus(
        name, path, type, draw(STATES), draw(st.booleans()), None, 0.0, 0, None,
        children=tuple(below), why=draw(st.lists(st.text(max_size=5), max_size=2)),
        wanted=draw(st.booleans()),
    )  # fmt: skip


def should_be_up(root: ChildStatus, wanted: bool = True) -> Iterator[tuple[ChildStatus, bool]]:
    """Each process, and whether all from the root down to it are to run."""
    wanted = wanted and root.wanted
    if root.type != "supervisor":
        yield root, wanted
    for child in root.children:
        yield from should_be_up(child, wanted)


@given(nodes())
def test_children_are_well_if_what_is_to_run_serves(root: ChildStatus) -> None:
    """Every process is there, and failing exactly if it is to run and does not, or cannot serve."""
    found = [each for each in children.found(root) if each.name != "count"]
    for child, _ in should_be_up(root):
        states = [m for m in found if m.dimensions == {"path": child.path} and m.name == "state"]
        assert child.state in [metric.value for metric in states]
    serving = [c.state == "running" and c.ready for c, wanted in should_be_up(root) if wanted]
    assert all(metric.status for metric in found) == all(serving)
    for metric in found:
        assert metric.status or (metric.message and metric.suggestion)
        assert not metric.status or not metric.suggestion


def test_children_of_a_tree() -> None:
    """One of each kind: what runs, what is to be down, what waits, what cannot serve."""
    tree = Tree(
        Supervisor(
            "shop",
            intensity=10,
            children=[
                Command("web", SLEEP),
                Command("sick", SLEEP, readiness=[Check(["false"], interval=0.05, failures=1)]),
                Command("later", SLEEP, autostart=False),
                Command("stopped", SLEEP),
                Command("waits", SLEEP, backoff=Backoff(initial=1000, max=1000)),
                Command("once", ["true"], restart="transient"),
                Command("broken", ["false"], ready=otpsup.stays_up(9), start_retries=0),
                Supervisor("off", autostart=False, children=[Command("inner", SLEEP)]),
            ],
        )
    )
    with tree, watching(tree):
        tree.terminate_child("stopped")
        os.kill(pid(tree, "waits"), signal.SIGKILL)
        until(lambda: node(tree, "waits").state == "restarting")
        until(lambda: not node(tree, "sick").ready)
        until(lambda: node(tree, "once").state == "down")
        until(lambda: node(tree, "broken").state == "down" and node(tree, "broken").last_exit)
        found = metrics(tree, "children")
        namespace = report(tree, "children")
    assert {key: (each["metric_value"], each["status"]) for key, each in found.items()} == {
        ("state", "web"): ("running", True),
        ("ready", "web"): ("yes", True),
        ("state", "sick"): ("running", True),
        ("ready", "sick"): ("no", False),
        ("state", "later"): ("down", True),
        ("state", "stopped"): ("down", True),
        ("state", "waits"): ("restarting", False),
        ("state", "once"): ("down", True),
        ("state", "broken"): ("down", False),
        ("state", "off/inner"): ("down", True),
    }
    assert found["ready", "sick"]["message"].startswith("sick is not ready: ")
    assert found["state", "waits"]["message"].startswith("waits is restarting because it ended ")
    assert "otpsup why waits" in found["state", "waits"]["suggestion"]
    assert namespace["data"][0]["message"].startswith("sick is not ready: ")
    assert namespace["data"][0]["message"].endswith(" (and 2 more)")
    assert namespace["message"] == "health check failed, please check these namespace: children"


def test_what_an_update_could_not_start_is_missing() -> None:
    """It is down, nobody tries it again before the next update, and that is not well."""
    good, bad = Command("web", SLEEP), Command("new", ["false"], ready=otpsup.stays_up(9))
    with Tree(Supervisor("shop", children=[good])) as tree:
        changes = tree.reload(Supervisor("shop", children=[good, bad]))
        assert [each.path for each in changes if each.error] == ["new"]
        found = metrics(tree, "children")["state", "new"]
    assert (found["metric_value"], found["status"]) == ("down", False)


def test_one_that_declined_to_run_is_well() -> None:
    """`ignore()`: it is down because there is nothing for it to do."""
    with Tree(Supervisor("shop", children=[Worker("w", targets.decline, ready="notify")])) as tree:
        assert metrics(tree, "children")["state", "w"]["status"]


def test_a_tree_without_children_is_well() -> None:
    with Tree(Supervisor("empty", children=[])) as tree:
        assert report(tree, "children")["status"]


# The tree, over every handle; nothing was configured.


def test_every_tree_answers() -> None:
    """Without any settings, from within and over the control socket; more than once at a time."""
    with Tree(Supervisor("shop", children=[Command("web", SLEEP)])) as tree:
        with TreeClient.connect("shop") as client:
            there = report(client)
        here = report(tree)
    assert here["status"]
    assert here["message"] == "health check success"
    assert [space["namespace"] for space in here["data"]] == ["tree", "children", "disk"]
    told = {m["metric_name"]: m["metric_value"] for m in here["data"][0]["data"]}
    assert told["state"] == "running"
    assert told["version"] == otpsup.__version__
    assert [space["status"] for space in there["data"]] == [True, True, True]


def test_restarts_used() -> None:
    """How near the tree is to giving up."""
    with Tree(Supervisor("shop", intensity=3, period=60, children=[Command("web", SLEEP)])) as tree:
        assert metrics(tree, "tree")["restarts", ""]["metric_value"] == "none lately"
        for used in (1, 2):
            os.kill(pid(tree, "web"), signal.SIGKILL)
            until(lambda used=used: node(tree, "web").restarts == used)  # type: ignore[misc]
            until(lambda: node(tree, "web").state == "running")
        found = metrics(tree, "tree")["restarts", ""]
    assert (found["metric_value"], found["status"]) == ("2 of 3 in 60 s", True)


def test_what_is_asked_for_wrongly() -> None:
    """An unknown collector, an unknown question, another type: words, and the tree goes on."""
    with Tree(Supervisor("shop", children=[])) as tree:
        with pytest.raises(query.BadQuery, match="there is no such collector; did you mean 'disk'"):
            report(tree, "dsik")
        with pytest.raises(NotFound, match="answers no 'reports'"):
            tree.ask_plugin("healthz", "reports")
        with pytest.raises(query.BadQuery, match="must be names"):
            tree.ask_plugin("healthz", "report", {"include": 3})
        with TreeClient.connect("shop") as client, pytest.raises(query.BadQuery, match="dsik"):
            report(client, "dsik")


GATE = threading.Event()


def hanging() -> list[Metric]:
    """A collector that hangs."""
    GATE.wait(LONG)
    return [Metric("gate", "open")]


def test_collectors_of_ones_own() -> None:
    """One that raises and one that hangs are shown failing; what is excluded is not asked."""
    settings = Healthz(
        collectors={
            "hangs": otpsup.HealthzCollector(hanging, timeout=0.05),
            "raises": "nowhere:nobody",
            "good": lambda: [Metric("answer", 42)],
        },
        exclude=["disk"],
    )
    GATE.clear()
    try:
        with Tree(Supervisor("shop", children=[]), plugins=[settings]) as tree:
            found = report(tree)
            only = report(tree, "good,disk")
    finally:
        GATE.set()
    assert {each["namespace"]: each["status"] for each in found["data"]} == {
        "tree": True, "children": True, "hangs": False, "raises": False, "good": True,
    }  # fmt: skip
    assert found["message"] == "health check failed, please check these namespace: hangs,raises"
    assert [each["namespace"] for each in only["data"]] == ["disk", "good"]


def test_readiness_does_not_wait_for_a_collector() -> None:
    """Who asks one thing holds up nobody who asks another."""
    GATE.clear()
    settings = Healthz(collectors={"hangs": hanging})
    asked: list[Any] = []
    with Tree(Supervisor("shop", children=[]), plugins=[settings]) as tree:
        slow = threading.Thread(target=lambda: asked.append(report(tree, "hangs")))
        slow.start()
        try:
            until(lambda: any(t.name == "otpsup-healthz-hangs" for t in threading.enumerate()))
            assert report(tree, "tree")["status"]
            assert not asked
        finally:
            GATE.set()
        slow.join(LONG)
    assert asked[0]["status"]


# Pages.


@pytest.fixture(scope="module")
def pages() -> Iterator[Any]:
    """The pages of a service in a tree, by path and query."""
    settings = Healthz(collectors={"redis": lambda: [Metric("ping", None, False, None, "gone")]})
    service = Service(settings)
    with Tree(Supervisor("pages", children=[]), plugins=[service]):
        yield service.page


@pytest.mark.parametrize(
    ("fields", "status", "type", "begin"),
    [
        ({}, 503, "text/plain; charset=UTF-8", "health check failed, please check these "),
        ({"exclude": "redis"}, 200, "text/plain; charset=UTF-8", "health check success\n\n[+]tree"),
        ({"format_type": "json", "include": "disk"}, 200, "application/json", '{"status": true, '),
        ({"format_type": "console", "include": "redis"}, 503, "text/plain; charset=UTF-8",
         "health check failed, please check these namespace: redis\n\n\x1b[31m[-]redis failed, "),
        ({"format_type": "xml", "include": "tree", "accept": "text/html"}, 200,
         "text/plain; charset=UTF-8", "health check success\n\n[+]tree ok\n[+]tree/state running"),
        ({"format": "json", "include": "disk"}, 200, "application/json", '{"status": true, '),
        ({"format": "json", "format_type": "k8s", "include": "disk"}, 200, "application/json",
         '{"status": true, '),
        ({"format": "k8s", "include": "tree"}, 200, "text/plain; charset=UTF-8",
         "health check success\n\n[+]tree ok\n[+]tree/state running"),
        ({"format": "jsn", "include": "tree"}, 400, "text/plain; charset=UTF-8",
         "format is 'jsn', and there is no such form; did you mean 'json'? there are "),
        ({"format": "xyz", "include": "tree"}, 400, "text/plain; charset=UTF-8",
         "format is 'xyz', and there is no such form; there are console, json, k8s\n"),
        ({"include": "nope"}, 400, "text/plain; charset=UTF-8", "include names 'nope', and there "),
        ({"exclude": "tree,children,disk,redis"}, 400, "text/plain; charset=UTF-8",
         "exclude leaves no collector"),
    ],
)  # fmt: skip
def test_healthz(pages: Any, fields: dict[str, str], status: int, type: str, begin: str) -> None:
    """The status is that of the report, or 400; the form is what is asked for, or k8s."""
    page: Page = pages("/healthz", fields)
    assert (page.status, page.type) == (status, type)
    assert page.body.decode().startswith(begin)


def test_readiness(pages: Any) -> None:
    page: Page = pages("/readiness", {})
    assert (page.status, page.type, json.loads(page.body)) == (
        200, "application/json", {"server_up": 1},
    )  # fmt: skip


def test_readiness_of_a_tree_that_is_not_up() -> None:
    """Before it is up, and after it has ended, it is 503 and 0."""
    service = Service(Healthz())
    assert service.page("/readiness", {}).status == 503
    starting = Command("slow", SLEEP, ready="notify", start_timeout=LONG)
    tree = Tree(Supervisor("slow", children=[starting]), plugins=[service])

    def start() -> None:
        with pytest.raises(otpsup.OtpsupError):
            tree.start()

    starter = threading.Thread(target=start)
    starter.start()
    until(lambda: service._tree)
    page = service.page("/readiness", {})
    assert (page.status, json.loads(page.body)) == (503, {"server_up": 0})
    tree.stop(hurry=True)
    starter.join(LONG)
    assert service.page("/readiness", {}).status == 503


# Disk.


def test_disk(tmp_path: Path) -> None:
    """Fails below either limit, and says what is free, what should be, and where."""
    (good, *_) = disk.collect(Healthz(folders=[tmp_path], disk_free=0.0, disk_bytes=1))
    (by_part, *_) = disk.collect(Healthz(folders=[tmp_path], disk_free=0.999999))
    (by_bytes, *_) = disk.collect(Healthz(folders=[tmp_path], disk_free=0, disk_bytes=10**15 - 1))
    assert good.status
    assert good.dimensions == {"path": str(tmp_path)}
    assert not by_part.status
    assert by_part.message == f"free is {by_part.value}, less than 100%"
    assert by_bytes.message == f"free is {by_bytes.value}, less than 1e+03TB"


def test_a_full_file_system(tmp_path: Path) -> None:
    """A real one, as full as a file system can be."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)], capture_output=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("this user cannot mount anything")
    try:
        with (tmp_path / "log").open("wb", buffering=0) as file:
            until(lambda: not _written(file))
        found = {str(m.dimensions): m for m in disk.collect(Healthz(folders=[tmp_path]))}
        full = found[str({"path": str(tmp_path)})]
        assert (full.status, full.value) == (False, "0B (0%)")
        with (tmp_path / "log").open("ab"):  # what is written to is looked at without being named
            assert str(tmp_path) in str([m.dimensions for m in disk.collect(Healthz())])
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def _written(file: FileIO) -> bool:
    try:
        return bool(file.write(bytes(4096)))
    except OSError:
        return False


def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    """Then it is the one above it that has to have room."""
    (found, *_) = disk.collect(Healthz(folders=[tmp_path / "a" / "b"]))
    assert found.dimensions == {"path": str(tmp_path)}


# Settings.


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"include": ["redsi"]}, "names 'redsi', and there is no such collector; did you mean"),
        ({"exclude": "tree,nope"}, "no such collector; there are tree, children, disk, redis"),
        ({"include": 3}, "include must be names of collectors, not 3"),
        ({"disk_free": 5}, "disk_free must be a part, from 0 to below 1, not 5"),
        ({"disk_bytes": -1}, "disk_bytes must be bytes"),
        ({"collectors": {"disk": hanging}}, "collectors must be collectors by name"),
        ({"collectors": {"a b": hanging}}, "collectors must be collectors by name"),
        ({"collectors": {"a": 3}}, "collectors must be collectors by name"),
        ({"collectors": [3]}, "collectors must be collectors by name"),
        ({"folders": 3}, "folders must be paths"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_right(fields: dict[str, Any], said: str) -> None:
    """Told when they are made, with what would be right."""
    with pytest.raises(InvalidSpec) as caught:
        Healthz(**{"collectors": {"redis": hanging}, **fields})
    assert said in str(caught.value)


class Named:
    """A collector that says its namespace itself."""

    namespace = "shop"

    def collect(self) -> list[Metric]:
        return [Metric("a", 1)]


def test_a_list_of_objects() -> None:
    """They are called what they call themselves; settings can be compared."""
    one = Named()
    assert list(Healthz(collectors=[one]).collectors) == ["shop"]
    assert Healthz(collectors={"shop": one}) == Healthz(collectors=[one])
    assert Healthz(exclude="disk, tree").exclude == ("disk", "tree")


def test_a_worker_that_is_wanted() -> None:
    """`wanted` in a status: what an operator stops is not, until he starts it again."""
    with Tree(Supervisor("shop", children=[Command("web", SLEEP)])) as tree:
        assert node(tree, "web").wanted
        tree.terminate_child("web")
        assert not node(tree, "web").wanted
        with TreeClient.connect("shop") as client:
            found = client.status().find("web")
        assert found is not None
        assert not found.wanted
        tree.start_child("web")
        assert node(tree, "web").wanted


def test_a_supervisor_that_gave_up_is_not_well() -> None:
    """Whether its own supervisor would start it again or not: nobody asked for that."""
    db = Command("db", ["sh", "-c", "exit 0"])
    pay = Supervisor("pay", restart="transient", intensity=0, children=[db])
    with Tree(Supervisor("shop", children=[pay])) as tree:
        until(lambda: tree.status().children[0].gave_up)
        found = metrics(tree, "children")["state", "pay"]
        assert not found["status"]
        assert "pay gave up: pay/db ended normally" in found["message"]
