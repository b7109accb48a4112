"""A crash quotes what the child wrote last: in the log, as an event, and in `why`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger as loguru_logger

from otpsup import Command, StartFailed, Supervisor, Tree, Worker
from otpsup.engine import Engine
from otpsup.engine.effects import Spawn
from otpsup.engine.events import Boot, Exited, LastLines, Spawned
from otpsup.engine.reasons import Exit
from otpsup.mask import Secrets
from otpsup.runtime.output import quoted
from tests.support.trees import Watcher, node, pid, python, running, watching
from tests.support.waiting import until


@contextmanager
def log() -> Iterator[list[str]]:
    """The entries of otpsup's own log meanwhile."""
    lines: list[str] = []
    handler = loguru_logger.add(lambda line: lines.append(str(line)), format="{message}")
    loguru_logger.enable("otpsup")
    try:
        yield lines
    finally:
        loguru_logger.remove(handler)
        loguru_logger.disable("otpsup")


def shell(name: str, script: str, **options: Any) -> Command:
    return Command(name, ["sh", "-c", script], **options)


def until_said(events: Watcher, path: str) -> tuple[str, ...]:
    """The next quote of a child."""
    return events.until(path, kind="last_output").lines


def test_a_crash_quotes_the_last_lines(tmp_path: Path) -> None:
    """Ten lines at most, of both streams, from whatever file they go to; soon after the report of
    the end, and in `why` until the next end."""
    script = f"seq 20; echo 'no luck' >&2; until read x < {tmp_path}/go; do :; done; exit 3"
    os.mkfifo(tmp_path / "go")
    spec = shell("c", script, stdout=tmp_path / "log", stderr=tmp_path / "err")
    with log() as lines, running(spec) as tree, watching(tree) as events:
        until(lambda: (tmp_path / "err").exists() and (tmp_path / "err").read_text())
        (tmp_path / "go").write_text("\n")
        said = until_said(events, "c")
        status = node(tree, "c")
        until(lambda: any("wrote last" in line for line in lines))
        tree.restart("c")
        assert node(tree, "c").last_output == ()
    expected = ("12", "13", "14", "15", "16", "17", "18", "19", "20", "no luck")
    assert sorted(said) == sorted(expected)
    assert status.last_output == said
    assert status.why[1:] == (
        "before that, the tree was started",
        "before c ended with exit code 3, it wrote:",
        *(f"  | {line}" for line in said),
    )
    entry = next(n for n, line in enumerate(lines) if "wrote last" in line)
    end = next(n for n, line in enumerate(lines) if "c ended with exit code 3" in line)
    assert end < entry
    assert lines[entry] == "\n  | ".join(["test: c wrote last:", *said]) + "\n"


def test_a_start_that_fails_quotes_too() -> None:
    """The log of a tree that could not start has the last lines of whoever did not."""
    spec = shell("c", "echo 'address in use'; exit 1", ready="notify", stderr="null")
    with log() as lines, pytest.raises(StartFailed):
        Tree(Supervisor("t", children=[spec])).start()
    until(lambda: "t: c wrote last:\n  | address in use\n" in lines)


def test_a_tree_that_gives_up_has_quoted_all_crashes_first(tmp_path: Path) -> None:
    """The last crash's lines are told before the end of the tree is."""
    os.mkfifo(tmp_path / "go")
    script = f"echo bye; until read x < {tmp_path}/go; do :; done; exit 1"  # the line, not its end
    spec = shell("c", script)
    tree = Tree(Supervisor("t", children=[spec], intensity=1))
    with log() as lines, tree, watching(tree) as events:
        (tmp_path / "go").write_text("\n")
        events.until("c", "running")
        (tmp_path / "go").write_text("\n")
        kinds = [event.kind for event in (*events.seen, *events.stream)]
        seen = [kind for kind in kinds if kind in ("last_output", "halt")]
        until(lambda: len([line for line in lines if "wrote last" in line]) == 2)
    assert seen == ["last_output", "last_output", "halt"]


def test_who_was_asked_to_end_is_not_quoted(tmp_path: Path) -> None:
    """A stop, a kill after it, and a normal end are no crash."""
    deaf = "trap '' TERM; echo deaf; while :; do sleep 0.02; done"
    with log() as lines, running() as tree, watching(tree) as events:
        tree.start_child(shell("normal", "echo done", restart="temporary"))
        events.until("normal", "down")
        for name, script in (("asked", "echo up; sleep 100"), ("deaf", deaf)):
            tree.start_child(shell(name, script, shutdown=0.3))
            until(lambda name=name: tree._session._runner.pump.tail(name, 1))  # type: ignore
            tree.terminate_child(name)
    assert not [line for line in lines if "wrote last" in line]


