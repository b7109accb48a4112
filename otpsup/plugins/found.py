"""From what was given as plug-ins to what works: settings, import paths, entry points, objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from ..errors import InvalidSpec, OtpsupError, in_words
from ..runtime import importing
from ..specs.check import nearest, shown
from ..specs.health import Check, Plugged
from ..specs.plugin import External, PluginSpec
from .base import Plugin

GROUP: Final = "otpsup.plugins"
"""The group of entry points in which others' plug-ins are found by name."""
OWN: Final = ("alerts", "consul", "healthz", "metrics", "opentelemetry", "web")
"""The names of those that come with otpsup."""
_METHODS = ("start", "on_event", "lost", "tick", "ask", "page", "stop")
_PACE = ("interval", "timeout", "failures", "successes", "initial_delay")


@frozen
class Checker:
    """What looks at every process of the tree; not called by itself, but by each process's checks.

    Attributes:
        check: a liveness check.
    """

    check: Check


def made(name: str, given: Any) -> Plugin | Checker:
    """The plug-in for what was given.

    Raises:
        InvalidSpec: there is none, or it cannot be made of these settings.
        OtpsupError: what it needs is not there.
    """
    try:
        plugin = _adapted(_called(given))
    except InvalidSpec as error:
        raise InvalidSpec(f"plug-in {name!r} cannot be made: {error}") from None
    except OtpsupError:
        raise
    except Exception as error:
        raise InvalidSpec(f"plug-in {name!r} cannot be made: {in_words(error)}") from None
    if isinstance(plugin, Plugin):
        plugin.name = name
    return plugin


def _called(given: Any) -> Any:
    """The object; one that looks at children, with its pace, is a `Check`."""
    if isinstance(given, External):
        return _external(given)
    if isinstance(given, PluginSpec):
        return importing.resolve(given.runs)(given)
    if isinstance(given, str):
        return _external(External(given))
    return given() if isinstance(given, type) else given


def _external(spec: External) -> Any:
    cls = _class(spec.use)
    if not hasattr(cls, "check_health"):
        return cls(**spec.settings)
    pace = {name: _seconds(value) for name, value in spec.settings.items() if name in _PACE}
    own = {name: value for name, value in spec.settings.items() if name not in _PACE}
    return Check(cls(**own), **pace)


def _seconds(value: Any) -> Any:
    """A duration may be written as everywhere in a tree file."""
    if not isinstance(value, str):
        return value
    from ..config import quantities  # who reads tree files has loaded it

    seconds = quantities.seconds(value)
    return value if seconds is None else seconds


def _class(use: str) -> Any:
    if ":" not in use:
        return _entry(use)
    found = importing.resolve(use)
    if not isinstance(found, type):
        raise InvalidSpec(f"{use} is of type {type(found).__name__}, and no class")
    return found


def _entry(use: str) -> Any:
    from importlib import metadata  # takes longer than all else here

    points = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if use not in points:
        raise InvalidSpec(f"there is no plug-in {use!r}{_known(use, points)}")
    return points[use].load()


def _known(use: str, points: Iterable[str]) -> str:
    module, dot, name = use.rpartition(".")
    near = f"did you mean {f'{module}:{name}'!r}?" if dot else nearest(use, [*points, *OWN])
    known = ", ".join(sorted(points)) or "none"
    hint = f"; {near}" if near else ""
    return (
        f"{hint}; there are {', '.join(OWN)}, of the entry points {GROUP!r} {known}, and any "
        "class can be named as pkg.module:Class"
    )


def _adapted(found: Any) -> Plugin | Checker:
    if isinstance(found, Plugin):
        return found
    if callable(getattr(found, "check_health", None)):
        found = Check(found)
    if isinstance(found, Check):
        return Checker(_of_tree(found))
    methods = [name for name in _METHODS if callable(getattr(found, name, None))]
    if not methods or isinstance(found, type):
        raise InvalidSpec(
            f"{shown(found)} is no plug-in: it has none of the methods {', '.join(_METHODS)} and "
            "check_health"
        )
    return _hearing(found) if "on_event" in methods else _Adapted(found)


class _Adapted(Plugin):
    """A plug-in made of an object with some of the methods."""

    def __init__(self, found: Any) -> None:
        self.every = getattr(found, "every", None)
        self.paths = tuple(getattr(found, "paths", ()))
        for name in _METHODS:
            if name != "on_event" and callable(method := getattr(found, name, None)):
                setattr(self, name, method)


def _of_tree(check: Check) -> Check:
    """What it raises is then no child's fault."""
    if not isinstance(check.what, Plugged):
        return check
    return evolve(check, what=Plugged(check.what.checker, of_tree=True))


def _hearing(found: Any) -> Plugin:
    class Hearing(_Adapted):
        """One that hears of events, too."""

        on_event = staticmethod(found.on_event)

    return Hearing(found)


def all_made(given: Mapping[str, Any]) -> dict[str, Plugin | Checker]:
    """All of them, or none; raises as `made`."""
    return {name: made(name, each) for name, each in given.items()}


def problems(given: Mapping[str, Any], *, preflight: bool = False) -> dict[str, str]:
    """Why which of them cannot be made, by name; with `preflight`, or not be started."""
    found: dict[str, str] = {}
    for name, each in given.items():
        try:
            plugin = made(name, each)
            if preflight and isinstance(plugin, Plugin):
                plugin.preflight()
        except OtpsupError as error:
            found[name] = str(error)
    return found
