"""Programs that host a tree, for what must not happen to the process of the tests itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import otpsup

from . import ROOT
from .waiting import LONG

_BEGIN = """
import json, os, signal, sys, threading, time
from pathlib import Path
def tell(value):
    os.write({channel}, json.dumps(value).encode() + b"\\n")
"""

_IMPORTS = """
import otpsup
{names}
from tests.support import targets
from tests.support.trees import *
from tests.support.waiting import *
"""


def public_python() -> tuple[str, str]:
    """A Python of ours that other users may run, and its PYTHONPATH."""
    path = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    for found in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(
                [str(found), "-c", "import otpsup.tree"], env={"PYTHONPATH": path},
                user=65534, group=65534, extra_groups=[], cwd="/", check=True, capture_output=True,
            )  # fmt: skip
            return str(found), path
    pytest.skip("other users cannot run any Python that we have")


class Host:
    """A Python program with a tree in it. Its functions are importable, as a real script's."""

    def __init__(self, process: subprocess.Popen[bytes], channel: int) -> None:
        self.process = process
        self.pid = process.pid
        self._channel = channel
        self._buffer = b""

    def hear(self, within: float = LONG) -> Any:
        """The next value that it tells."""
        deadline = time.monotonic() + within
        while b"\n" not in self._buffer:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._channel], [], [], left)[0]:
                raise AssertionError(f"the host said nothing within {within} s")
            data = os.read(self._channel, 65536)
            if not data:
                raise AssertionError(f"the host has ended: {self.process.wait(LONG)}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def kill(self, signum: int = signal.SIGKILL) -> None:
        """Send it a signal."""
        self.process.send_signal(signum)

    def wait(self, within: float = LONG) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(within)


def _imports_for(code: str) -> str:
    """What this code needs of otpsup: all of it takes an interpreter twice as long to import."""
    found = sorted(set(otpsup.__all__) & set(re.findall(r"\w+", code)))
    return f"from otpsup import {', '.join(found)}" if found else ""


@contextmanager
def hosting(
    folder: Path,
    code: str,
    *args: str,
    before: str = "",
    main: str = "main()",
    python: Sequence[str] = (),
    command: Sequence[str] = (),
    executable: str = sys.executable,
    script: str = "",
    environment: Mapping[str, str] = {},
    **popen: Any,
) -> Iterator[Host]:
    """Run a script; `code` defines `main`, which `tell`s values.

    Args:
        before: what it does before it imports otpsup.
        main: what it does when run, and not when imported.
        python, command: options for the interpreter, and what goes before it.
        executable: the interpreter.
        script: how the interpreter is told of the script; its file if not given.
    """
    reader, writer = os.pipe()
    file = folder / "host.py"
    imports = _IMPORTS.format(names=_imports_for(code + main))
    body = [_BEGIN.format(channel=writer), before, imports, code]
    text = "\n".join(textwrap.dedent(part) for part in body)
    file.write_text(f"{text}\nif __name__ == '__main__':\n    {main}\n")
    process = subprocess.Popen(
        [*command, executable, *python, script or str(file), *args],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        pass_fds=[writer],
        **popen,
    )
    os.close(writer)
    try:
        yield Host(process, reader)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        os.close(reader)
