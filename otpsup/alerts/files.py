"""Files that are there whole or not at all, in the folder of an outbox."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

from ..logger import logger
from ..wire import strict
from .folder import Folder
from .packed import LARGEST, packed

_BAD = ".bad"
DRAFT = ".new"
"""How a file is called until all of it is there."""
_MOST_BAD = 20


class TooLarge(OSError):
    """No host would read it."""


class Files:
    """Of one folder.

    Args:
        name: of the tree, for the log.
    """

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder, self._name = folder, name

    def write(self, name: str, value: Any) -> int:
        """Write a file so that it is there with all of it, or not at all.

        Returns:
            its size in bytes.

        Raises:
            OSError: the disk does not take it; `TooLarge` if nobody would read it again.
        """
        data = packed(value)
        if len(data) > LARGEST:
            raise TooLarge(errno.EFBIG, f"{name} has more than {LARGEST >> 20} MiB")
        draft = self._folder.path / f"{name}{DRAFT}"
        try:
            fd = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
            draft.rename(self._folder.path / name)
        except OSError:  # a full disk is not to be filled with what is useless
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
        self.sync()
        return len(data)

    def sync(self) -> None:
        """The name of a new file is its folder's to keep (fsync(2))."""
        fd = os.open(self._folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def read(self, path: Path) -> dict[str, Any] | None:
        """What is in a file; None if it is not there, or cannot be used, which is told."""
        try:
            if path.stat().st_size > LARGEST:
                raise ValueError("it is too large")
            value = strict.loads(path.read_bytes())
            if not isinstance(value, dict):
                raise ValueError("it is no object")
            return value
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.error("alerts of {}: cannot read {} ({})", self._name, path, error.strerror)
        except (ValueError, RecursionError) as error:
            self.set_aside(path, str(error))
        return None

    def set_aside(self, path: Path, why: str) -> None:
        """It is kept for whoever wants to look, and not tried again."""
        aside = path.with_name(f"{path.name}{_BAD}")
        logger.error("alerts of {}: {} is damaged ({}); it is {} now", self._name, path, why, aside)
        with contextlib.suppress(OSError):
            path.rename(aside)
            old = sorted(self._folder.path.glob(f"*{_BAD}"), key=lambda p: p.stat().st_mtime)
            for each in old[:-_MOST_BAD]:
                each.unlink(missing_ok=True)
