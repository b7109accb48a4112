"""Hooks: what is run around a child's life. Describes only; `runtime.hooks` runs them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any

from attrs import field, frozen

from .. import mask
from . import check


def argv(value: Any) -> Any:
    """A tuple of texts; a bare string is left alone so that the validator can refuse it."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        return value
    return check.converted(lambda v: tuple(map(_as_text, v)), value)


def _as_text(part: Any) -> Any:
    return os.fspath(part) if isinstance(part, os.PathLike) else part


def is_argv(value: Any) -> bool:
    """A command line that a kernel call can carry: the program first."""
    return (
        isinstance(value, tuple)
        and len(value) > 0
        and all(isinstance(part, str) for part in value)
        and value[0] != ""
        and check.has_no_nul(value)
    )


def is_target(value: Any) -> bool:
    """A callable, or the import path of one: `pkg.module:name`."""
    if isinstance(value, str):
        module, colon, name = value.partition(":")
        words = [*module.split("."), *name.split(".")]
        return colon == ":" and all(word.isidentifier() for word in words)
    return callable(value) and not inspect.isclass(value)


IMPORT_PATH: check.Schema = {
    "type": "string",
    "pattern": r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*(?![\s\S])",
}
"""Of a callable; a few letters of few scripts are in one and not in the other."""


def _shown(run: Any) -> str:
    if isinstance(run, tuple):
        return repr(mask.command_line(run))
    return check.repr_of_callable(run)


@frozen
class Hook:
    """What is run at one point of a child's life, in a process of its own, as the child's user and
    in its folder and environment.

    It is also told `OTPSUP_HOOK` (the point) and `OTPSUP_CHILD` (the path); `after_ready` also
    `OTPSUP_PID`; `after_exit` `OTPSUP_EXIT_CODE` or `OTPSUP_EXIT_SIGNAL`.

    Args:
        run: a command line as a list, a callable, or a path `"pkg.module:name"`. Callables get no
            arguments and run as workers do.
        timeout: seconds after which it is killed, which is a failure like any other.
    """

    run: tuple[str, ...] | Callable[[], object] | str = field(
        converter=argv,
        repr=_shown,
        validator=check.rule(
            lambda v: is_argv(v) or is_target(v),
            "a command line as a list, a callable or 'pkg.module:name'",
            "Hook(['createdb', 'shop'])",
        ),
    )
    timeout: float = field(default=30.0, validator=check.positive_seconds("timeout=30"))


def from_value(value: Any) -> Any:
    """Turn a command line, a callable or an import path into a `Hook`; leave all else."""
    is_short = isinstance(value, str | list | tuple) or callable(value)
    return Hook(value) if is_short else value
