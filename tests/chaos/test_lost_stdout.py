"""A host whose stdout and stderr are closed, broken or stuck goes on to supervise."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.hosts import hosting
from tests.support.strays import adopting
from tests.support.waiting import LONG

_CLOSED = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh"]

_CODE = """
    from loguru import logger
    PRINTS = "yes a line | head -c 200000; exec sleep 1000"
    def main():
        logger.enable("otpsup")
        children = [
            Command("prints", ["sh", "-c", PRINTS]),
            Command("complains", ["sh", "-c", f"exec 1>&2; {PRINTS}"]),
            Worker("works", targets.print_and_be_ready, ready="notify"),
        ]
        with running(*children, intensity=1000) as tree, watching(tree) as events:
            tell("up")
            sys.stdin.readline()
            for path in 5 * ["prints", "complains", "works"]:
                os.kill(pid(tree, path), signal.SIGKILL)
                events.until(path, "running")
            tell("supervised")
        tell("down")
"""


@pytest.mark.slow
def test_both_are_closed(tmp_path: Path) -> None:
    """Closed before it began: no descriptor of the tree's takes their numbers, whoever prints loses
    what it prints, and so does the log."""
    with (
        adopting(),
        hosting(tmp_path, _CODE, command=_CLOSED, stdin=subprocess.PIPE) as host,
    ):
        assert host.hear() == "up"
        _go_on(host.process)
        assert [host.hear(), host.hear()] == ["supervised", "down"]
        assert host.wait() == 0


@pytest.mark.slow
def test_nobody_reads_them_any_more(tmp_path: Path) -> None:
    """Broken pipes: the children's output and the log are lost, and nothing else."""
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    with adopting(), hosting(tmp_path, _CODE, **pipes) as host:
        for stream in (host.process.stdout, host.process.stderr):
            assert stream
            stream.close()
        assert host.hear() == "up"
        _go_on(host.process)
        assert [host.hear(), host.hear()] == ["supervised", "down"]
        host.wait()  # Python itself ends with 120 if it cannot flush


@pytest.mark.slow
def test_nobody_reads_them_for_now(tmp_path: Path) -> None:
    """Full pipes: whoever prints waits, supervision does not, nor does the end of the tree."""
    reader, writer = os.pipe()
    try:
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": writer, "stderr": writer}
        with adopting(), hosting(tmp_path, _CODE, **streams) as host:
            assert host.hear() == "up"
            _go_on(host.process)
            assert host.hear() == "supervised"
            assert host.hear(2 * LONG) == "down"
    finally:
        os.close(reader)
        os.close(writer)


def _go_on(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    process.stdin.write(b"\n")
    process.stdin.flush()
