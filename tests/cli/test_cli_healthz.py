"""`otpsup healthz`: the three forms to the byte, exit codes, and words for what cannot be meant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from otpsup import Command, Plugin, Supervisor, Tree
from otpsup.control import address
from tests.cli.test_cli import done, otpsup, refused
from tests.support.program import ARGV
from tests.support.terminal import terminal
from tests.support.trees import running

SAMPLES = Path(__file__).parents[1] / "examples" / "bklog_healthz"


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A folder in which no other tree is."""
    monkeypatch.setenv(address.DIRECTORY, str(tmp_path_factory.mktemp("o")))


class Sample(Plugin):
    """Says what BK-LOG's health check has said; or, in its place, what is no report at all."""

    name = "healthz"

    def ask(self, what: str, fields: Mapping[str, Any]) -> Any:
        if fields["include"] == "nonsense":
            return {"status": "perhaps"}
        return json.loads((SAMPLES / "healthz.json").read_text())


@pytest.fixture
def sample() -> Iterator[Tree]:
    with Tree(Supervisor("bklog", children=[]), plugins=[Sample()]) as tree:
        yield tree


@pytest.mark.parametrize(
    ("options", "file"),
    [
        (["--format", "console"], "healthz.console.txt"),
        (["--format", "k8s"], "healthz.k8s.txt"),
        ([], "healthz.k8s.txt"),
    ],
)
def test_the_samples(sample: Tree, options: list[str], file: str) -> None:
    """To the byte, colours also where there is no terminal if the form is asked for; exit code 1,
    and nothing on stderr, for the report says it all."""
    found = otpsup("healthz", *options)
    assert (found.returncode, found.stderr) == (1, "")
    assert found.stdout.encode() == (SAMPLES / file).read_bytes()


def test_json(sample: Tree) -> None:
    """The same object, and a line break."""
    found = otpsup("healthz", "--format=json")
    assert found.returncode == 1
    assert found.stdout.encode() == (SAMPLES / "healthz.json").read_bytes() + b"\n"


@pytest.mark.slow
def test_on_a_terminal(sample: Tree) -> None:
    """In colours, with what to do."""
    with terminal([*ARGV, "healthz"]) as screen:
        screen.until(lambda text: "确认Redis是否可用" in text.replace(" ", ""))
        assert screen.end() == 1
        assert b"\x1b[31m[-]redis failed" in screen.seen


def test_what_is_no_report(sample: Tree) -> None:
    assert refused(1, "healthz", "--include", "nonsense") == (
        "the other end answered with what is no health report"
    )


def test_a_tree_that_is_well() -> None:
    """Exit code 0; only what is asked for is looked at."""
    with running(Command("web", ["sleep", "1000"]), name="shop"):
        assert done("healthz", "--include", "children") == (
            "health check success\n\n"
            "[+]children ok\n[+]children/state path=web running\n[+]children/ready path=web yes\n\n"
        )
        assert "[+]disk" not in done("healthz", "--exclude", "disk,children", "--tree", "shop")


def test_wrong_words() -> None:
    """An unknown collector is a wrong command line: exit code 2, and what there is."""
    with running(name="shop"):
        found = otpsup("healthz", "--include", "dsik")
        assert (found.returncode, found.stdout) == (2, "")
        assert found.stderr == (
            "otpsup: include names 'dsik', and there is no such collector; did you mean 'disk'? "
            "there are tree, children, disk\n"
        )
        assert otpsup("healthz", "--format", "xml").returncode == 2


def test_no_tree() -> None:
    assert refused(3, "healthz").startswith("no tree is running")