def test_a_restart_does_not_wait_for_the_quote(tmp_path: Path) -> None:
    """A descendant that holds the output open delays the quote for a moment, and the restart not
    at all; the lines are those of the incarnation that crashed."""
    script = f"""
        [ -e {tmp_path}/second ] && {{ echo second; exec sleep 100; }}
        touch {tmp_path}/second; echo first; exec sleep 100
    """
    with running(shell("c", script)) as tree, watching(tree) as events:
        until(lambda: tree._session._runner.pump.tail("c", 1))  # type: ignore[union-attr]
        os.kill(pid(tree, "c"), signal.SIGKILL)
        assert until_said(events, "c") == ("first",)
        until(lambda: node(tree, "c").last_output == ("first",))


def test_secrets_are_masked_wherever_they_are_cut() -> None:
    """A secret that comes in two writes, and one whose beginning is left out of the quote, are not
    shown; nor is what steers a terminal."""
    code = """
        import os, time
        secret = os.environ["DB_PASSWORD"].encode()
        os.write(1, b"x" * 30 + b" connecting with " + secret[:9])
        time.sleep(0.1)
        os.write(1, secret[9:] + b" failed\\n")
        os.write(2, b"\\x1b[31mred\\xff\\n" + secret * 200)
        os._exit(1)
    """
    spec = Command(
        "c", python(code), restart="temporary", environment={"DB_PASSWORD": "hunter2-hunter3"}
    )
    with log() as lines, running() as tree, watching(tree) as events:
        tree.start_child(spec)
        said = until_said(events, "c")
        until(lambda: any("wrote last" in line for line in lines))
    text = "\n".join([*said, *lines])
    assert "connecting with ***" in text
    assert r"\x1b[31mred\xff" in text
    assert not any(part in text for part in ("hunter2", "hunter3", "unter"))


@given(
    st.lists(st.sampled_from(["plain", "hunter2-hunter3", "x" * 900, ""]), max_size=30),
    st.sampled_from(["", " ", "\n"]),
)
def test_quotes_are_short_and_without_secrets(parts: list[str], joint: str) -> None:
    """Ten lines and 2 KiB at most, whatever was written; no part of a secret is in them."""
    secrets = Secrets({"password": "hunter2-hunter3"})
    lines = quoted(joint.join(parts).encode() + b"\n", secrets.hide)
    assert len(lines) <= 10
    assert sum(map(len, lines)) <= 2048 + len("...")
    assert "unter" not in "".join(lines)
    whole = joint.join(parts).replace("hunter2-hunter3", "***")
    assert all(line.removeprefix("...") in whole for line in lines)


@pytest.mark.slow
def test_a_workers_last_words(tmp_path: Path) -> None:
    """What a Python worker printed before its exception is quoted, without the traceback, which the
    log has already."""
    with log() as lines, running() as tree, watching(tree) as events:
        tree.start_child(Worker("w", _speak_and_fail, restart="temporary"))
        assert until_said(events, "w") == ("about to fail",)
        until(lambda: any("wrote last" in line for line in lines))
    assert any("ValueError: no" in line for line in lines)


def _speak_and_fail() -> None:
    print("about to fail")
    raise ValueError("no")


@given(st.lists(st.integers(1, 3), max_size=5))
def test_late_lines_belong_to_their_own_end(order: list[int]) -> None:
    """Lines of an incarnation are told whenever they come; in the status stand only those of the
    last end."""
    engine = Engine(Supervisor("t", children=[Command("c", ["c"])], intensity=9))
    runs = [effect.run for effect in engine.handle(Boot(), 0.0) if isinstance(effect, Spawn)]
    for n in range(3):
        engine.handle(Spawned("c", runs[-1], n + 1), 0.0)
        effects = engine.handle(Exited("c", runs[-1], Exit(code=1)), 0.0)
        runs += [effect.run for effect in effects if isinstance(effect, Spawn)]
    for n in order:
        (told,) = engine.handle(LastLines("c", runs[n - 1], (f"run {n}",)), 0.0)
        assert getattr(told, "lines", None) == (f"run {n}",)
    found = engine.snapshot().find("c")
    assert found
    assert found.last_output == (("run 3",) if 3 in order else ())
    (told,) = engine.handle(LastLines("gone", 77, ("hello",)), 0.0)
    assert getattr(told, "path", None) == "gone"
