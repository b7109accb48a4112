"""Sockets that commands serve as their standard input: opened once, kept while anybody needs them.

A child holds its socket from its first start until it is down: while it is only restarted, clients
wait in the backlog, and nobody else can take the address.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import socket
from pathlib import Path

from ..specs.stdin import Socket
from .environment import Unusable


class Sockets:
    """The open ones, and who holds each."""

    def __init__(self) -> None:
        self._open: dict[str, socket.socket] = {}
        self._holders: dict[str, str] = {}
        """The address of each child that holds one."""

    def hold(self, path: str, wanted: Socket) -> int:
        """The descriptor of a socket for this child; opened if nobody holds it.

        Raises:
            Unusable: it cannot be had.
        """
        held = self._holders.get(path)
        if held is not None and held != wanted.url:
            self.let_go(path)
        try:
            found = self._open.get(wanted.url) or _opened(wanted)
        except (OSError, KeyError) as error:
            raise Unusable(f"cannot open the socket {wanted.url}: {_why(error)}") from None
        self._open[wanted.url] = found
        self._holders[path] = wanted.url
        return found.fileno()

    def let_go(self, path: str) -> None:
        """This child does not need one any more; the last one closes it."""
        url = self._holders.pop(path, None)
        if url is not None and url not in self._holders.values():
            self._open.pop(url).close()
            _remove(url)

    def close(self) -> None:
        """The tree is over."""
        for path in list(self._holders):
            self.let_go(path)


def _opened(wanted: Socket) -> socket.socket:
    made = _unix(wanted) if wanted.url.startswith("unix:") else _tcp(wanted.url)
    try:
        made.listen(socket.SOMAXCONN if wanted.backlog is None else wanted.backlog)
    except OSError:
        made.close()
        raise
    return made


def _tcp(url: str) -> socket.socket:
    host, _, port = url.removeprefix("tcp://").rpartition(":")
    host = host.strip("[]")
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
    except OSError:
        made.close()
        raise
    return made


def _unix(wanted: Socket) -> socket.socket:
    """A stale one is taken away; one that somebody serves is not."""
    path = wanted.url.removeprefix("unix://")
    if _is_served(path):
        raise OSError(0, "somebody serves it already")
    with contextlib.suppress(FileNotFoundError):
        if Path(path).is_socket():
            Path(path).unlink()
    made = socket.socket(socket.AF_UNIX)
    try:
        made.bind(path)
    except OSError:
        made.close()
        raise
    try:
        if wanted.owner is not None:
            os.chown(path, *_ids(wanted.owner))
        Path(path).chmod(wanted.mode)
    except (OSError, KeyError):
        made.close()
        _remove(wanted.url)
        raise
    return made


def _is_served(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _ids(owner: str) -> tuple[int, int]:
    user, _, group = owner.partition(":")
    entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    if not group:
        return entry.pw_uid, entry.pw_gid
    return entry.pw_uid, int(group) if group.isdigit() else grp.getgrnam(group).gr_gid


def _why(error: OSError | KeyError) -> str:
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return str(error.args[0]) if error.args else "unknown user or group"


def _remove(url: str) -> None:
    if url.startswith("unix:"):
        with contextlib.suppress(OSError):
            Path(url.removeprefix("unix://")).unlink()
