"""A child that runs and cannot serve is seen, and it is said why."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from otpsup import Check, Tree
from otpsup.control import address
from tests.cli.test_cli import done, refused, sleeper
from tests.support.trees import node, running
from tests.support.waiting import until


@pytest.fixture
def tree(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tree]:
    """One that is well, and one whose readiness fails."""
    monkeypatch.setenv(address.DIRECTORY, str(tmp_path_factory.mktemp("o")))
    no = ["sh", "-c", "echo the queue is full; exit 1"]
    web = sleeper("web", readiness=Check(no, interval=9, timeout=9, failures=1))
    with running(web, sleeper("db"), name="shop") as tree:
        until(lambda: not node(tree, "web").ready)
        yield tree


def test_it_is_seen(tree: Tree) -> None:
    """By `status` and by `top`; as JSON it has both facts."""
    _, web, db = done("status").splitlines()
    assert "◒ not ready  pid " in web
    assert "● running    pid " in db
    top = {line.split()[0]: line for line in done("top", "--once").splitlines()}
    assert "  not ready  " in top["web"]
    assert "  running    " in top["db"]
    rows = json.loads(done("top", "--once", "--json"))
    assert [(row["state"], row["ready"]) for row in rows] == [("running", False), ("running", True)]


def test_who_waits_is_told_why(tree: Tree) -> None:
    """What its check said, and not when it was started."""
    text = refused(1, "wait", "web", "--ready", "--timeout", "0.01")
    assert "waited for 0.01 s: web is not ready: command" in text
    assert text.rstrip().endswith("the queue is full")
    assert "was started" not in text
