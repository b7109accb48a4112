"""Where a child's output goes: the host's own output, nowhere, or a file that is rotated.

Describes only; `runtime` reads and writes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

import attrs
from attrs import field, frozen

from ..errors import InvalidSpec
from . import check

Format = Literal["raw", "bytes", "name", "time", "full", "json"]
Every = Literal["hour", "day", "week"]

_MOST_BACKUPS = 10_000
"""Each rotation renames all of them."""

INHERIT: Final = "inherit"
"""To the host's stdout, each line after the child's name."""

NULL: Final = "null"
"""Nowhere."""

STDOUT: Final = "stdout"
"""For stderr only: wherever stdout goes."""

FORMATS: tuple[Format, ...] = ("raw", "bytes", "name", "time", "full", "json")

_format = check.one_of(FORMATS, "format='time'")


def _absolute(path: str | os.PathLike[str]) -> Any:
    return check.converted(
        lambda p: Path(os.path.abspath(p)),  # noqa: PTH100 (resolve() would follow symlinks)
        path,
    )


def _is_file(path: Any) -> bool:
    return check.is_path(path) and str(path) not in _DEVICES


@frozen
class Inherit:
    """The host's own stdout or stderr. `Inherit()` is the same as `"inherit"`.

    Args:
        stream: which of the host's.
        format: what a line looks like: `raw`, as it came; `name`, after the child's name; `time`,
            after the time; `full`, after both; `json`, an object with `time`, `child`, `stream`,
            `pid` and `line`. `bytes` waits for no line to end: what comes is written at once, as it
            is, and may come between others' if they write to the same place.
    """

    stream: Literal["stdout", "stderr"] = field(
        default="stdout", validator=check.one_of(("stdout", "stderr"), "Inherit('stderr')")
    )
    format: Format = field(default="name", kw_only=True, validator=_format)


@frozen
class LogFile:
    """A file for a child's output, rotated only ever between two lines.

    Args:
        path: the file; missing folders are made. Relative paths are relative to the host's cwd.
        max_bytes: rotate before the file grows beyond this; 0 never does for its size.
        backups: how many rotated files to keep (`path.1` is the newest); 0 keeps none.
        every: rotate also when a new `hour`, `day` or `week` (Monday) has begun, local time.
        max_age: seconds after which a rotated file is deleted.
        max_total: bytes that all rotated files may have together; the oldest are deleted.
        compress: rotated files are compressed, to `path.1.gz` and so on.
        format: what a line looks like, as for `Inherit`.
    """

    path: Path = field(
        converter=_absolute,
        validator=check.rule(
            _is_file,
            "a path (for the host's own output take Inherit, and for none 'null')",
            "LogFile('logs/web.log')",
        ),
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
    every: Every | None = field(
        default=None,
        kw_only=True,
        validator=check.optional(check.one_of(("hour", "day", "week"), "every='day'")),
    )
    max_age: float | None = field(
        default=None,
        kw_only=True,
        validator=check.optional(check.positive_seconds("max_age=7*86400")),
    )
    max_total: int | None = field(
        default=None,
        kw_only=True,
        validator=check.optional(
            check.rule(check.is_below(check.MANY), "bytes (0 or more)", "max_total=100_000_000")
        ),
    )
    compress: bool = field(default=False, kw_only=True, validator=check.boolean)
    format: Format = field(default="raw", kw_only=True, validator=_format)


Output = str | LogFile | Inherit

_DEVICES: dict[str, Output] = {
    "/dev/null": NULL,
    "/dev/stdout": Inherit("stdout", format="raw"),
    "/dev/stderr": Inherit("stderr", format="raw"),
}


def from_value(value: Any) -> Any:
    """Turn a path, or a text with a slash in it, into a `LogFile`, or into what that device is;
    leave all else as it is."""
    is_path = isinstance(value, os.PathLike) or (isinstance(value, str) and "/" in value)
    if not is_path:
        return value
    return _DEVICES.get(str(value)) or LogFile(value)


def stdout_check(spec: Any, attribute: Any, value: Any) -> None:
    """Refuse what is no target of a stdout."""
    _expect(spec, attribute, value, (INHERIT, NULL))


def stderr_check(spec: Any, attribute: Any, value: Any) -> None:
    """Refuse what is no target of a stderr."""
    _expect(spec, attribute, value, (INHERIT, NULL, STDOUT))


def _expect(spec: Any, attribute: Any, value: Any, words: tuple[str, ...]) -> None:
    if isinstance(value, LogFile | Inherit) or (isinstance(value, str) and value in words):
        return
    expected = ", ".join(repr(w) for w in words) + (
        ", a path with a slash in it, a LogFile or an Inherit"
    )
    example = f"{attribute.name}=LogFile('logs/web.log')"
    raise check.fail(spec, attribute.name, value, expected, example)


def check_files(files: Iterable[tuple[str, LogFile]]) -> None:
    """Refuse two ways to rotate one file, and a file that another one's rotation would overwrite.

    Args:
        files: with the path of the child that writes to each.

    Raises:
        InvalidSpec: two of the same path differ, or one is a rotated file of another
            (`bad_combination`).
    """
    known: dict[Path, tuple[str, LogFile]] = {}
    for child, file in files:
        other, first = known.setdefault(file.path, (child, file))
        differs = [
            each.name
            for each in attrs.fields(LogFile)
            if each.name != "format" and getattr(first, each.name) != getattr(file, each.name)
        ]
        if differs:
            raise InvalidSpec(
                f"{check.shown(other)} and {check.shown(child)} both write to {file.path}, with "
                f"different {', '.join(differs)}; give both the same LogFile",
                "bad_combination",
            )
    for path, (child, _) in known.items():
        rotated = _ROTATED.fullmatch(path.name)
        if rotated and (log := path.with_name(rotated[1])) in known:
            other, _ = known[log]
            raise InvalidSpec(
                f"{check.shown(child)} writes to {path}, which is where {log} of "
                f"{check.shown(other)} is rotated to; give it another name",
                "bad_combination",
            )


_ROTATED = re.compile(r"(.+)\.(?:[1-9]\d*(?:\.gz)?|gz\.part)")
