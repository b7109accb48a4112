"""`python -m otpsup`, once or a thousand times.

An interpreter takes ten times as long to start and to import as most commands take to run, so
commands are run by forks of one that has done so (`warm`). What depends on how Python itself was
started (a terminal, PYTHON*, the locale) still gets an interpreter of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import ROOT

ARGV = [sys.executable, "-m", "otpsup"]
"""The program in an interpreter of its own."""

OF_THE_INTERPRETER = ("PYTHON", "LC_", "LANG", "LOGURU_", "LD_")
"""How the variables begin that are read when Python starts, or modules are imported."""


def run(
    *args: str,
    input: bytes = b"",
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m otpsup ARGS`, with pipes for its input and output.

    Args:
        environment: instead of that of this process.
        timeout: seconds after which it is killed.

    Raises:
        subprocess.TimeoutExpired: it was killed.
    """
    variables = dict(os.environ if environment is None else environment)
    if _of_the_interpreter(variables) != _WARM_HAS:
        return subprocess.run(
            [*ARGV, *args], cwd=cwd, env=variables, input=input, capture_output=True,
            timeout=timeout, check=False,
        )  # fmt: skip
    return _forked(args, input, cwd, variables, timeout)


def run_text(
    *args: str, input: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The same, in text."""
    done = run(*args, input=input.encode(), environment=environment)
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def _of_the_interpreter(variables: Mapping[str, str]) -> dict[str, str]:
    return {n: v for n, v in variables.items() if n.startswith(OF_THE_INTERPRETER)}


_WARM_HAS = _of_the_interpreter(os.environ)
_AT_FIRST = dict(os.environ)


@functools.cache
def _warm(for_process: int) -> socket.socket:
    """Where the warm interpreter of this process listens; it ends with whoever can ask it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    script = Path(__file__).with_name("warm.py")
    subprocess.run(
        [sys.executable, str(script), str(theirs.fileno())], cwd=ROOT, env=_AT_FIRST, check=True,
        pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    theirs.close()
    atexit.register(ours.close)
    return ours


def _forked(
    args: Sequence[str], input: bytes, cwd: Path, environment: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[bytes]:
    deadline = time.monotonic() + timeout
    (theirs, stdin), (stdout, writer), (stderr, other) = (os.pipe() for _ in range(3))
    answer, teller = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = {"argv": args, "cwd": str(cwd), "environment": environment}
    passed = [theirs, writer, other, teller.detach()]
    socket.send_fds(_warm(os.getpid()), [json.dumps(request).encode()], passed)
    for fd in passed:
        os.close(fd)
    with answer:
        pid = int(answer.recv(100))
        try:
            said = _exchanged(stdin, input, [stdout, stderr], deadline)
            answer.settimeout(max(0.001, deadline - time.monotonic()))
            code = int(answer.recv(100))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(["otpsup", *args], timeout) from None
        finally:
            os.close(stdout)
            os.close(stderr)
    return subprocess.CompletedProcess(args, code, said[stdout], said[stderr])


def _exchanged(stdin: int, input: bytes, outputs: list[int], deadline: float) -> dict[int, bytes]:
    """Write all the input, and read each output to its end.

    Raises:
        TimeoutError: they have not ended by then.
    """
    said = dict.fromkeys(outputs, b"")
    feeder = threading.Thread(target=_feed, args=(stdin, input))
    feeder.start()
    waiting = list(outputs)
    while waiting:
        ready = select.select(waiting, [], [], max(0.0, deadline - time.monotonic()))[0]
        if not ready:
            raise TimeoutError
        for fd in ready:
            piece = os.read(fd, 1 << 16)
            said[fd] += piece
            if not piece:
                waiting.remove(fd)
    feeder.join()
    return said


def _feed(fd: int, data: bytes) -> None:
    """In a thread of its own, for a program may write much before it reads."""
    with contextlib.suppress(BrokenPipeError), os.fdopen(fd, "wb") as stream:
        stream.write(data)
