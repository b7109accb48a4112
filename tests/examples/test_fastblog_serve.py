"""main_app's start: which release is served, and what happens to one that never worked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import httpx
import pytest

from examples.fastblog import journal
from examples.fastblog.data_dir import DataDir
from examples.fastblog.install import current_version, point_to, unpack
from examples.fastblog.journal import Action, Journal, action
from examples.fastblog.releases import build, publish
from examples.fastblog.tree import SOURCE_ROOT
from tests.support.servers import free_port

DEADLINE = 60.0


def trial(boots: int) -> Journal:
    return Journal("switched", "2.0.0", "1.0.0", at=0.0, boots=boots)


@pytest.mark.parametrize(
    ("record", "current", "expected"),
    [
        (None, "1.0.0", "serve"),
        (Journal("verified", "2.0.0", "1.0.0", at=0.0, boots=9), "2.0.0", "serve"),
        (Journal("rolled_back", "2.0.0", "1.0.0", at=0.0, boots=9), "1.0.0", "serve"),
        (trial(0), "2.0.0", "try"),
        (trial(1), "2.0.0", "try"),
        (trial(2), "2.0.0", "give up"),
        (trial(3), "2.0.0", "give up"),
        (trial(0), "1.0.0", "never switched"),
        (trial(2), "1.0.0", "never switched"),
    ],
)
def test_what_a_start_does(record: Journal | None, current: str, expected: Action) -> None:
    """The whole decision: by the last update's phase, its tries, and the release linked now."""
    assert action(record, current) == expected


@pytest.mark.parametrize("content", ["", "{", "[]", '{"phase": "switched"}', '{"boots": "two"}'])
def test_a_journal_that_makes_no_sense(
    data: DataDir, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unreadable journal is reported and ignored: the linked release is served."""
    data.journal.write_text(content)
    assert journal.boot(data) == "1.0.0"
    assert "is not an update journal" in capsys.readouterr().err


def test_history_is_kept_and_bounded(data: DataDir) -> None:
    """Each update that ended is one line of history; only the last HISTORY lines are kept."""
    (data.releases / "1.1.0").mkdir()
    for number in range(journal.HISTORY + 5):
        journal.switch(data, "1.1.0")
        journal.roll_back(data, str(number))
    last = journal.read(data)
    assert last is not None
    assert [line["reason"] for line in last.history][-2:] == ["23", "24"]
    assert len(last.history) == journal.HISTORY


def test_confirm_only_what_is_on_trial(data: DataDir) -> None:
    """Nothing is confirmed without a trial, nor after main_app has given the release up."""
    assert not journal.confirm(data)
    (data.releases / "1.1.0").mkdir()
    journal.switch(data, "1.1.0")
    assert [journal.boot(data) for _ in range(3)] == ["1.1.0", "1.1.0", "1.0.0"]
    assert not journal.confirm(data)
    assert current_version(data) == "1.0.0"


@contextmanager
def main_app(data: DataDir, port: int) -> Iterator[subprocess.Popen[str]]:
    """The real program; killed if it outlives the test or its deadline."""
    flags = ["--data", str(data.root), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.fastblog.serve", *flags],
        cwd=data.root,
        env={**os.environ, "PYTHONPATH": str(SOURCE_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watchdog = Timer(DEADLINE, process.kill)
    watchdog.start()
    try:
        with process:
            try:
                yield process
            finally:
                process.terminate()
    finally:
        watchdog.cancel()


def wait_until_it_serves(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Uvicorn running on" in line:
            return
    pytest.fail(f"main_app ended with {process.wait()}:\n{''.join(lines)}")


@pytest.mark.slow
def test_a_broken_release_is_given_up_without_an_updater(data: DataDir) -> None:
    """Two failed starts, then the third serves the old release: the updater may be long dead."""
    release = publish(data, "1.2.0", build("1.2.0", broken=True))
    unpack(data.published / release.file, data, "1.2.0")
    journal.switch(data, "1.2.0")
    port = free_port()
    for _ in range(2):
        with main_app(data, port) as failing:
            assert failing.wait() not in (0, -signal.SIGKILL)
    with main_app(data, port) as process:
        wait_until_it_serves(process)
        health = httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=60).json()
        assert health == {"status": "ok", "version": "1.0.0"}
    last = journal.read(data)
    assert last is not None
    assert last.phase == "rolled_back"
    assert last.reason == "1.2.0 was started 2 times and never confirmed to work"


def test_the_running_release_is_not_the_linked_one(data: DataDir) -> None:
    """A release keeps serving its own pages and style after `current` has moved on."""
    port = free_port()
    with main_app(data, port) as process:
        wait_until_it_serves(process)
        unpack(data.published / "fastblog-1.1.0.zip", data, "1.1.0")
        point_to(data, "1.1.0")
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60
        ) as client:
            page = client.get("/").text
            assert client.get("/static/style.css").status_code == 200
        assert "Hello, world" in page
        assert "min read" not in page


def test_nothing_to_serve(data: DataDir) -> None:
    """Without an installed release: one line that names the link and how to mend it."""
    data.current.unlink()
    with main_app(data, 1) as process:
        output, _ = process.communicate()
    assert process.returncode == 1
    assert output.startswith(f"main_app: {data.current} leads to no release")
    assert f"python -m examples.fastblog --data {data.root}" in output
