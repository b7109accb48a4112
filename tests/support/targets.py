"""What the workers of the tests run. Imports little, for every worker imports this."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otpsup import current_child
from otpsup.runtime.launcher.strays import mark_of

from .waiting import descriptors

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection


def wait() -> None:
    """Stay until asked to stop."""
    while True:
        signal.pause()


def stay(*_: object, **__: object) -> None:
    """The same, whatever the arguments."""
    wait()


def ready(info: Any = None) -> None:
    """Be ready, and stay."""
    current_child().ready(info)
    wait()


def tell_variables() -> None:
    """Tell all variables, as NAME=value, and stay."""
    ready([f"{name}={value}" for name, value in os.environ.items()])


def done() -> None:
    """Nothing to do."""


def exit_with(status: Any) -> None:
    """End by sys.exit."""
    sys.exit(status)


def leave(status: int) -> None:
    """End without any ceremony."""
    os._exit(status)


def abort() -> None:
    """End as C programs do when all is lost."""
    faulthandler.disable()  # a fork has it from the tests
    os.abort()


def crash() -> None:
    """Kill itself with SIGSEGV, as a broken extension module would."""
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


class Broken(Exception):
    """An error of this program's own."""


def fail(text: str = "no luck") -> None:
    """End with an exception."""
    raise Broken(text)


class Rude(Exception):
    """An error that cannot even be shown."""

    def __str__(self) -> str:
        raise ValueError("not telling")


def fail_rudely() -> None:
    """End with an exception that cannot be shown."""
    raise Rude


def fail_once(mark: str) -> None:
    """Crash the first time, then stay."""
    path = Path(mark)
    if not path.exists():
        path.touch()
        raise Broken("first time")
    ready()


def tell_arguments(*args: Any, **kwargs: Any) -> None:
    """Tell what it was called with."""
    ready([list(args), kwargs])


class Job:
    """A bound method is a target too."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *args: Any) -> None:
        """Tell what it is bound to."""
        ready([self.name, *args])

    def __call__(self) -> None:
        """So is an object that can be called."""
        ready(["called", self.name])


def tell_process() -> None:
    """Tell who and what it is."""
    ready(_process())


def _process() -> dict[str, Any]:
    parent = multiprocessing.parent_process()
    return {
        "name": multiprocessing.current_process().name,
        "parent": parent.pid if parent else None,
        "parent lives": parent is not None and parent.is_alive(),
        "daemon": multiprocessing.current_process().daemon,
        "pid": os.getpid(),
        "session": os.getsid(0),
        "group": os.getpgid(0),
        "threads": threading.active_count(),
        "path": current_child().path,
    }


def tell_system() -> None:
    """Tell what the kernel has it be."""
    ready(_system())


def _system() -> dict[str, Any]:
    status = Path("/proc/self/status").read_text()
    signals = {}
    for line in status.splitlines():
        key, _, value = line.partition(":")
        if key.startswith("Sig") and key != "SigQ":
            signals[key] = int(value, 16)
    return {
        "uid": os.getresuid(),
        "gid": os.getresgid(),
        "groups": os.getgroups(),
        "umask": os.umask(0),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "cwd": str(Path.cwd()),
        "signals": signals,
        "environment": dict(os.environ),
    }


def tell_all() -> None:
    """Tell both, what is open, and what /proc shows of its environment."""
    open_ones = {number: what.partition(":")[0] for number, what in descriptors().items()}
    ready([_process(), _system(), open_ones, mark_of(os.getpid()).decode()])


def go_back() -> None:
    """Try to be root again, and tell what came of it and what is left to try with."""
    import resource

    tries: dict[str, Callable[[], object]] = {
        "setuid": lambda: os.setuid(0),
        "setresuid": lambda: os.setresuid(0, 0, 0),
        "seteuid": lambda: os.seteuid(0),
        "setgid": lambda: os.setresgid(0, 0, 0),
        "setgroups": lambda: os.setgroups([0]),
        "limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (9000, 9000)),
    }
    done = []
    for name, attempt in tries.items():
        with contextlib.suppress(PermissionError, ValueError):
            attempt()
            done.append(name)
    lines = Path("/proc/self/status").read_text().splitlines()
    kept = [line for line in lines if line.startswith("Cap") and line[3:6] != "Bnd"]
    ready({"done": done, "kept": kept, "ids": [*os.getresuid(), *os.getresgid()]})


def tell_limits() -> None:
    """Tell limits and mask."""
    import resource

    limits = {name: resource.getrlimit(getattr(resource, name)) for name in LIMITS}
    ready({"umask": os.umask(0), "limits": limits})


LIMITS = ("RLIMIT_NOFILE", "RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_STACK")


def tell_descriptors() -> None:
    """Tell what is open."""
    ready(descriptors())


def finish(mark: str) -> None:
    """Stay; run a `finally` when stopped."""
    try:
        ready()
    finally:
        Path(mark).write_text("finally")


def stop_itself(mark: str) -> None:
    """Watch `stopping`, and end by itself."""
    child = current_child()
    stopping = child.stopping
    child.ready()
    stopping.wait()
    Path(mark).write_text("by itself")


def be_stubborn() -> None:
    """Hear SIGTERM and go on."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready()


