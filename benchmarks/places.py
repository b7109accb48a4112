"""Where the benchmarks keep what they build, install and write."""

from __future__ import annotations

import functools
import subprocess
import sysconfig
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
NATIVE = HERE / "native"
RIVALS = HERE / ".rivals"
"""What `python -m benchmarks.setup` has brought, and what was compiled; not to be committed."""
RESULTS = PROJECT / "docs" / "explanation" / "performance"
"""Figures and charts of the documented run."""


@functools.cache
def python() -> str:
    """A Python with otpsup on its path, as an installation leaves it.

    Where it is being worked on, it may be found by a finder of its own (`pip install -e`): that
    costs each process 2 MB and 20 ms.
    """
    place = RIVALS / "python"
    if not (place / "bin" / "python").exists():
        venv.create(place, symlinks=True)
    base = {"base": str(place), "platbase": str(place)}
    found = Path(sysconfig.get_path("purelib", "venv", vars=base)) / "otpsup.pth"
    found.write_text("".join(f"{path}\n" for path in (PROJECT, *_dependencies())))
    return str(place / "bin" / "python")


def _dependencies() -> set[str]:
    return {sysconfig.get_path(name) for name in ("purelib", "platlib")}


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
