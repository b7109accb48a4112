"""What only siblings together can get wrong: names, dependencies, significance, shared log files.

The specs decide what is wrong; here each of it gets its place in the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from attrs import evolve, frozen

from ..errors import InvalidSpec
from ..specs import (
    After,
    ChildSpec,
    Copy,
    LogFile,
    Supervisor,
    check_significant,
)
from ..specs.after import check_dependency, check_graph
from ..specs.check import shown
from ..specs.copies import numbered
from ..specs.copy import with_groups
from ..specs.output import check_files
from .forms import BAD
from .nodes import List, Mapping, Node
from .report import Place


@frozen
class Built:
    """A child that was read.

    Attributes:
        spec: of the child, or what stands for one that cannot be built.
        node: all that is written of it.
        below: its children, or its template.
    """

    spec: ChildSpec
    node: Mapping
    place: Place
    is_good: bool = True
    below: Sequence[Built] = ()

    def as_copy(self, number: int, make: Any) -> Built:
        """It as a copy of this number."""
        return evolve(self, spec=numbered(self.spec, number, make))

    def at(self, key: str) -> tuple[Node, Place]:
        """The node behind a key, or the child's own."""
        return self.node.get(key) or self.node, self.place.at(key)

    @property
    def shared_name(self) -> str:
        """The name that all copies have in common."""
        return self.spec.copy.of if self.spec.copy else self.spec.name


def check_siblings(supervisor: dict[str, Any], children: Sequence[Built]) -> None:
    """Tell what is wrong between the children of a supervisor.

    Args:
        supervisor: what was read of it.
    """
    _check_names(children)
    _check_significant(supervisor, children)
    if any(child.spec.after for child in children) and not _check_dependencies(children):
        _count_dependencies(children)
        _check_cycles(children)


def _count_dependencies(children: Sequence[Built]) -> None:
    """All copies of one after all copies of another are very many."""
    sizes = Counter(child.shared_name for child in children)
    for child in children:
        count = sum(sizes[after.name] for after in child.spec.after)
        child.place.report.spend(count // _CHEAP, child.node)


_CHEAP = 4
"""How many dependencies cost as much as a value."""


def _check_names(children: Sequence[Built]) -> None:
    known: dict[str, Built] = {}
    for child in children:
        other = known.setdefault(child.spec.name, child)
        if other is not child:
            node, place = child.at("name")
            line = other.at("name")[0].line
            where = f"line {line}" + (
                "" if other.node.source == child.node.source else f" of {other.node.source.name}"
            )
            place.say(node, f"another child is named {shown(child.spec.name)}, in {where}")


def _check_significant(supervisor: dict[str, Any], children: Sequence[Built]) -> None:
    values = {k: v for k, v in supervisor.items() if k in ("name", "auto_shutdown")}
    if BAD in values.values() or "name" not in values:
        return
    above = Supervisor(**values)
    for child in children:
        _ask(child, "significant", partial(check_significant, above, child.spec))


def _ask(child: Built, key: str, check: Callable[[], object]) -> None:
    """Let the specs check something; what they refuse is told at the child's key."""
    try:
        check()
    except InvalidSpec as error:
        node, place = child.at(key)
        place.say(node, error.problem)


def _check_dependencies(children: Sequence[Built]) -> bool:
    """Tell of dependencies on nobody, or on what never ends; whether there is one."""
    siblings: dict[str, Any] = {child.spec.name: child.spec for child in children}
    groups: dict[str, list[str]] = {}
    for child in children:
        if isinstance(child.spec.copy, Copy):
            groups.setdefault(child.spec.copy.of, []).append(child.spec.name)
    is_wrong = False
    for child in _first_copies(children):
        for after, node, place in _written(child):
            names = [after.name] if after.name in siblings else groups.get(after.name, [after.name])
            try:
                for name in names:
                    each = evolve(after, name=name)
                    check_dependency("", child.shared_name, each, siblings)
            except InvalidSpec as error:
                place.say(node, error.problem)
                is_wrong = True
    return is_wrong


def _first_copies(children: Iterable[Built]) -> Iterator[Built]:
    return (each for each in children if each.spec.copy is None or each.spec.copy.number == 1)


def _written(child: Built) -> Iterator[tuple[After, Node, Place]]:
    """Each dependency with the node that says it."""
    node, place = child.at("after")
    if isinstance(node, List) and len(node.items) == len(child.spec.after):
        for number, after in enumerate(child.spec.after):
            yield after, node.items[number], place.item(number)
    else:
        for after in child.spec.after:
            yield after, node, place


def _check_cycles(children: Sequence[Built]) -> None:
    try:
        check_graph("", with_groups([child.spec for child in children]))
    except InvalidSpec as error:
        by_name = {child.spec.name: child for child in children}
        first = next(by_name[name] for name in by_name if name in error.children)
        node, place = first.at("after")
        place.say(node, error.problem)


def check_template(found: Sequence[Built]) -> None:
    """Tell what a template cannot have."""
    for child in found:
        for key in ("after", "significant"):
            if getattr(child.spec, key):
                node, place = child.at(key)
                place.say(node, f"a template has no {key!r}: its instances are all alike")


def check_log_files(children: Sequence[Built]) -> None:
    """Tell of two ways to rotate one file, in a whole tree."""
    known: dict[Any, tuple[str, LogFile]] = {}
    for path, child in _walk(children):
        for key in ("stdout", "stderr"):
            file = getattr(child.spec, key, None)
            if isinstance(file, LogFile):
                first = known.setdefault(file.path, (path, file))
                _ask(child, key, partial(check_files, [first, (path, file)]))


def _walk(children: Sequence[Built], above: str = "") -> Iterator[tuple[str, Built]]:
    for child in children:
        yield above + child.spec.name, child
        yield from _walk(child.below, f"{above}{child.spec.name}/")
