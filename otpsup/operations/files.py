"""Trees from tree files: where an update's new tree comes from, unless it comes from elsewhere."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from pathlib import Path

from ..runtime import beforehand
from ..specs import ChildSpec
from ..specs.plugin import Given
from .running import Root


class TreeFiles:
    """Trees from tree files, see `config`.

    Args:
        variables: for `${NAME}` in them; those of this process if not given.
    """

    def __init__(self, variables: Mapping[str, str] | None) -> None:
        self._variables = variables
        self._plugins: dict[int, Given] = {}
        """By the id of the tree that they were read with."""

    def load(self, path: Path) -> Root:
        """The tree that a file describes; InvalidFile if it describes none."""
        from .. import config  # YAML is read by few, and its library is large

        spec, plugins = config.load_with_plugins(path, self._variables)
        weakref.finalize(spec, self._plugins.pop, id(spec), None).atexit = False
        self._plugins[id(spec)] = plugins
        return spec

    def plugins(self, spec: Root) -> Given | None:
        """Those in the same file."""
        return self._plugins.get(id(spec))

    def adopting(self, spec: Root) -> None:
        """Nothing else depends on it."""


def children(
    file: str | None, text: str | None, variables: Mapping[str, str] | None
) -> list[ChildSpec]:
    """The children that a file, or a text in the form of one, describes."""
    from .. import config  # YAML is read by few, and its library is large

    specs = config.load_children(file, text=text, environ=variables)
    for spec in specs:
        beforehand.load_for(spec)
    return specs
