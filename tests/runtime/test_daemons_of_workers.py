"""What workers of multiprocessing's own start methods have started in sessions of their own."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from otpsup import Worker
from tests.support import targets
from tests.support.hosts import hosting
from tests.support.methods import each_method
from tests.support.strays import adopting
from tests.support.trees import running
from tests.support.waiting import gone, is_alive, until


def daemon_in(file: Path) -> int:
    until(file.exists)
    return int(file.read_text())


@each_method
def test_gone_with_the_worker(method: Any, tmp_path: Path) -> None:
    """A stop has ended when they are gone as well, whoever the worker's parent is."""
    file = tmp_path / "pid"
    target, args = targets.start_a_daemon, (str(file),)
    worker = Worker("w", target, args, ready="notify", shutdown=0.5, start_method=method)
    with adopting(), running(worker) as tree:
        daemon = daemon_in(file)
        tree.terminate_child("w")
        assert not is_alive(daemon)


@pytest.mark.slow
@each_method
def test_gone_with_the_host(method: str, tmp_path: Path) -> None:
    """When the host is killed the launcher finds them by their mark."""
    file = tmp_path / "pid"
    code = f"""
        def main():
            worker = Worker("w", targets.start_a_daemon, ({str(file)!r},), ready="notify",
                            start_method={method!r})
            with running(worker) as tree:
                tell(pid(tree, "w"))
                signal.pause()
    """
    with adopting(), hosting(tmp_path, code, stderr=-3) as host:
        worker, daemon = host.hear(), daemon_in(file)
        host.process.send_signal(signal.SIGKILL)
        host.wait()
        gone(worker, daemon)
