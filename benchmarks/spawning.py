"""The spike behind the launcher and the zygote: what each way to start a child costs.

    python benchmarks/spawning.py [ROUNDS]

All ways take turns in one run, because absolute times drift with the machine's load; what counts
is the ratio to the first row. For commands the time runs from the call to the exit of a program
that does nothing; for workers, to the first byte that the worker's own code writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.first_line import to_connection
from otpsup.engine.reasons import Exit
from otpsup.runtime import launchers, marks, orders
from otpsup.specs import Command, Worker

TRUE = "/bin/true"
Way = Callable[[], Awaitable[float]]


class Waiter:
    """An owner of one process that only waits for its end."""

    mark = ""

    def __init__(self) -> None:
        self.ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def on_up(self, pid: int, pidfd: int | None) -> None:
        if pidfd is not None:
            os.close(pidfd)

    def on_failed(self, error: OSError) -> None:
        self.ended.set_exception(error)

    def on_exit(self, exit: Exit) -> None:
        self.ended.set_result(time.perf_counter())

    def on_lost(self) -> None:
        self.ended.set_exception(RuntimeError("the launcher has ended"))

    def has_ended(self) -> bool:
        return True

    def on_swept(self) -> None:
        pass


async def popen() -> float:
    start = time.perf_counter()
    subprocess.Popen([TRUE], start_new_session=True).wait()
    return time.perf_counter() - start


async def posix_spawn() -> float:
    start = time.perf_counter()
    pid = os.posix_spawn(TRUE, [TRUE], os.environ, setsid=True)
    os.waitpid(pid, 0)
    return time.perf_counter() - start


async def fork_exec() -> float:
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os.execv(TRUE, [TRUE])
    os.waitpid(pid, 0)
    return time.perf_counter() - start


async def asyncio_subprocess() -> float:
    start = time.perf_counter()
    await (await asyncio.create_subprocess_exec(TRUE)).wait()
    return time.perf_counter() - start


def launcher(both: launchers.Launchers) -> Way:
    order = {**orders.command(Command("c", [TRUE]), "c", (), 0o022, 0, {}), "targets": []}

    async def way() -> float:
        start = time.perf_counter()
        waiter = Waiter()
        both.launcher().spawn(order, [], waiter)
        return await waiter.ended - start

    return way


def zygote(both: launchers.Launchers) -> Way:
    spec = Worker("w", "benchmarks.first_line:to_descriptor", args=(1,))

    async def way() -> float:
        reader, writer = os.pipe()
        ours, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        start = time.perf_counter()
        order, more = orders.worker(spec, "w", (), 0o022, {})
        waiter = Waiter()
        both.zygote().spawn(
            {**order, "targets": [1, 2]}, [channel.fileno(), writer, 2, *more], waiter
        )
        took = await readable(reader) - start
        await waiter.ended
        for end in (ours, channel):
            end.close()
        os.close(reader)
        os.close(writer)
        return took

    return way


def stock(method: str) -> Way:
    context = multiprocessing.get_context(method)

    async def way() -> float:
        reader, writer = context.Pipe(duplex=False)
        start = time.perf_counter()
        process = context.Process(target=to_connection, args=(writer,))  # type: ignore[attr-defined]
        process.start()
        took = await readable(reader.fileno()) - start
        process.join()
        reader.close()
        writer.close()
        return took

    return way


async def readable(fd: int) -> float:
    """When the descriptor became readable."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[float] = loop.create_future()

    def note() -> None:
        loop.remove_reader(fd)
        done.set_result(time.perf_counter())

    loop.add_reader(fd, note)
    return await done


async def compare(title: str, ways: dict[str, Way], rounds: int) -> None:
    """Let all ways take turns, and print medians and ratios."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(rounds + 1):
        for name, way in ways.items():
            took = await way()
            if round_:
                times[name].append(took)
    base = statistics.median(times[next(iter(ways))])
    print(f"\n{title} ({rounds} rounds)\n{'way':<34}{'median ms':>10}{'p99 ms':>10}{'ratio':>8}")
    for name, values in times.items():
        median = statistics.median(values)
        p99 = statistics.quantiles(values, n=100)[98]
        print(f"{name:<34}{median * 1e3:>10.3f}{p99 * 1e3:>10.3f}{median / base:>8.2f}")


async def main(rounds: int) -> None:
    loop = asyncio.get_running_loop()
    both = launchers.Launchers(loop, marks.new_tree(), ["benchmarks.first_line"], {})
    commands: dict[str, Way] = {
        "host: posix_spawn, waitpid": posix_spawn,
        "host: Popen, wait": popen,
        "host: asyncio.subprocess": asyncio_subprocess,
        "launcher": launcher(both),
        "host: fork, exec": fork_exec,
    }
    workers: dict[str, Way] = {"zygote": zygote(both)}
    workers |= {method: stock(method) for method in ("fork", "forkserver", "spawn")}
    await compare("A command, small host", commands, rounds)
    await compare("A worker, small host", workers, max(rounds // 4, 10))
    ballast = bytearray(os.urandom(1)) * (1 << 30)
    await compare("A command, host of 1 GiB", commands, max(rounds // 4, 10))
    await compare("A worker, host of 1 GiB", workers, max(rounds // 8, 10))
    del ballast
    await both.close(5)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
