"""What the benchmarks ran on, and with."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from . import places
from .rivals import versions
from .rivals.rival import Rival


def describe(rivals: Sequence[Rival]) -> dict[str, str]:
    """The machine, and the versions of everybody."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "otpsup": _commit(),
        **{each: version for each, version in versions(rivals).items() if _is_other(each, rivals)},
    }


def _is_other(name: str, rivals: Sequence[Rival]) -> bool:
    return any(each.name == name and each.kind == "rival" for each in rivals)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    """The commit measured, marked if there are changes on top."""
    argv = ["git", "describe", "--always", "--dirty"]
    try:
        found = subprocess.run(argv, cwd=places.PROJECT, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return found.stdout.strip() or "unknown"
