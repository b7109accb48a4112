"""The collector `disk`: what is free where the host writes, once for each file system.

These are the folders of the files that it has open for writing (its children's logs), its working
folder, the one for temporary files, and those that are named in the settings.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..specs.healthz import Healthz
from .model import Metric

_UNITS = ("B", "KB", "MB", "GB", "TB")
_WHAT_TO_DO = "make room there: a full disk ends logs first, and then what writes data"


def collect(settings: Healthz) -> Iterator[Metric]:
    """Look once."""
    for folder in _one_each(_folders(settings.folders)):
        yield _free(folder, settings)


def _free(folder: Path, settings: Healthz) -> Metric:
    """What whoever is not root may still use: f_bavail of statvfs(3)."""
    found = os.statvfs(folder)
    free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    share = free / size if size else 1.0
    told = f"{_bytes(free)} ({share:.0%})"
    if share >= settings.disk_free and free >= settings.disk_bytes:
        return Metric("free", told, True, {"path": str(folder)})
    least = _bytes(settings.disk_bytes) if share >= settings.disk_free else (
        f"{settings.disk_free:.0%}")  # fmt: skip
    message = f"free is {told}, less than {least}"
    return Metric("free", told, False, {"path": str(folder)}, message, _WHAT_TO_DO)


def _folders(named: Iterable[Path]) -> Iterator[Path]:
    yield from named
    yield Path.cwd()
    yield Path(tempfile.gettempdir())
    yield from sorted({Path(file).parent for file in _written()})


def _written() -> Iterator[str]:
    """The files that this process has open for writing."""
    for fd in os.listdir("/proc/self/fd"):  # noqa: PTH208 - of names, and there may be many
        with contextlib.suppress(OSError):  # closed meanwhile
            path = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
            if _is_file(path) and _is_written(int(fd)):
                yield path.removesuffix(" (deleted)")


def _is_file(path: str) -> bool:
    return path.startswith("/") and not path.startswith(("/dev/", "/memfd:", "/proc/"))


def _is_written(fd: int) -> bool:
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def _one_each(folders: Iterable[Path]) -> list[Path]:
    """One folder of each file system; of one that is not there, the folder above it."""
    found: dict[int, Path] = {}
    for folder in folders:
        there = _there(folder.absolute())
        found.setdefault(there.stat().st_dev, there)
    return list(found.values())


def _there(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))


def _bytes(count: float) -> str:
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g}{_UNITS[-1]}"
