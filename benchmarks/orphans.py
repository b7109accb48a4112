"""Who is left when a host dies: 120 children, by one method for every way of dying.

    python -m benchmarks.orphans [CHILDREN]

Each way has a fresh host with a fresh tree: commands, shells with children in sessions of their
own, programs that ignore SIGTERM, and Python workers. Two seconds after its death everybody below
us is counted; this process is the one to whom orphans come (PR_SET_CHILD_SUBREAPER).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time

import psutil

from otpsup.runtime.launcher.syscalls import become_subreaper

WAYS = {
    "SIGKILL": "os.kill(os.getpid(), 9)",
    "SIGKILL while stopped": "os.kill(os.getpid(), 19)",
    "os._exit": "os._exit(3)",
    "abort": "os.abort()",
    "SIGSEGV": "os.kill(os.getpid(), 11)",
    "exec of something else": "os.execvp('true', ['true'])",
}
HOST = """
import json, os, sys
sys.path.insert(0, {root!r})
from otpsup import Command, Supervisor, Tree, Worker

def children(count):
    for n in range(count):
        if n % 4 == 0:
            yield Command(f"plain{{n}}", ["sleep", "1000"])
        elif n % 4 == 1:
            yield Command(f"shell{{n}}", ["sh", "-c", "setsid sleep 1000 & sleep 1000 & wait"])
        elif n % 4 == 2:
            yield Command(f"deaf{{n}}", ["sh", "-c", "trap '' TERM; sleep 1000; sleep 1000"])
        else:
            yield Worker(f"worker{{n}}", "time:sleep", (1000,))

if __name__ == "__main__":
    tree = Tree(Supervisor("t", children=list(children({count}))))
    tree.start()
    print(json.dumps(sum(1 for node in tree.status().walk() if node.pid)), flush=True)
    sys.stdin.readline()
    {end}
"""


def left() -> list[psutil.Process]:
    """Everybody below this process who is alive."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def reap() -> None:
    """Take in the dead."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def one(end: str, count: int) -> tuple[int, int, int, float]:
    """Children, processes before, processes after, and seconds until nobody was left."""
    code = HOST.format(root=os.getcwd(), count=count, end=end)  # noqa: PTH109
    host = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert host.stdin is not None
    assert host.stdout is not None
    children = json.loads(host.stdout.readline())
    before = len(left()) - 1
    began = time.monotonic()
    host.stdin.write("\n")
    host.stdin.flush()
    if "19" in end:
        while psutil.Process(host.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)
        host.kill()
    while left() and time.monotonic() - began < 2:
        time.sleep(0.005)
        host.poll()
        reap()
    took = time.monotonic() - began
    after = left()
    for process in after:
        process.kill()
    host.wait()
    host.stdin.close()
    host.stdout.close()
    reap()
    return children, before, len(after), took


def main(count: int) -> None:
    assert become_subreaper()
    head = ("the host dies of", "children", "processes", "left after 2 s", "gone in")
    print("{:26} {:>8} {:>9} {:>14} {:>8}".format(*head))
    for way, end in WAYS.items():
        children, before, after, took = one(end, count)
        print(f"{way:26} {children:8} {before:9} {after:14} {took:6.2f} s", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 120)
