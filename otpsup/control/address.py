"""Where control sockets are, and how a running tree is found without being named.

One folder a user, mode 0700; one socket a tree, `<name>-<pid>.sock`, mode 0600. A socket whose
tree is gone answers nobody and is taken away by whoever notices.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from ..errors import NotRunning, OtpsupError

DIRECTORY = "OTPSUP_RUNTIME_DIR"

_PATIENCE = 10
"""Whole seconds within which a tree lets somebody in, unless its process is stopped, or stuck."""


class UnsafeDirectory(OtpsupError):
    """The folder for sockets belongs to somebody else, is open to others, or cannot be made."""


def directory() -> Path:
    """The folder of this user's control sockets, made if need be.

    `$OTPSUP_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/otpsup`, else `/tmp/otpsup-<uid>`.

    Raises:
        UnsafeDirectory: others could put their own sockets there, or another folder in its place,
            or it cannot be made.
    """
    path = _choose()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise UnsafeDirectory(
            f"cannot make the folder {path} for control sockets: {error.strerror}; set {DIRECTORY} "
            "to one that can be made"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise UnsafeDirectory(
            f"cannot use {path} for control sockets: it must be a folder of yours that nobody else "
            f"can write to; remove it, or set {DIRECTORY} to one that is"
        )
    if unsafe := next(filter(_can_be_swapped, path.resolve().parents), None):
        raise UnsafeDirectory(
            f"cannot use {path} for control sockets: others can put something else in its place, "
            f"for {unsafe} is theirs, or anybody may write there; set {DIRECTORY} to a safe one"
        )
    return path


def _can_be_swapped(folder: Path) -> bool:
    """Whether others may rename what is in a folder; not where it is sticky, as /tmp (chmod(2))."""
    found = folder.stat()
    is_open = found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX
    return bool(is_open) or found.st_uid not in (0, os.geteuid())


def _choose() -> Path:
    if given := os.environ.get(DIRECTORY):
        return Path(given)
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "otpsup"
    return Path(f"/tmp/otpsup-{os.geteuid()}")


def listen(name: str) -> tuple[socket.socket, Path]:
    """A listening socket for a tree of this name in this process, for this user alone.

    A second tree of the same name becomes `<name>-<pid>.2`, and so on.
    """
    sock = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(sock.fileno(), 0o600)  # what bind(2) makes has this mode, umask or not
        for path in _candidates(name):
            if _bind(sock, path):
                sock.listen()
                return sock, path
        raise AssertionError("candidates do not end")
    except BaseException:
        sock.close()
        raise


def _candidates(name: str) -> Iterator[Path]:
    stem = f"{safe(name)}-{os.getpid()}"
    yield directory() / f"{stem}.sock"
    for number in itertools.count(2):
        yield directory() / f"{stem}.{number}.sock"


def safe(name: str) -> str:
    """A tree's name as it stands in a file name: a socket's path has 107 bytes at most."""
    text = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    return text.encode()[:40].decode(errors="ignore")


def _bind(sock: socket.socket, path: Path) -> bool:
    """Take this path, also over a dead socket's; False if another tree answers there."""
    while True:
        try:
            sock.bind(str(path))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            if _answers(path):
                return False
            path.unlink(missing_ok=True)
        else:
            return True


def connect(path: Path) -> socket.socket:
    """A connection to the tree behind a socket.

    Raises:
        NotRunning: nobody answers there, or nobody has been let in for a long time.
    """
    sock = socket.socket(socket.AF_UNIX)
    try:
        _wait_at_most(sock, _PATIENCE)
        sock.connect(str(path))
        _wait_at_most(sock, 0)
    except BlockingIOError:
        sock.close()
        raise NotRunning(
            f"the tree at {path} has let nobody in for {_PATIENCE} s: its process is stopped, or "
            "stuck"
        ) from None
    except OSError as error:
        sock.close()
        raise NotRunning(f"no tree answers at {path}: {error.strerror or error}") from None
    return sock


def _wait_at_most(sock: socket.socket, seconds: int) -> None:
    """Of connect(2), when too many wait to be let in already; 0 is for ever. A timeout of Python's
    own does not wait there at all."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("2l", seconds, 0))


def user_of(stream: socket.socket) -> int:
    """The user whose process connected this socket, as the kernel knows it (SO_PEERCRED)."""
    credentials = struct.Struct("3i")
    raw = stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    return int(credentials.unpack(raw)[1])


def _answers(path: Path) -> bool:
    """Also if so many wait already that nobody else can: who looks for a tree waits for none."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setblocking(False)
        try:
            sock.connect(str(path))
        except BlockingIOError:
            return True
        except OSError:
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
    pid = path.stem.rpartition("-")[2].partition(".")[0]
    return pid.isdigit() and Path(f"/proc/{pid}").exists()


def find(name: str | None = None) -> Path:
    """The one running tree, or the one of this name.

    Raises:
        NotRunning: there is none, or there are several.
    """
    paths = running()
    chosen = [path for path in paths if name is None or _is_called(path, name)]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(path.stem for path in paths) or "none"
    if not chosen and name:
        raise NotRunning(f"no tree {name!r} is running; running now: {names}")
    if not chosen:
        raise NotRunning("no tree is running; start one, or name its socket with --socket PATH")
    raise NotRunning(f"several trees are running: {names}; choose one with --tree NAME")


def _is_called(path: Path, name: str) -> bool:
    return name == path.stem or safe(name) == path.stem.rpartition("-")[0]
