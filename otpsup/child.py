"""The tree as a child of it sees it: `current_child()`.

For workers, and for Python programs that run as commands. Knows nothing of the runtime and needs
no asyncio, so that a child stays small. The way up is a socket that the child inherits; requests
to the tree travel on a connection of their own, which each process opens when it needs one.
"""

from __future__ import annotations

import _socket  # what `socket` is made of: less is touched by it
import contextlib
import os
import socket
import threading
from array import array
from typing import TYPE_CHECKING, Any

from .errors import NotAChild, text_of
from .wire.status import (
    ConnectMessage,
    CrashMessage,
    HeartbeatMessage,
    IgnoreMessage,
    Message,
    ReadyMessage,
    StatusMessage,
    encode,
)

if TYPE_CHECKING:
    from .control.client import TreeClient

CHANNEL = "OTPSUP_CHANNEL"
"""`<descriptor>:<inode>` of the socket to the supervisor."""
PATH = "OTPSUP_PATH"
"""The child's path in the tree."""

_lock = threading.Lock()
_current: CurrentChild | None = None


class CurrentChild:
    """This process, as a child of its tree. Thread-safe; survives a fork.

    Attributes:
        path: the path of this child, from the root down.
    """

    def __init__(self, channel: _socket.socket, path: str) -> None:
        self.path = path
        self._channel = channel
        self._is_stopping = False
        self._events: dict[str, threading.Event] = {}
        self.handles_stop = False
        self._clients = threading.local()

    def ready(self, info: Any = None) -> None:
        """Tell the supervisor that this child can serve (`ready="notify"`).

        Args:
            info: any JSON value; whoever asked for the start gets it as `.info`.
        """
        self._send(ReadyMessage(info))

    def status(self, text: str) -> None:
        """Say in a few words what this child is doing; shown in the tree's status."""
        self._send(StatusMessage(str(text)))

    def heartbeat(self) -> None:
        """Say that all is well."""
        self._send(HeartbeatMessage())

    def ignore(self) -> None:
        """Decline to run: a start that ends so is a success without a process (OTP: `ignore`)."""
        self._send(IgnoreMessage())

    def crash(self, error: BaseException, traceback: str) -> None:
        """Report the exception that is about to end this process."""
        self._send(CrashMessage(type(error).__qualname__, text_of(error), traceback))

    @property
    def stopping(self) -> threading.Event:
        """Set when a stop is asked for.

        A worker that has looked at it ends by itself, and is not interrupted any more; one that
        never looks gets SystemExit in its main thread, or a cancelled coroutine.
        """
        self.handles_stop = True
        event = self._events.get("stopping") or self._events.setdefault(
            "stopping", threading.Event()
        )
        if self._is_stopping:
            event.set()
        return event

    def stop_requested(self) -> None:
        """Set `stopping`; called by the worker's signal handler, maybe while that is being made."""
        self._is_stopping = True
        if event := self._events.get("stopping"):
            event.set()

    @property
    def tree(self) -> TreeClient:
        """The whole tree, with the verbs that `Tree` has.

        Every thread, and every process after a fork, gets a connection of its own, so that one
        that waits for a long start holds up nobody.
        """
        from .control.client import TreeClient

        client, pid = getattr(self._clients, "mine", (None, 0))
        if client is None or pid != os.getpid():
            client = TreeClient(self._connect())
            self._clients.mine = (client, os.getpid())
        return client

    def _connect(self) -> socket.socket:
        """Open a stream to the tree: make a pair and hand one end up."""
        ours, theirs = socket.socketpair()
        with theirs:
            data = encode(ConnectMessage())
            rights = array("i", [theirs.fileno()])
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
            self._channel.sendmsg([data], ancillary)
        return ours

    def _send(self, message: Message) -> None:
        with contextlib.suppress(ConnectionError):  # the tree is gone; we will be ended soon
            self._channel.send(encode(message))


def current_child() -> CurrentChild:
    """This process as a child of its tree.

    Raises:
        NotAChild: no tree has started this process.
    """
    global _current
    with _lock:
        if _current is None:
            _current = _from_environment()
        return _current


def become_child(channel: int, path: str) -> None:
    """This process is this child of a tree, as it tells those it executes by its variables.

    Args:
        channel: the descriptor of the socket to the supervisor.
        path: the child's path in the tree.
    """
    global _current
    _current = CurrentChild(_socket.socket(fileno=channel), path)


def become_nobody() -> None:
    """This process is no child of a tree, as far as has been told."""
    global _current
    _current = None


def _from_environment() -> CurrentChild:
    number, _, inode = os.environ.get(CHANNEL, "").partition(":")
    try:
        if str(os.fstat(int(number)).st_ino) == inode:  # the number is still what it says
            return CurrentChild(_socket.socket(fileno=int(number)), os.environ.get(PATH, ""))
    except (OSError, ValueError):
        pass
    raise NotAChild(
        "this process was not started by an otpsup tree; current_child() works in workers and in "
        "programs that a tree runs as commands"
    )
