"""What somebody would write by hand to log a program's output: a loop that reads and writes, and
rotates at the end of a line when a file has 10 MB. One thread for all programs.

    python copy_loop.py FOLDER PROGRAM...      each PROGRAM is a line of arguments, by spaces
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
import sys
from pathlib import Path

LIMIT = 10_000_000
READ = 256 * 1024


class Log:
    """A file, and those that it was before."""

    def __init__(self, path: str) -> None:
        self.path, self.number = path, 0
        self.open()

    def open(self) -> None:
        """Begin a new one."""
        self.fd, self.size = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 0

    def rotate(self) -> None:
        """Rename it, and begin a new one."""
        os.close(self.fd)
        self.number += 1
        Path(self.path).rename(f"{self.path}.{self.number}")
        self.open()

    def write(self, data: bytes) -> None:
        """Append; when it would become too large, begin a new one after a line."""
        if self.size + len(data) > LIMIT and (end := data.find(b"\n") + 1):
            os.write(self.fd, data[:end])
            self.rotate()
            data = data[end:]
        self.size += os.write(self.fd, data)


def main(folder: str, programs: list[str]) -> None:
    """Start them, and log what they say for ever."""
    logs: dict[int, Log] = {}
    epoll = select.epoll()
    for number, program in enumerate(programs):
        reader, writer = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 1 << 20)
        subprocess.Popen(program.split(" "), stdout=writer)
        os.close(writer)
        logs[reader] = Log(f"{folder}/{number}.log")
        epoll.register(reader, select.EPOLLIN)
    while True:
        for fd, _ in epoll.poll():
            if data := os.read(fd, READ):
                logs[fd].write(data)
            else:
                epoll.unregister(fd)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
