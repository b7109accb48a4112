"""What is loaded where: nothing that its use does not need.

A module costs time at every start and memory for as long as a process lives. Each test names all
that may be loaded, and compares: whatever else there is, of ours or of others, was added by
somebody, who may want to load it where it is used instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import attr
import pytest

from otpsup import Command
from otpsup.runtime.launch import LAUNCHER
from tests.support import ROOT
from tests.support.trees import running

LIBRARIES = str(Path(attr.__file__).parents[1])
TELL = "import sys; print(*sys.modules, file=sys.stderr)"


def loaded(code: str, *options: str) -> set[str]:
    """The modules of a fresh interpreter after this code, whatever `.pth` files bring aside."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), LIBRARIES))}
    script = f"{textwrap.dedent(code)}\n{TELL}"
    result = subprocess.run(
        [sys.executable, "-S", *options, "-c", script], env=env, cwd="/", stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr.decode()
    return set(result.stderr.decode().splitlines()[-1].split())


def others(modules: set[str], allowed: str) -> set[str]:
    """Those that are neither ours nor come with one of these."""
    return {name for name in modules if not is_ours(name)} - loaded(f"import __future__, {allowed}")


def is_ours(name: str) -> bool:
    return name.partition(".")[0] == "otpsup"


def ours(modules: set[str]) -> set[str]:
    return {name.removeprefix("otpsup.") for name in modules if is_ours(name)}


def units(modules: set[str]) -> set[str]:
    """The parts of otpsup that these are in."""
    return {name.partition(".")[0] for name in ours(modules)} - {"otpsup"}


def test_the_comparison_sees_something() -> None:
    """What one import too many brings is found, be it heavy or light."""
    modules = loaded("import otpsup, decimal, shlex")

    assert {"decimal", "shlex"} <= others(modules, "importlib")


def test_import_otpsup() -> None:
    """`import otpsup` loads its list of names, and no library at all."""
    modules = loaded("import otpsup")

    assert ours(modules) == {"otpsup", "version"}
    assert not others(modules, "importlib")


def test_specs() -> None:
    """Who describes a tree loads neither engine nor runtime, and no event loop."""
    modules = loaded("from otpsup import Command, Supervisor, Worker")

    assert units(modules) == {"errors", "mask", "specs", "version"}
    assert not others(modules, "attrs, graphlib, json, math, pathlib, resource, signal")


CLIENT = "attrs, importlib.util, json, pathlib, signal, socket, struct, threading"
"""What a command needs that asks a running tree: no engine, no event loop, no click."""
COMMAND = "import sys; sys.argv = {line!r}.split(); from otpsup.__main__ import main; main()"


@pytest.mark.parametrize(
    "line",
    [
        "otpsup status",
        "otpsup stop c",
        *(
            pytest.param(f"otpsup {line}", marks=pytest.mark.slow)
            for line in ("status --json c", "why c", "pid c")
        ),
    ],
)
def test_commands_to_a_running_tree(line: str) -> None:
    """`status` and its like load what a client of a tree needs: its engine is elsewhere."""
    with running(Command("c", ["sleep", "1000"]), name="small"):
        modules = loaded(COMMAND.format(line=f"{line} --tree small"))

    assert "control.client" in ours(modules)
    assert not units(modules) & {"config", "engine", "logger", "operations", "runtime", "specs"}
    assert not others(modules, f"{CLIENT}, glob, shlex")


@pytest.mark.parametrize("line", ["otpsup --version", "otpsup status --tree no-such-tree"])
def test_commands_without_a_tree(line: str) -> None:
    """What is told at once needs no more than that."""
    modules = loaded(COMMAND.format(line=line))

    assert not units(modules) & {"config", "engine", "logger", "operations", "runtime", "specs"}
    assert not others(modules, CLIENT)


def test_launcher() -> None:
    """The launcher has what makes, signals and reaps processes; not even `typing`, a megabyte."""
    begin = LAUNCHER.partition("main(int")[0]
    modules = loaded(f"{begin}\nimport ctypes", "-I")
    allowed = (
        "_signal, _socket, _thread, array, collections.abc, contextlib, ctypes, errno, fcntl, "
        "functools, gc, marshal, os, resource, select, struct, time"
    )

    assert {name for name in modules if name.startswith("launcher.")} == {
        f"launcher.{name}"
        for name in (
            *("bare", "children", "deaths", "ends", "execute", "farewell", "frames", "leftovers"),
            *("main", "replacing", "reports", "server", "standby", "strays", "syscalls"),
        )
    }
    assert "typing" not in modules
    extra = {name for name in modules if name.partition(".")[0] != "launcher"}
    assert not extra - loaded(f"import __future__, {allowed}", "-I")


HOST = """
    from otpsup import Command, Supervisor, Tree

    with Tree(Supervisor("t", children=[Command("c", ["sleep", "1000"])])) as tree:
        tree.status()
        {more}
"""
RUNTIME = (
    "asyncio, attrs, bisect, faulthandler, glob, graphlib, grp, importlib.util, json, mmap, "
    "pathlib, pwd, queue, random, resource, shlex, signal, socket, subprocess, threading, traceback"
)
"""What supervises commands. loguru and psutil are loaded by who logs, or finds a port taken;
multiprocessing and ctypes by who has workers."""


def test_host_of_commands() -> None:
    """A program that runs a tree of commands has an event loop, and few things beside it."""
    modules = loaded(HOST.format(more=""))

    assert not others(modules, RUNTIME)
    assert not units(modules) & {"cli", "config", "graph", "program", "supervisord", "testing"}
    unneeded = {"bootstrap", "freshness", "stock", "workers", "zygote"}
    assert not ours(modules) & {f"runtime.{name}" for name in unneeded}


@pytest.mark.slow
def test_host_that_logs() -> None:
    """Loguru is there once the host has loaded it, and then is asked."""
    modules = loaded(f"import loguru\n{textwrap.dedent(HOST.format(more=''))}")

    assert not others(modules, f"loguru, {RUNTIME}")


def test_children() -> None:
    """A worker that speaks to its tree loads no event loop for that, and no library."""
    modules = loaded("import otpsup.child")

    assert units(modules) == {"child", "errors", "version", "wire"}
    assert not others(modules, "contextlib, importlib, json, os, socket, threading, typing")


def test_zygote() -> None:
    """What makes workers has multiprocessing, and few things beside it: each tree with workers
    waits for it at its start."""
    modules = loaded("import otpsup.runtime.zygote")

    assert units(modules) == {"child", "errors", "runtime", "version", "wire"}
    allowed = (
        "ctypes, faulthandler, gc, json, marshal, multiprocessing.resource_tracker, "
        "multiprocessing.spawn, resource, threading, traceback, typing, "
        "sysconfig; sysconfig.get_path('stdlib')"
    )
    assert not others(modules, allowed)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "module"), [("zygote", "zygote"), ("spawn", "stock")])
def test_what_workers_need_is_loaded_beforehand(method: str, module: str) -> None:
    """A worker that is added to a tree that runs does not let its loop wait for an import: what it
    is made with has been loaded by the thread that asks."""
    loaded(f"""
        import sys
        from otpsup import Command, Supervisor, Tree, Worker

        with Tree(Supervisor("t", children=[Command("c", ["sleep", "1000"])])) as tree:
            at_first, asked = set(sys.modules), set()
            send = tree.send
            tree.send = lambda make: asked.update(sys.modules) or send(make)
            tree.start_child(Worker("w", "time:sleep", args=(1000,), start_method={method!r}))
        assert "otpsup.runtime.{module}" in asked - at_first
    """)
