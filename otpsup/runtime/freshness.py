"""Whether the code that a zygote has imported is still what lies on the disk.

A worker that an operator starts or restarts is to run the code that was deployed meanwhile. So a
zygote writes down which files it has imported, and how they were; the host looks before such a
start. A restart after a crash takes what the zygote has: that is what was running.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from typing import Any

_LIBRARY = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib"))
_ADDED = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("purelib", "platlib"))


def write_down(fd: int) -> None:
    """Write which files this process has imported to a descriptor, and close it."""
    with os.fdopen(fd, "w") as file:
        json.dump({path: _mark(path) for path in _imported()}, file)


def _imported() -> Iterator[str]:
    """All but Python's own library, which changes with Python itself."""
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and _can_change(path):
            yield path


def _can_change(path: str) -> bool:
    return not path.startswith(_LIBRARY) or path.startswith(_ADDED)


def _mark(path: str) -> list[int] | None:
    """What tells one version of a file from another."""
    try:
        found = os.stat(path)  # noqa: PTH116 - there are hundreds, and a Path takes longer than this
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_size, found.st_ino]


class Imported:
    """What a zygote has imported, as it writes that down.

    Attributes:
        fd: for the zygote to write to; the host's to close.
    """

    def __init__(self) -> None:
        self.fd = os.memfd_create("otpsup-imported", os.MFD_CLOEXEC)
        self._files: dict[str, Any] | None = None

    def is_outdated(self) -> bool:
        """Whether any of the files has changed since. One that is still importing is not."""
        if self._files is None:
            self._files = self._read()
        return any(_mark(path) != mark for path, mark in (self._files or {}).items())

    def _read(self) -> dict[str, Any] | None:
        if self.fd < 0:
            return None
        data = os.pread(self.fd, os.fstat(self.fd).st_size, 0)
        try:
            found: dict[str, Any] = json.loads(data)
        except ValueError:  # it has not written all of it
            return None
        return found

    def close(self) -> None:
        """Let go of it; once is enough."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1
