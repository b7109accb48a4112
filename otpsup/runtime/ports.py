"""Who listens on a TCP port: asked before a child is started that wants the port for itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_LISTEN = "0A"
_LOOPBACK = {"127.0.0.1", "localhost", "::1", "0.0.0.0", "::", ""}


def is_local(host: str) -> bool:
    """True for the names of this machine that need no look-up."""
    return host in _LOOPBACK


def is_taken(port: int) -> bool:
    """Whether anything on this machine listens on `port` (proc(5), /proc/net/tcp)."""
    return any(True for _ in _listening(port))


def _listening(port: int) -> Iterator[str]:
    suffix = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTEN and fields[1].endswith(suffix):
                yield fields[9]


def holder(port: int) -> psutil.Process | None:
    """A process that listens on `port`, if we are allowed to see it."""
    import psutil  # only who finds a port taken needs it

    inodes = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in psutil.process_iter():
        if inodes & _links(process.pid):
            return process
    return None


def _links(pid: int) -> set[str]:
    """What a process has open; less what it closes meanwhile."""
    try:
        found = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return set()
    return {link for link in map(_target, found) if link}


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def describe(process: psutil.Process | None) -> str:
    """Who it is, in words: `python3 (pid 812)`."""
    if process is None:
        return "a process of another user"
    import psutil  # has been imported: by `holder`

    try:
        return f"{process.name()} (pid {process.pid})"
    except psutil.Error:
        return f"pid {process.pid}"
