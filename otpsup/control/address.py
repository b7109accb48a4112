"""Where control sockets are, and how a running tree is found without being named.

One folder a user, mode 0700; one socket a tree, `<name>-<pid>.sock`, mode 0600. A socket whose
tree is gone answers nobody and is taken away by whoever notices.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

from ..errors import NotRunning, OtpsupError

DIRECTORY = "OTPSUP_RUNTIME_DIR"


class UnsafeDirectory(OtpsupError):
    """The folder for sockets belongs to somebody else, or is open to others."""


def directory() -> Path:
    """The folder of this user's control sockets, made if need be.

    `$OTPSUP_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/otpsup`, else `/tmp/otpsup-<uid>`.

    Raises:
        UnsafeDirectory: others could put their own sockets there.
    """
    path = _choose()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise UnsafeDirectory(
            f"cannot use {path} for control sockets: it must be a folder of yours that nobody else "
            f"can write to; remove it, or set {DIRECTORY} to one that is"
        )
    return path


def _choose() -> Path:
    if given := os.environ.get(DIRECTORY):
        return Path(given)
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "otpsup"
    return Path(f"/tmp/otpsup-{os.geteuid()}")


def for_tree(name: str) -> Path:
    """The socket of a tree of this name in this process."""
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:40]
    return directory() / f"{safe}-{os.getpid()}.sock"


def connect(path: Path) -> socket.socket:
    """A connection to the tree behind a socket.

    Raises:
        NotRunning: nobody answers there.
    """
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(str(path))
    except OSError as error:
        sock.close()
        raise NotRunning(f"no tree answers at {path}: {error.strerror}") from None
    return sock


def _answers(path: Path) -> bool:
    try:
        connect(path).close()
    except NotRunning:
        return False
    return True


def running() -> list[Path]:
    """The sockets of all running trees of this user; stale ones are removed."""
    found = sorted(directory().glob("*.sock"))
    alive = [path for path in found if _answers(path)]
    for path in set(found) - set(alive):
        if not _is_alive(path):
            with contextlib.suppress(OSError):
                path.unlink()
    return alive


def _is_alive(path: Path) -> bool:
    """Whether the process that made this socket still exists: it may be starting up."""
    pid = path.stem.rpartition("-")[2]
    return pid.isdigit() and Path(f"/proc/{pid}").exists()


def find(name: str | None = None) -> Path:
    """The one running tree, or the one of this name.

    Raises:
        NotRunning: there is none, or there are several.
    """
    paths = running()
    chosen = [path for path in paths if name in (None, _name(path), path.stem)]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(path.stem for path in paths) or "none"
    if not chosen and name:
        raise NotRunning(f"no tree {name!r} is running; running now: {names}")
    if not chosen:
        raise NotRunning("no tree is running; start one, or name its socket with --socket PATH")
    raise NotRunning(f"several trees are running: {names}; choose one with --tree NAME")


def _name(path: Path) -> str:
    return path.stem.rpartition("-")[0]
