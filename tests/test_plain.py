"""What children say reaches an operator's terminal as text, and not as orders to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from otpsup import Command, Supervisor, Tree
from otpsup.cli import main
from otpsup.plain import plain, plain_lines
from tests.support.hosts import hosting
from tests.support.trees import REPORT, python
from tests.support.waiting import until

EVIL = r"\x1b]0;owned\x07\x1b[2J\x9b31m\r\n2026-01-01 | ERROR | forged"
CODE = f"""
{REPORT}
evil = "{EVIL}"
tell(op="status", text=evil)
tell(op="crash", type=evil, message=evil, traceback=evil)
tell(nonsense=evil)
tell(op="ready")
"""


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logger.add(lines.append, format="{message}", level=0)
    logger.enable("otpsup")
    yield lines
    logger.disable("otpsup")
    logger.remove(handler)


def test_children_cannot_steer_a_terminal(
    log: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither status, why, events, last words nor the log pass on an escape; nor can a child forge
    a line of the log, but in a traceback."""
    child = Command("c", python(f"{CODE}\nsys.exit(1)"), restart="temporary", ready="notify")
    stays = Command("stays", python(f"{CODE}\nsignal.pause()"), ready="notify")
    name = "x\x1b[31m"
    with Tree(Supervisor("evil", children=[stays])) as tree, tree.events() as events:
        tree.start_child(child)
        until(lambda: tree.status().find("c") is None)
        tree.start_child(Command(name, ["sleep", "100"]))
        for argv in (["status"], ["why"], ["why", "stays"], ["why", name], ["graph"]):
            assert main([*argv, "--tree", "evil"]) == 0
        main(["why", "nobody", "--tree", "evil"])
        tree.stop()
        told = [event for event in events if event.path != name]
    said = capsys.readouterr()
    for line in (said.out + said.err).split("\n"):
        assert line.isprintable(), line
    for event in told:
        assert all(text.isprintable() for text in (event.text, event.cause, *event.chain))
        assert event.traceback.replace("\n", "").isprintable()
    assert any("forged" in line for line in log)
    for line in log:
        assert line.replace("\n", "").isprintable(), line
        is_trace = "c ended with" in line
        assert is_trace or "\n2026" not in line


def test_neither_does_a_program_that_ends(tmp_path: Path) -> None:
    """`run` tells on stderr how it ended; so does its log."""
    code = f"""
        def main():
            code = {CODE + "sys.exit(1)"!r}
            run(Supervisor("s", intensity=0, children=[Command("c", [sys.executable, "-c", code])]))
    """
    errors = tmp_path / "errors"
    with errors.open("wb") as file, hosting(tmp_path, code, stderr=file) as host:
        assert host.wait() == 1
    text = errors.read_text()
    assert "gave up" in text
    assert text.replace("\n", "").isprintable()


@given(st.text())
def test_plain(text: str) -> None:
    """Whatever it is, it is one line that can be printed; what can be printed stays."""
    assert plain(text).isprintable()
    assert plain(plain(text)) == plain(text)
    assert "".join(c for c in text if c.isprintable()) in plain(text) or not text.isprintable()
    assert plain_lines(text).replace("\n", "").isprintable()
    assert plain_lines(text).count("\n") == text.count("\n")
