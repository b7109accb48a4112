"""The sockets that are served, of either kind.

A unix socket is there in one step, with its mode and its owner, and listens: all that is done under
another name, and then it is linked to its own. If that is taken, whoever answers there is asked to
stay; what nobody answers on is replaced.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

from attrs import frozen

from ..errors import OtpsupError

_BACKLOG = 1024
_PATIENCE = 2.0
"""Seconds within which whoever owns a socket takes a connection."""


class CannotServe(OtpsupError):
    """A server's socket cannot be had; the message says why, and what to do."""

    code = "cannot_serve"


@frozen(kw_only=True)
class Address:
    """Where something is served.

    Attributes:
        label: what messages call it: `[inet_http_server]`.
        file: of a unix socket; None for inet.
        host, port: of an inet one; an empty host is all addresses, port 0 any that is free.
        chmod: of the file.
        chown: user id and group id of the file, -1 for those of this process.
    """

    label: str
    file: str | None = None
    host: str = ""
    port: int = 0
    chmod: int = 0o700
    chown: tuple[int, int] = (-1, -1)

    def __str__(self) -> str:
        return self.file or f"{self.host or '*'}:{self.port}"


def open_socket(address: Address) -> socket.socket:
    """A listening socket at this address.

    Raises:
        CannotServe: it is in use, or not permitted.
    """
    try:
        made = _unix(address) if address.file is not None else _inet(address)
    except OSError as error:
        why = error.strerror or error
        raise CannotServe(f"{address.label} cannot listen on {address}: {why}") from None
    made.setblocking(False)
    return made


def _inet(address: Address) -> socket.socket:
    host = address.host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, address.port))
        made.listen(_BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def _unix(address: Address) -> socket.socket:
    path = Path(address.file or "")
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(temporary))
        temporary.chmod(address.chmod)
        os.chown(temporary, *address.chown)
        made.listen(_BACKLOG)
        _link(temporary, path, address)
    except BaseException:
        made.close()
        raise
    finally:
        temporary.unlink(missing_ok=True)
    return made


def _link(temporary: Path, path: Path, address: Address) -> None:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        _make_room(path, address)
        path.hardlink_to(temporary)


def _make_room(path: Path, address: Address) -> None:
    if not stat.S_ISSOCK(path.lstat().st_mode):
        text = f"{address.label} {path} is there, and no socket; move it, or name another file"
        raise CannotServe(text)
    if _is_used(path):
        raise CannotServe(
            f"{address.label} another program already listens on {path}; shut it down first, or "
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


def identity(address: Address) -> tuple[int, int] | None:
    """What tells the file of a unix socket from another of that name."""
    try:
        found = Path(address.file or "").lstat() if address.file else None
    except OSError:
        return None
    return found and (found.st_dev, found.st_ino)


def remove(address: Address, ours: tuple[int, int] | None) -> None:
    """Take the file of a unix socket away, if it is still `ours`."""
    if address.file is not None and ours is not None and identity(address) == ours:
        with contextlib.suppress(OSError):
            Path(address.file).unlink()
