"""Where a chaos run takes place: its folder, the program that its children run, a small disk under
their logs, its stdout, and what keeps the launcher from forking. Each can be out of order for a
moment."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol


class Program:
    """A link to sleep(1), at a path of our own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.symlink_to("/bin/sleep")

    @contextmanager
    def gone(self) -> Iterator[None]:
        """ENOENT."""
        self.path.unlink()
        yield
        self.path.symlink_to("/bin/sleep")

    @contextmanager
    def not_executable(self) -> Iterator[None]:
        """EACCES."""
        self.path.unlink()
        self.path.touch(mode=0o600)
        yield
        self.path.unlink()
        self.path.symlink_to("/bin/sleep")


@contextmanager
def limited(pid: int, which: int, soft: int) -> Iterator[None]:
    """A process has less of something for a moment; 0 is this one."""
    before = resource.prlimit(pid, which)
    resource.prlimit(pid, which, (soft, before[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, which, before)


class Disk(Protocol):
    """What is under the logs.

    Attributes:
        folder: for the logs.
        kind: what it is, for the report.
    """

    folder: Path
    kind: str

    @contextmanager
    def full(self) -> Iterator[Callable[[], None]]:
        """Nothing can be written for a moment; gives what fills it again, if a rotation of the logs
        has made room."""
        yield lambda: None

    def close(self) -> None:
        """It is needed no more."""


class Tmpfs:
    """A small disk of its own, as only root may mount it."""

    kind = "a tmpfs"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)],
            check=True, capture_output=True,
        )  # fmt: skip

    @contextmanager
    def full(self) -> Iterator[Callable[[], None]]:
        """ENOSPC."""
        self._fill()
        yield self._fill
        self._filler.unlink()

    def _fill(self) -> None:
        with self._filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def close(self) -> None:
        """Unmount it, also if it is still in use."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False, capture_output=True)


class Rationed:
    """Any folder; the host may not make its files any longer for a moment."""

    kind = "RLIMIT_FSIZE, for want of a tmpfs"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def full(self) -> Iterator[Callable[[], None]]:
        """EFBIG."""
        with limited(0, resource.RLIMIT_FSIZE, 1):
            yield lambda: None

    def close(self) -> None:
        """It is a folder like any other."""


def disk(folder: Path, *, may_mount: bool) -> Disk:
    """The smallest that can be had."""
    folder.mkdir()
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        if may_mount:
            return Tmpfs(folder)
    return Rationed(folder)


class ForkLimit(Protocol):
    """What keeps a process from forking.

    Attributes:
        kind: what it is, for the report.
    """

    kind: str

    @contextmanager
    def none_to_spare(self, pid: int) -> Iterator[None]:
        """This process cannot fork for a moment: EAGAIN."""
        yield

    def close(self) -> None:
        """It is needed no more."""


class ByRlimit:
    """RLIMIT_NPROC, which does not bind root (setrlimit(2))."""

    kind = "RLIMIT_NPROC"

    @contextmanager
    def none_to_spare(self, pid: int) -> Iterator[None]:
        """EAGAIN."""
        with limited(pid, resource.RLIMIT_NPROC, 1):
            yield

    def close(self) -> None:
        """Nothing to take away."""


class ByCgroup:
    """A control group in which there may be no new process; binds root, and needs it."""

    kind = "a cgroup with pids.max 0"

    def __init__(self, above: Path) -> None:
        self._above = above
        self._group = above / f"otpsup-chaos-{os.getpid()}"
        self._group.mkdir()
        try:
            (self._group / "pids.max").write_text("0")
        except OSError:
            self._group.rmdir()
            raise

    @contextmanager
    def none_to_spare(self, pid: int) -> Iterator[None]:
        """EAGAIN."""
        (self._group / "cgroup.procs").write_text(str(pid))
        yield
        with contextlib.suppress(ProcessLookupError):
            (self._above / "cgroup.procs").write_text(str(pid))

    def close(self) -> None:
        """Remove it; nobody is in it any more."""
        with contextlib.suppress(OSError):
            self._group.rmdir()


def fork_limit() -> ForkLimit | None:
    """One that binds us, or None: root where there are no control groups for it."""
    if os.geteuid() != 0:
        return ByRlimit()
    for above in (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")):
        with contextlib.suppress(OSError):
            return ByCgroup(above)
    return None


class Stdout:
    """Our descriptor 1, which is the children's stdout, too."""

    @contextmanager
    def broken(self) -> Iterator[None]:
        """EPIPE: nobody reads."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        os.close(reader)
        with self._replaced(writer):
            yield

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """Who writes more than a pipe holds waits; at the end that is broken, too."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        with self._replaced(writer):
            yield
            os.close(reader)

    @contextmanager
    def _replaced(self, fd: int) -> Iterator[None]:
        kept = os.dup(1)
        os.dup2(fd, 1)
        os.close(fd)
        yield
        os.dup2(kept, 1)
        os.close(kept)


class Grounds:
    """All of it.

    Args:
        folder: ours alone.
        may_mount: we have a mount namespace of our own.
    """

    def __init__(self, folder: Path, *, may_mount: bool) -> None:
        folder.chmod(0o755)  # the program is another user's, too
        self.program = Program(folder / "program")
        self.disk = disk(folder / "logs", may_mount=may_mount)
        self.fork_limit = fork_limit()
        self.stdout = Stdout()

    @property
    def log(self) -> Path:
        """The log of those who write one."""
        return self.disk.folder / "log"

    def close(self) -> None:
        """Leave nothing behind."""
        self.disk.close()
        if self.fork_limit:
            self.fork_limit.close()

    def __str__(self) -> str:
        fork = self.fork_limit.kind if self.fork_limit else "no way here"
        bomb = "RLIMIT_NPROC of another user" if os.geteuid() == 0 else "its own counter"
        return f"full disk: {self.disk.kind}; no forks: {fork}; the bomb is bounded by {bomb}"
