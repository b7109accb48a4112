"""Where the benchmarks keep what they build, install and write."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
NATIVE = HERE / "native"
RIVALS = HERE / ".rivals"
"""What `python -m benchmarks.setup` has brought, and what was compiled; not to be committed."""
RESULTS = PROJECT / "docs" / "explanation" / "performance"
"""Figures and charts of the documented run."""


@functools.cache
def compiled(name: str) -> str:
    """The path of `native/<name>.c` as a program, compiled if it is older than its source.

    Raises:
        FileNotFoundError: there is no C compiler.
        subprocess.CalledProcessError: it does not compile.
    """
    source, program = NATIVE / f"{name}.c", RIVALS / "bin" / name
    if _is_older(program, source):
        subprocess.run(["cc", "-O2", "-static", "-o", str(program), str(source)], check=True)
    return str(program)


@functools.cache
def compiled_erlang(name: str) -> str:
    """The folder that holds `native/<name>.erl`, compiled if it is older than its source.

    Raises:
        FileNotFoundError: there is no Erlang.
        subprocess.CalledProcessError: it does not compile.
    """
    source, program = NATIVE / f"{name}.erl", RIVALS / "erlang" / f"{name}.beam"
    if _is_older(program, source):
        subprocess.run(["erlc", "-o", str(program.parent), str(source)], check=True)
    return str(program.parent)


def _is_older(program: Path, source: Path) -> bool:
    """Whether it must be compiled; its folder is made."""
    program.parent.mkdir(parents=True, exist_ok=True)
    return not program.exists() or program.stat().st_mtime < source.stat().st_mtime
