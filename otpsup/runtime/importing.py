"""Import paths: from `pkg.module:name` to what is called so. Needs nothing else of the runtime."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any


def resolve(target: Callable[..., object] | str) -> Callable[..., object]:
    """The callable behind `"pkg.module:name.in.it"`."""
    if not isinstance(target, str):
        return target
    module, _, name = target.partition(":")
    found: Any = sys.modules.get(module) or importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(
            f"target {target!r} is of type {type(found).__name__}, which cannot be called"
        )
    return found  # type: ignore[no-any-return]
