"""What a program tells the service manager that started it: sd_notify(3), as far as a tree has to.

Decides nothing about the tree. Without NOTIFY_SOCKET in the environment nothing happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time


class ServiceManager:
    """Who started this process as a service of `Type=notify`, or nobody.

    The variables are taken out of the environment, so that no child speaks in our name
    (sd_notify(3), *unset_environment*).
    """

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        self._watchdog = _watchdog_seconds()

    def ready(self) -> None:
        """All is up; also after a reload."""
        self._tell("READY=1", "STATUS=the tree is up")

    def reloading(self) -> None:
        """A reload begins (`Type=notify-reload`); `ready` follows."""
        now = time.clock_gettime(time.CLOCK_MONOTONIC)
        self._tell("RELOADING=1", f"MONOTONIC_USEC={int(now * 1e6)}", "STATUS=reloading")

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1", "STATUS=stopping")

    def keep_informed(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say twice in each `WatchdogSec` that the loop still runs (sd_watchdog_enabled(3))."""
        if self._watchdog and self._address:
            self._tell("WATCHDOG=1")
            loop.call_later(self._watchdog / 2, self.keep_informed, loop)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)  # a manager that does not read must not hold up the tree
            sock.sendto("\n".join(lines).encode(), address)


def _watchdog_seconds() -> float:
    """What WATCHDOG_USEC says, if it is meant for this process."""
    given, pid = os.environ.pop("WATCHDOG_USEC", ""), os.environ.pop("WATCHDOG_PID", "")
    is_ours = pid in ("", str(os.getpid()))
    return int(given) / 1e6 if given.isdigit() and is_ours else 0.0
