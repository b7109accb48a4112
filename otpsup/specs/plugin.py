"""What is given to a tree as `plugins`: settings of plug-ins of otpsup's own, and those of others.

These classes only describe; `otpsup.plugins` makes them work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from ..errors import InvalidSpec
from . import check


@frozen
class PluginSpec:
    """The settings of a plug-in that comes with otpsup.

    Attributes:
        name: its key in tree files, and what messages call it.
        runs: `module:class` of what is made of the settings.
    """

    name: ClassVar[str] = ""
    runs: ClassVar[str] = ""


def _is_target(value: Any) -> bool:
    return (
        isinstance(value, str) and bool(value) and all(value.partition(":")[::2]) == (":" in value)
    )


@frozen
class External(PluginSpec):
    """Somebody's plug-in: a class, and what it is called with.

    Args:
        use: `pkg.module:Class`, or the name of an entry point in the group `otpsup.plugins`.
        settings: the arguments of the class, by name; not shown in messages, for they may be
            secrets.
    """

    use: str = field(
        validator=check.rule(
            _is_target, "'pkg.module:Class' or the name of an entry point", "use='shop.watch:Rooms'"
        )
    )
    settings: Mapping[str, Any] = field(
        factory=dict,
        repr=False,
        validator=check.rule(
            lambda v: isinstance(v, Mapping) and all(isinstance(key, str) for key in v),
            "arguments by name", "settings={'floor': 3}", secret=True,
        ),
    )  # fmt: skip


Given = Mapping[str, Any]
"""Plug-ins, or their settings, by name."""


def named(plugins: Given | Iterable[Any]) -> dict[str, Any]:
    """These plug-ins by their names; of two of one name the later is `name-2`.

    Raises:
        InvalidSpec: they are neither a list nor a mapping from names.
    """
    if isinstance(plugins, Mapping) and all(isinstance(name, str) and name for name in plugins):
        return dict(plugins)
    if isinstance(plugins, Mapping | str | bytes) or not isinstance(plugins, Iterable):
        raise InvalidSpec(
            f"plugins must be a list, or a mapping from names, not {check.shown(plugins)}; for "
            "example plugins=[otpsup.Metrics()]"
        )
    found: dict[str, Any] = {}
    for plugin in plugins:
        found[_free(_name(plugin), found)] = plugin
    return found


def _name(plugin: Any) -> str:
    if isinstance(plugin, str):
        return plugin.rpartition(":")[2] or plugin
    if isinstance(plugin, External):
        return _name(plugin.use)
    own = getattr(plugin, "name", None)
    return own if isinstance(own, str) and own else type(plugin).__name__


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
