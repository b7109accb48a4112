"""The difference between two specs of one child, and whether its process has to be made anew.

Decides that field by field, and says it in words without secrets. Knows nothing of states.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import frozen

from .. import mask
from ..specs import ChildSpec, Command, DynamicSupervisor, LogFile, Supervisor, Worker, words
from ..specs.check import shown

_OF_ITS_SUPERVISION = {
    "restart",
    "shutdown",
    "significant",
    "autostart",
    "backoff",
    "copy",
    "after",
}
_OF_THE_NEXT_START = {
    *("ready", "start_timeout", "start_retries", "before_start", "after_ready", "after_exit")
}
_UNTIL_READY = frozenset(("ready", "start_timeout", "before_start"))
_OF_ITS_END = {"stop_signal", "stop_group", "exitcodes"}
_OF_SUPERVISORS = {
    *("intensity", "period", "strategy", "auto_shutdown", "parallel", "max_children", "template")
}
_IN_PLACE = _OF_ITS_SUPERVISION | _OF_THE_NEXT_START | _OF_ITS_END | _OF_SUPERVISORS
"""Fields that change without a new process; all others are what a process is made of."""
_ELSEWHERE = frozenset(("name", "children"))
_HIDDEN = frozenset(("args", "kwargs"))


@frozen
class Difference:
    """How a spec differs from the one before.

    Attributes:
        in_place: the fields that change without a new process, each in words.
        anew: those of which a process is made.
        of_a_start: a start that is under way is not that of the newer spec.
    """

    in_place: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()
    of_a_start: bool = False

    def __bool__(self) -> bool:
        return bool(self.in_place or self.anew)

    def __str__(self) -> str:
        return ", ".join((*self.anew, *self.in_place))


SAME = Difference()


def is_other_kind(old: ChildSpec, new: ChildSpec) -> bool:
    """Whether one cannot become the other: a process and a supervisor, or the two supervisors."""
    return _kind(old) is not _kind(new)


def _kind(spec: ChildSpec) -> type:
    return Worker if isinstance(spec, Worker | Command) else type(spec)


def difference(old: ChildSpec, new: ChildSpec) -> Difference:
    """How `new` differs from `old`, which is of the same kind; the children of both are not
    looked at."""
    if old is new:
        return SAME
    if type(old) is not type(new):
        return Difference(anew=(f"it is a {word(new)} now, and was a {word(old)}",))
    fields = [f.name for f in attrs.fields(type(new)) if f.name not in _ELSEWHERE]
    differing = [name for name in fields if not _equal(getattr(old, name), getattr(new, name))]
    in_place: list[str] = []
    anew: list[str] = []
    for name in differing:
        before, now = getattr(old, name), getattr(new, name)
        stays = name in _IN_PLACE or _is_the_same_file(before, now)
        (in_place if stays else anew).append(_told(name, before, now))
    return Difference(tuple(in_place), tuple(anew), not _UNTIL_READY.isdisjoint(differing))


def _is_the_same_file(old: Any, new: Any) -> bool:
    """Whether only its rotation differs, which is none of the process's business."""
    is_file = isinstance(old, LogFile) and isinstance(new, LogFile)
    return is_file and (old.path, old.format) == (new.path, new.format)


def word(spec: ChildSpec) -> str:
    """What it is, in a word or two."""
    words: dict[type, str] = {Supervisor: "supervisor", DynamicSupervisor: "dynamic supervisor"}
    return words.get(type(spec), type(spec).__name__.lower())


def _equal(old: Any, new: Any) -> bool:
    """Whether two values are the same; arguments may be of any kind, and refuse to be compared."""
    try:
        return bool(old == new)
    except Exception:
        return False


def _told(name: str, old: Any, new: Any) -> str:
    label = words.LABELS.get(name, name)
    if name in _HIDDEN or name == "template":
        return label
    if isinstance(old, LogFile) and isinstance(new, LogFile) and old.path == new.path:
        return f"{label} ({', '.join(_fields(old, new))})"
    if isinstance(old, Mapping) and isinstance(new, Mapping) and name != "rlimits":
        return f"{label} ({', '.join(_names(old, new))})"
    return f"{label} {_value(name, old)} -> {_value(name, new)}"


def _fields(old: LogFile, new: LogFile) -> Iterator[str]:
    """What differs about a log."""
    for name in (f.name for f in attrs.fields(LogFile)):
        before, now = getattr(old, name), getattr(new, name)
        if before != now:
            yield f"{name} {words.text(name, before)} -> {words.text(name, now)}"


def _names(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """The names of what was added, taken away and changed; the values may be secrets."""
    for name in sorted({*old, *new}):
        if name not in old:
            yield f"+{name}"
        elif name not in new:
            yield f"-{name}"
        elif old[name] != new[name]:
            yield name


def _value(name: str, value: Any) -> str:
    if name == "argv":
        return shown(shlex.join(mask.command_line(value)))
    return words.text(name, value)
