"""Settings of healthz: what is looked at beside the tree, its children and disks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from attrs import field, frozen

from ..errors import InvalidSpec
from . import check
from .hook import is_target
from .plugin import PluginSpec

BUILT_IN: Final = ("tree", "children", "disk")
"""The collectors that every tree has."""
_NAME = r"^[^\s,/\[\]=]+(?![\s\S])"


def _is_use(value: Any) -> bool:
    """A class or function, its import path, an object with `collect`, or an entry point's name."""
    if isinstance(value, str):
        return is_target(value) if ":" in value else value.isprintable() and value.strip() != ""
    return callable(value) or callable(getattr(value, "collect", None))


@frozen
class HealthzCollector:
    """A collector that is not built in.

    Args:
        use: a function that returns metrics (`otpsup.healthz.Metric`); a class, which is made once,
            or an object, whose `collect()` does; or the name of one of these: `pkg.module:name`, or
            an entry point in the group `otpsup.collectors`.
        timeout: seconds that one look may take.
        kwargs: what the class or function is called with, by name; not shown in messages.
    """

    use: Any = field(
        repr=lambda value: check.repr_of_callable(value),
        validator=check.rule(
            _is_use,
            "'pkg.module:name', or a function or class",
            "use='shop.health:Redis'",
            schema={"type": "string", "minLength": 1},
        ),
    )
    timeout: float = field(default=10.0, validator=check.positive_seconds("timeout=10"))
    kwargs: Mapping[str, Any] = field(
        factory=dict,
        repr=False,
        validator=check.rule(
            lambda v: isinstance(v, Mapping) and all(isinstance(key, str) for key in v),
            "arguments by name",
            "kwargs={'url': 'redis://127.0.0.1'}",
            secret=True,
            schema={"type": "object"},
        ),
    )


def _collectors(value: Any) -> Any:
    """Whatever stands for a `HealthzCollector` becomes one; a list is of objects that say their
    names themselves."""
    if isinstance(value, list | tuple):
        value = check.converted(lambda v: {each.namespace: each for each in v}, value)
    if not isinstance(value, Mapping):
        return value
    return {
        name: each
        if isinstance(each, HealthzCollector)
        else check.converted(HealthzCollector, each)
        for name, each in value.items()
    }


def _is_collector_name(value: Any) -> bool:
    """A name that a line of a report, and a comma in a query, leave whole."""
    return (
        isinstance(value, str)
        and value != ""
        and value.isprintable()
        and not set(value) & set(" ,/[]=")
        and value not in BUILT_IN
    )


def _are_collectors(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        _is_collector_name(name) and isinstance(each, HealthzCollector)
        for name, each in value.items()
    )


def _names(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    return check.converted(lambda v: tuple(part.strip() for part in v if part.strip()), parts)


def _are_names(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) for name in value)


_NAMES = check.rule(
    _are_names,
    "names of collectors",
    "exclude=['disk']",
    schema={"type": "array", "items": {"type": "string"}},
)


def _paths(value: Any) -> Any:
    one = isinstance(value, str | Path)
    return check.converted(lambda v: tuple(map(Path, [v] if one else v)), value)


@frozen
class Healthz(PluginSpec):
    """What `otpsup healthz` and `/healthz` look at. Every tree answers them, with what is built in:
    `tree`, `children` and `disk`.

    Args:
        collectors: others, by the name of their namespace; what `use` of a `HealthzCollector` may
            be can stand for the whole. Objects that say their `namespace` may be in a list.
        include: the only ones that are asked if a request does not say which.
        exclude: those that are not.
        disk_free: below this part of a file system that is free, `disk` fails.
        disk_bytes: or below so many bytes.
        folders: whose file systems are looked at, beside those that the host writes to.
    """

    name: ClassVar[str] = "healthz"
    runs: ClassVar[str] = "otpsup.healthz.service:Service"

    collectors: Mapping[str, HealthzCollector] = field(
        factory=dict,
        converter=_collectors,
        validator=check.rule(
            _are_collectors,
            f"collectors by name (without blanks and ',/[]=', and none of {', '.join(BUILT_IN)})",
            "collectors={'redis': 'shop.health:Redis'}",
            secret=True,
            schema={"propertyNames": {"type": "string", "pattern": _NAME}},
        ),
    )
    include: tuple[str, ...] = field(default=(), converter=_names, validator=_NAMES)
    exclude: tuple[str, ...] = field(default=(), converter=_names, validator=_NAMES)
    disk_free: float = field(
        default=0.05,
        validator=check.rule(
            lambda v: check.is_seconds(v) and 0 <= v < 1,
            "a part, from 0 to below 1",
            "disk_free=0.05",
            schema={"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        ),
    )
    disk_bytes: int = field(
        default=0,
        validator=check.rule(
            check.is_below(check.MANY), "bytes (0 or more)", "disk_bytes=1_000_000_000"
        ),
    )
    folders: tuple[Path, ...] = field(
        default=(),
        converter=_paths,
        validator=check.rule(
            lambda v: isinstance(v, tuple) and all(map(check.is_path, v)),
            "paths",
            "folders=['/var/log']",
        ),
    )

    def __attrs_post_init__(self) -> None:
        for what, names in (("include", self.include), ("exclude", self.exclude)):
            for name in names:
                self._must_be_known(what, name)

    def _must_be_known(self, what: str, name: str) -> None:
        known = [*BUILT_IN, *self.collectors]
        if name not in known:
            hint = check.nearest(name, known) or f"there are {', '.join(known)}"
            text = f"{what} names {check.shown(name)}, and there is no such collector; {hint}"
            raise InvalidSpec(f"Healthz: {text}", problem=text)
