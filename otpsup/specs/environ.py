"""The variables of a process, and the paths of files that they are read from: what is legal.

See environ(7).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import check


def is_environment(value: Any) -> bool:
    """Whether these are variables with their values: text without NUL, names without `=`."""
    return (
        check.text_mapping(value)
        and all(key and "=" not in key for key in value)
        and check.has_no_nul([*value, *value.values()])
    )


def is_inherited(value: Any) -> bool:
    """Whether this says which variables of the host a process gets."""
    if isinstance(value, str):
        return value in ("all", "none")
    return isinstance(value, tuple) and all(map(_is_pattern, value))


def _is_pattern(name: Any) -> bool:
    """The name of a variable; with a `*` at its end, all that begin so."""
    return _is_variable(name) and "*" not in name[:-1]


def _is_variable(name: Any) -> bool:
    return isinstance(name, str) and name != "" and "=" not in name and check.has_no_nul([name])


def path(value: Any) -> Any:
    """A text or another kind of path to a `Path`; the rest is left to the validator."""
    return check.converted(Path, value) if isinstance(value, str | os.PathLike) else value


def paths(value: Any) -> Any:
    """One path or several to a tuple of paths."""
    if value is None:
        return ()
    if isinstance(value, str | os.PathLike):
        value = [value]
    return tuple(map(path, value)) if isinstance(value, list | tuple) else value


def are_paths(value: Any) -> bool:
    """Whether this is a tuple of paths."""
    return isinstance(value, tuple) and all(map(check.is_path, value))


def path_values(value: Any) -> Any:
    """The values of a mapping to paths."""
    return check.converted(lambda v: {name: path(file) for name, file in v.items()}, value)


def are_secrets(value: Any) -> bool:
    """Whether these are variables, each with the path of a file."""
    return isinstance(value, Mapping) and all(
        _is_variable(name) and check.is_path(path) for name, path in value.items()
    )