async def run_async(mark: str) -> None:
    """A coroutine that tidies up when it is cancelled."""
    import asyncio

    current_child().ready()
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        Path(mark).write_text("cancelled")


async def fail_async() -> None:
    """A coroutine that fails."""
    import asyncio

    await asyncio.sleep(0)
    raise Broken("in a coroutine")


async def return_async() -> None:
    """A coroutine that ends."""
    import asyncio

    await asyncio.sleep(0)


async def swallow_async() -> None:
    """A coroutine that takes its cancelling as a hint, and ends normally."""
    import asyncio

    current_child().ready()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return


async def stop_itself_async(mark: str) -> None:
    """A coroutine that looks at `stopping` is not cancelled."""
    import asyncio

    child = current_child()
    stopping = child.stopping
    child.ready()
    while not stopping.is_set():
        await asyncio.sleep(0.005)
    Path(mark).write_text("by itself")


def count(queue: Any) -> None:
    """Put its pid, then stay."""
    queue.put(os.getpid())
    ready()


def send(connection: Connection, lock: Any) -> None:
    """Send under a lock, then stay."""
    with lock:
        connection.send(os.getpid())
    ready()


def share_memory() -> None:
    """Make shared memory and forget to unlink it; the resource tracker will not."""
    from multiprocessing.shared_memory import SharedMemory

    memory = SharedMemory(create=True, size=100)
    ready(memory.name)


def leave_behind(port: int) -> None:
    """Have a grandchild in our group that listens on a port, and stay."""
    code = f"""if 1:
        import socket, signal, os
        sock = socket.create_server(("127.0.0.1", {port}))
        print(os.getpid(), flush=True)
        signal.pause()
    """
    argv = [sys.executable, "-I", "-S", "-c", code]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert process.stdout
    ready(int(process.stdout.readline()))


def listen(port: int) -> None:
    """Listen on a port, which others may do too."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen()
        wait()


def speak(text: str) -> None:
    """Say what it is doing."""
    child = current_child()
    child.status(text)
    child.heartbeat()
    ready()


def decline() -> None:
    """Decline to run."""
    current_child().ignore()


def burn(seconds: float) -> None:
    """Be busy, deaf to everything that needs the main thread's attention."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def beat_after(pipe: str) -> None:
    """Is ready, and well once somebody has opened and closed the pipe."""
    child = current_child()
    child.ready()
    os.mkfifo(pipe)
    Path(pipe).read_bytes()
    child.heartbeat()
    child.stopping.wait()


