"""Lines of processes to syslog (`stdout_syslog`, and the old `stdout_logfile = syslog`)."""

from __future__ import annotations

import syslog
from collections.abc import Callable

LONGEST = 8192
"""Bytes of a line that has not ended; a longer one is sent in pieces."""


class Forward:
    """A tap that sends each line to syslog; it passes on what it gets.

    Args:
        prefix: what comes before each line: the process's name and a space, as supervisord writes
            with `stdout_syslog`, or nothing.
        send: gets a line, in the thread that calls the tap.
    """

    def __init__(self, prefix: str = "", send: Callable[[str], None] = syslog.syslog) -> None:
        self._prefix = prefix
        self._send = send
        self._pid = 0
        self._unsent = b""

    def __call__(self, pid: int, data: bytes) -> bytes:
        """A chunk that the process `pid` wrote; no data at all means that its output is over."""
        if pid != self._pid or not data:
            self._over()
        self._pid = pid
        *lines, self._unsent = (self._unsent + data).split(b"\n")
        for line in lines:
            self._send_line(line)
        if len(self._unsent) > LONGEST:
            self._over()
        return data

    def _over(self) -> None:
        line, self._unsent = self._unsent, b""
        if line:
            self._send_line(line)

    def _send_line(self, line: bytes) -> None:
        text = line.decode(errors="replace").replace("\0", "\\0")
        self._send(f"{self._prefix}{text}")
