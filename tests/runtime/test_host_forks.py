"""`fork()` in a host whose tree runs neither doubles nor ends the tree, whatever the fork does."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.hosts import hosting
from tests.support.strays import adopting
from tests.support.waiting import gone, is_alive

ASKING = """
    import multiprocessing

    def ask(tree, stream):
        asyncio = __import__("asyncio")
        calls = dict(
            status=tree.status, start=lambda: tree.start_child("c"), events=tree.events,
            wait=tree.wait, stop=tree.stop, next=stream.next,
            aio=lambda: asyncio.run(tree.aio.wait()), close=stream.close,
        )
        tell([[name, answer(call)] for name, call in calls.items()])

    def answer(call):
        try:
            return str(call())
        except (NotRunning, StopIteration) as error:
            return type(error).__name__

    def main():
        tree = Tree(Supervisor("t", children=[
            Command("c", ["sleep", "100"]), Worker("w", targets.wait, start_method="fork"),
        ]))
        tree.start()
        before = pid(tree, "c"), pid(tree, "w")
        stream = tree.events()
        def child():
            ask(tree, stream)
            END
        def fork():
            FORK
        {"main": fork, "thread": lambda: in_thread(fork)}[sys.argv[1]]()
        assert before == (pid(tree, "c"), pid(tree, "w"))
        tree.restart("c")
        tell(node(tree, "c").state)

    def in_thread(function):
        thread = threading.Thread(target=function)
        thread.start()
        thread.join()
"""

OS_FORK = """
            fork = os.fork()
            if fork == 0:
                child()
            assert os.waitpid(fork, 0) == (fork, 0)
"""
MULTIPROCESSING = """
            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            process.join()
            assert process.exitcode == 0
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fork", "end", "where"),
    [
        pytest.param(OS_FORK, "sys.exit(0)", "main", id="exit"),
        pytest.param(OS_FORK, "sys.exit(0)", "thread", id="exit-thread"),
        pytest.param(OS_FORK, "os._exit(0)", "main", id="_exit"),
        pytest.param(MULTIPROCESSING, "pass", "thread", id="multiprocessing-thread"),
    ],
)
def test_a_fork_that_asks(fork: str, end: str, where: str, tmp_path: Path) -> None:
    """In a fork every verb says at once that there is no tree here, a wait and a stream end, a stop
    does nothing, and neither do the interpreter's exit handlers; the tree has heard of nothing."""
    code = ASKING.replace("END", end).replace("            FORK\n", fork)
    with adopting(), hosting(tmp_path, code, where) as host:
        answers = dict(host.hear())
        assert host.hear() == "running"
        assert host.wait() == 0
    assert answers == {
        "status": "NotRunning", "start": "NotRunning", "events": "NotRunning",
        "wait": "NotRunning", "stop": "None", "next": "StopIteration", "aio": "NotRunning",
        "close": "None",
    }  # fmt: skip


LIVES_ON = """
    import multiprocessing, time

    def stay():
        while True:
            signal.pause()

    def main():
        methods = ("zygote", "spawn", "fork", "forkserver")
        workers = [Worker(m, targets.ready, ready="notify", start_method=m) for m in methods]
        with running(Command("c", ["sleep", "100"]), *workers) as tree:
            process = multiprocessing.get_context("fork").Process(target=stay)
            process.start()
            tell([process.pid, *(node.pid for node in tree.status().children)])
            os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
def test_a_fork_that_lives_on_keeps_nobody_alive(tmp_path: Path) -> None:
    """A fork holds copies of all that the host has open, sockets and pipes. When the host is killed
    the children end all the same, workers of every start method among them."""
    with adopting(), hosting(tmp_path, LIVES_ON) as host:
        fork, *children = host.hear()
        host.wait()
        gone(*children)
        assert is_alive(fork)
        os.kill(fork, signal.SIGKILL)
