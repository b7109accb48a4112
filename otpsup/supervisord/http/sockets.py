"""The sockets that are served: made as supervisord makes them.

A unix socket is there in one step, with its mode: it is bound under another name, and linked to its
own. If that is taken, whoever answers there is asked to stay; what nobody answers on is replaced.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

from ...errors import OtpsupError
from ..conf.model import HttpServer

_BACKLOG = 1024
_PATIENCE = 2.0
"""Seconds within which whoever owns a socket takes a connection."""


class CannotServe(OtpsupError):
    """A server's socket cannot be had; the message says why, and what to do."""

    code = "cannot_serve"


def open_socket(server: HttpServer) -> socket.socket:
    """A listening socket for this server.

    Raises:
        CannotServe: it is in use, or not permitted.
    """
    try:
        made = _unix(server) if server.file is not None else _inet(server)
    except OSError as error:
        where = server.file or f"{server.host or '*'}:{server.port}"
        why = error.strerror or error
        text = f"[{server.section}] cannot listen on {where}: {why}"
        raise CannotServe(text) from None
    made.listen(_BACKLOG)
    made.setblocking(False)
    return made


def _inet(server: HttpServer) -> socket.socket:
    host = server.host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, server.port))
    except BaseException:
        made.close()
        raise
    return made


def _unix(server: HttpServer) -> socket.socket:
    path = Path(server.file or "")
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(temporary))
        temporary.chmod(server.chmod)
        _link(temporary, path, server)
    except BaseException:
        made.close()
        raise
    finally:
        temporary.unlink(missing_ok=True)
    return made


def _link(temporary: Path, path: Path, server: HttpServer) -> None:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        _make_room(path, server)
        path.hardlink_to(temporary)
    os.chown(path, *server.chown)


def _make_room(path: Path, server: HttpServer) -> None:
    if not stat.S_ISSOCK(path.lstat().st_mode):
        text = f"[{server.section}] {path} is there, and no socket; move it, or name another file"
        raise CannotServe(text)
    if _is_used(path):
        raise CannotServe(
            f"[{server.section}] another program already listens on {path}; shut it down first, or "
            "name another file"
        )
    path.unlink(missing_ok=True)


def _is_used(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(_PATIENCE)
        try:
            asking.connect(str(path))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


def identity(server: HttpServer) -> tuple[int, int] | None:
    """What tells the file of a unix socket from another of that name."""
    try:
        found = Path(server.file or "").lstat() if server.file else None
    except OSError:
        return None
    return found and (found.st_dev, found.st_ino)


def remove(server: HttpServer, ours: tuple[int, int] | None) -> None:
    """Take the file of a unix socket away, if it is still `ours`."""
    if server.file is not None and ours is not None and identity(server) == ours:
        with contextlib.suppress(OSError):
            Path(server.file).unlink()