def start_a_daemon(file: str) -> None:
    """Execute somebody in a session of its own, who is deaf, and stay."""
    script = f"trap '' TERM; echo $$ > {file}.new; mv {file}.new {file}; while :; do sleep 1; done"
    subprocess.Popen(["sh", "-c", script], start_new_session=True)
    current_child().ready()
    while True:
        signal.pause()


def fork_away(file: str) -> None:
    """Fork twice, into a session of its own, so that nobody but the mark tells whose it is."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path(file).write_text(str(os.getpid()))
        while True:
            signal.pause()
    current_child().ready()
    while True:
        signal.pause()


def hang_in_c() -> None:
    """Never look at a signal: all is C code that holds the GIL."""
    current_child().stopping  # noqa: B018 - if the stop comes too early it only sets this
    current_child().ready()
    sum(range(10**13))


def hang_in_c_at_once() -> None:
    """The same, without ever getting ready."""
    sum(range(10**13))


def hang_in_a_lock() -> None:
    """Be told to end, and wait for something that does not come."""
    current_child().stopping  # noqa: B018 - from now on the stop signal only sets this
    there = threading.Event()
    other = threading.Thread(target=wait_in_thread, args=(there,), name="other", daemon=True)
    other.start()
    there.wait()
    current_child().ready()
    while True:
        threading.Event().wait()


def wait_in_thread(there: threading.Event) -> None:
    there.set()
    while True:
        time.sleep(100)


async def hang_in_a_task() -> None:
    """Take no cancellation seriously."""
    import asyncio

    current_child().ready()
    await asyncio.gather(never_ending(), never_ending())


async def never_ending() -> None:
    import asyncio

    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(100)


def stop_again() -> None:
    """Whoever wakes it has it stopped again, before Python sees any other signal."""
    mask = {signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, mask)
    current_child().ready()
    while True:
        os.kill(os.getpid(), signal.SIGSTOP)


def be_ready() -> None:
    """Be ready, and wait."""
    current_child().ready()
    current_child().stopping.wait()


def talk_rubbish() -> None:
    """Say what nobody understands, and then be ready."""
    channel = int(os.environ["OTPSUP_CHANNEL"].split(":")[0])
    for text in (b"{", b"\xff" * 100, b'{"op": "no such"}', b"[]", b'{"op": 1}'):
        os.write(channel, text)
    be_ready()


def _channel() -> int:
    return int(os.environ["OTPSUP_CHANNEL"].split(":")[0])


def talk_in_halves() -> None:
    """Say half of what it has to say, be ready, say nothing (which is the end of it), and go on."""
    os.write(_channel(), b'{"op": "status", "te')
    current_child().ready()
    os.write(_channel(), b"")
    for _ in range(100):
        os.write(_channel(), b'{"op": "status", "text": "does not get through"}')
    wait()


def fall_silent() -> None:
    """Be ready, and close its way to the supervisor."""
    current_child().ready()
    os.close(_channel())
    wait()


def shut_its_channel() -> None:
    """Be ready, and shut one side of its channel after the other."""
    current_child().ready()
    with socket.socket(fileno=os.dup(_channel())) as channel:
        channel.shutdown(socket.SHUT_WR)
        channel.shutdown(socket.SHUT_RD)
    wait()


def talk_without_end() -> None:
    """Be ready, and say this and that for ever."""
    child = current_child()
    child.ready()
    while True:
        child.status("busy")
        child.heartbeat()
        os.write(_channel(), b"rubbish")


def print_and_be_ready() -> None:
    """Say much on stdout, if that can be done, and be ready."""
    current_child().ready()
    with contextlib.suppress(OSError):
        for _ in range(1000):
            print("a line of a worker")
    wait()


def beat_and_hang() -> None:
    """Be ready, send one heartbeat, and then hang where no signal is heard."""
    current_child().ready()
    current_child().heartbeat()
    hang_in_c()


def beat_for_ever() -> None:
    """Send heartbeats until told to stop."""
    child = current_child()
    while not child.stopping.wait(0.05):
        child.heartbeat()
