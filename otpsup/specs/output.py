"""Where a child's output goes: the parent's stdout, nowhere, or a file that is rotated by size.

Describes only; `runtime.logs` reads and writes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from . import check

_MOST_BACKUPS = 10_000
"""Each rotation renames all of them."""

INHERIT: Final = "inherit"
"""To the parent's stdout, each line after the child's name."""

NULL: Final = "null"
"""Nowhere."""

STDOUT: Final = "stdout"
"""For stderr only: wherever stdout goes."""


def _absolute(path: str | os.PathLike[str]) -> Any:
    return check.converted(
        lambda p: Path(os.path.abspath(p)),  # noqa: PTH100 (resolve() would follow symlinks)
        path,
    )


@frozen
class LogFile:
    """A file for a child's output, rotated by size and only ever between two lines.

    Args:
        path: the file; missing folders are made. Relative paths are relative to the host's cwd.
        max_bytes: rotate before the file grows beyond this; 0 never rotates.
        backups: how many rotated files to keep (`path.1` is the newest); 0 keeps none.
    """

    path: Path = field(
        converter=_absolute,
        validator=check.rule(check.is_path, "a path", "LogFile('logs/web.log')"),
    )
    max_bytes: int = field(
        default=10_000_000,
        kw_only=True,
        validator=check.rule(
            check.is_below(check.MANY), "bytes (0 or more)", "max_bytes=10_000_000"
        ),
    )
    backups: int = field(
        default=5,
        kw_only=True,
        validator=check.rule(check.is_below(_MOST_BACKUPS), "a count (0 or more)", "backups=5"),
    )


Output = str | LogFile


def from_value(value: Any) -> Any:
    """Turn a path, or a text with a slash in it, into a `LogFile`; leave all else as it is."""
    is_path = isinstance(value, os.PathLike) or (isinstance(value, str) and "/" in value)
    return LogFile(value) if is_path else value


def stdout_check(spec: Any, attribute: Any, value: Any) -> None:
    """Refuse what is no target of a stdout."""
    _expect(spec, attribute, value, (INHERIT, NULL))


def stderr_check(spec: Any, attribute: Any, value: Any) -> None:
    """Refuse what is no target of a stderr."""
    _expect(spec, attribute, value, (INHERIT, NULL, STDOUT))


def _expect(spec: Any, attribute: Any, value: Any, words: tuple[str, ...]) -> None:
    if isinstance(value, LogFile) or (isinstance(value, str) and value in words):
        return
    expected = ", ".join(repr(w) for w in words) + ", a path with a slash in it or a LogFile"
    example = f"{attribute.name}=LogFile('logs/web.log')"
    raise check.fail(spec, attribute.name, value, expected, example)
