"""The data folder: where everything lies, and how a file there is replaced.

Decides: the names below the folder, and that a crash at any moment leaves a file (or link) either
as it was or as it was meant to be, never in between.
Must not know: what the files mean.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen


def _absolute(path: str | Path) -> Path:
    return Path(path).expanduser().absolute()


@frozen
class DataDir:
    """The paths below one data folder. `root` may be relative; it is made absolute at once."""

    root: Path = field(converter=_absolute)

    @property
    def current(self) -> Path:
        """A link to the release that is served."""
        return self.root / "current"

    @property
    def releases(self) -> Path:
        """Installed releases, one folder per version."""
        return self.root / "releases"

    @property
    def downloads(self) -> Path:
        """Archives on their way in."""
        return self.root / "downloads"

    @property
    def published(self) -> Path:
        """What the update server offers: archives and `manifest.json`."""
        return self.root / "published"

    @property
    def alerts(self) -> Path:
        """What is to be told to somebody, and in `mail` what was."""
        return self.root / "alerts"

    @property
    def logs(self) -> Path:
        """One log file per child."""
        return self.root / "logs"

    @property
    def journal(self) -> Path:
        """The last update: what was switched to, from what, and how it ended."""
        return self.root / "update.json"

    def lock(self, name: str) -> Path:
        """The lock file of that name; see `locked`."""
        return self.root / f"{name}.lock"

    def log(self, child: str) -> Path:
        """The log file of one child."""
        return self.logs / f"{child}.log"

    def create(self) -> None:
        """Make the folders that are missing."""
        for folder in (self.releases, self.downloads, self.published, self.logs):
            folder.mkdir(parents=True, exist_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path`: after a crash the file holds the old bytes or the new ones."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_dir(path.parent)


def replace_link(link: Path, target: str) -> None:
    """Point the symbolic link at `target`: whoever follows it finds the old target or the new."""
    temporary = link.with_name(link.name + ".new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
    sync_dir(link.parent)


def sync_dir(folder: Path) -> None:
    """Make renames inside `folder` last through a power cut (fsync(2), NOTES)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Busy(Exception):
    """Another process holds the lock. `holder` is what it wrote about itself, its pid."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"held by process {holder or 'unknown'}")
        self.holder = holder or "unknown"


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock file `path`; the kernel lets go of it when the holder dies, however it dies.

    Raises:
        Busy: another process holds it, and `wait` is false.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            raise Busy(file.read().strip()) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
