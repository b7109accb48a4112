"""From what is written of a child to its spec.

Decides of which kind a child is, and what of it is read when: all that is wrong in it is told, and
what is right of it is used to look at its siblings. Reads no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve, frozen

from ..errors import InvalidSpec
from ..specs import ChildSpec, Command
from ..specs.check import Whole, is_typo, nearest, shown
from ..specs.copy import MOST
from .forms import BAD, Value
from .inherit import Bases, names_in, over_defaults, with_defaults
from .nodes import Mapping, Node, Scalar
from .records import named_records, read_fields
from .report import Place, Report
from .siblings import Built, check_siblings, check_template
from .variables import Scope
from .vocabulary import ALL_KEYS, KINDS, OWN, Kind, belongs_to


@frozen
class Surroundings:
    """What a child gets from where it stands.

    Attributes:
        bases: that it may extend.
        scope: the variables in its texts.
        defaults: of those above it.
        within: names of the bases in which it stands.
    """

    bases: Bases
    scope: Scope
    defaults: Mapping | None = None
    within: tuple[str, ...] = ()

    @property
    def has_copy(self) -> bool:
        """Whether `${copy}` may come from elsewhere than from the child's own text."""
        return self.bases.have_copy or (self.defaults is not None and self.defaults.has_copy)


def children(node: Node | None, around: Surroundings, place: Place) -> list[Built]:
    """All children of a list, or of a mapping by names; what is wrong with each is told."""
    found: list[Built] = []
    for child, at in named_records(node, place, _A_CHILD):
        found += one(child, around, at)
    return found


_KINDS_OF_CHILDREN = "one of 'command', 'worker', 'children', 'template'"
_A_CHILD = f"a mapping with 'name' and {_KINDS_OF_CHILDREN}"


def one(child: Mapping, around: Surroundings, place: Place) -> list[Built]:
    """A child, or all its copies; none if not even its name can be told."""
    before = len(place.report)
    whole = around.bases.applied(child, place, place.report, around.within)
    kind = kind_of(whole, place, may_be_missing=len(place.report) > before)
    if kind is None:
        return _without_kind(whole, place)
    if "children" in whole.entries or "template" in whole.entries:
        names = [name.text for name in names_in(child.get("extends"), place)]
        around = evolve(around, within=(*around.within, *names))
    recipe = Recipe(kind, with_defaults(around.defaults, whole, kind), around, place.path)
    if whole.get("copies") is None:
        built = recipe.build(place.report, around.scope)
        return [] if built is None else [built]
    return _copies(recipe, whole.entries["copies"].value, place)


def kind_of(child: Mapping, place: Place, *, may_be_missing: bool) -> Kind | None:
    """The kind that a child's keys tell, or would if they were written right; None, and a problem,
    if they tell none, or two."""
    found = [KINDS[key] for key in KINDS if child.get(key) is not None]
    if len(found) > 1:
        keys = " and ".join(repr(kind.key) for kind in found)
        place.say(child, f"has {keys}; a child is of one kind")
        return None
    if found:
        return found[0]
    meant = [near for key in child.entries for near in KINDS if is_typo(key, near, ALL_KEYS)]
    if not meant and not may_be_missing:
        place.say(child, f"must have {_KINDS_OF_CHILDREN}")
    for key in child.entries:
        if key not in ALL_KEYS:
            place.unknown_key(child.entries[key].key, ALL_KEYS)
    return KINDS[meant[0]] if meant else None


def _without_kind(child: Mapping, place: Place) -> list[Built]:
    """What stands for a child of which no kind can be told, so that its siblings may name it."""
    name = child.get("name")
    return [] if name is None else _standin(name, child, place)


def _standin(name: Node, child: Mapping, place: Place) -> list[Built]:
    try:
        spec = Command(name.text if isinstance(name, Scalar) else "", ["?"], restart="transient")
    except InvalidSpec:
        return []
    return [Built(spec, child, place, is_good=False)]


def _copies(recipe: Recipe, count: Node, place: Place) -> list[Built]:
    around, at = recipe.around, place.at("copies")
    number = Value("a count").read(around.scope.fill(count, at), at)
    if not Whole(0, MOST)(number):
        if number is not BAD:
            at.refuse(count, f"a count from 0 to {MOST}")
        number = 1
    first = recipe.build(place.report, around.scope.for_copy(1))
    if first is None or not first.is_good:
        return [] if first is None else [first]
    if not recipe.node.has_copy and not around.has_copy:
        place.report.spend(number, count)
        make: Any = Same(first.spec)
        return [first.as_copy(n, make) for n in range(1, number + 1)]
    found = [first.as_copy(1, recipe)] if number else []
    for n in range(2, number + 1):
        built = recipe.build(place.report, around.scope.for_copy(n))
        if built is None or not built.is_good:
            break
        found.append(built.as_copy(n, recipe))
    return found


_WORTH = 20
"""How many values a child costs as much as, over and above its own."""


@frozen
class Same:
    """Makes copies that differ in their numbers only."""

    spec: ChildSpec

    def __call__(self, number: int) -> ChildSpec:
        """The spec."""
        return self.spec


@frozen
class Recipe:
    """A child as it is written, with all that it inherits; makes the specs of its copies."""

    kind: Kind
    node: Mapping
    around: Surroundings
    path: str

    def __call__(self, number: int) -> ChildSpec:
        """The spec of one copy, without the number in its name.

        Raises:
            InvalidFile: with this number it is not what it can be.
        """
        report = Report()
        built = self.build(report, self.around.scope.for_copy(number))
        report.stop_if_any()
        assert built is not None
        return built.spec

    def build(self, report: Report, scope: Scope) -> Built | None:
        """The child; None if not even its name can be told."""
        report.spend(_WORTH + self.node.size, self.node)
        place = Place(report, self.path)
        others = (*self.kind.others, "copies", "extends")
        own = scope.fill(self.node.without(others), place)
        assert isinstance(own, Mapping)
        values = read_fields(self.kind.cls, self.kind.keys, own, place, self._hint)
        if "name" not in values:
            place.say(own, "'name' is missing")
        if self.kind.key in self.kind.keys:
            values.setdefault(self.kind.keys[self.kind.key].attribute, BAD)
        below = self._below(scope, place) if self.kind.others else []
        if self.kind.others:
            values[self.kind.key] = below_spec(self.kind, values, below)
        return _finished(self.kind, values, own, place, below)

    def _hint(self, key: str) -> str:
        return belongs_to(key, self.kind.key) if key in ALL_KEYS else nearest(key, self.kind.known)

    def _below(self, scope: Scope, place: Place) -> list[Built]:
        """The children of a supervisor, or the template of a dynamic one."""
        own = self.node.get("defaults")
        if own is not None:
            check_defaults(own, scope, place.at("defaults"))
        defaults = over_defaults(self.around.defaults, own)
        around = evolve(self.around, scope=scope, defaults=defaults)
        below, at = self.node.get(self.kind.key), place.at(self.kind.key)
        return (template if self.kind.key == "template" else children)(below, around, at)


def below_spec(kind: Kind, values: dict[str, Any], below: Sequence[Built]) -> Any:
    """What a supervisor is given of what is below it; BAD if that is not as it must be."""
    if kind.key == "children":
        check_siblings(values, below)
        return [each.spec for each in below] if all(each.is_good for each in below) else BAD
    check_template(below)
    return below[0].spec if below and below[0].is_good else BAD


def template(node: Node | None, around: Surroundings, place: Place) -> list[Built]:
    """The template, if there is one."""
    if not isinstance(node, Mapping):
        if node is not None:
            place.refuse(node, f"one child: {_A_CHILD}")
        return []
    if (copies := node.entries.get("copies")) is not None:
        place.at("copies").say(copies.key, "a template has instances, and no copies")
        node = node.without(["copies"])
    return one(node, around, place)


def _finished(
    kind: Kind, values: dict[str, Any], node: Mapping, place: Place, below: Sequence[Built]
) -> Built | None:
    """The spec, or what stands for it."""
    good = {name: value for name, value in values.items() if value is not BAD}
    if len(good) == len(values) and "name" in good:
        try:
            return Built(kind.cls(**good), node, place, below=below)
        except InvalidSpec as error:
            place.say(node, error.problem)
    if "name" not in good:
        return None
    known = {name: good[name] for name in ("after", "restart") if name in good}
    try:
        return Built(Command(good["name"], ["?"], **known), node, place, is_good=False)
    except InvalidSpec:
        return Built(Command(good["name"], ["?"]), node, place, is_good=False)


def check_defaults(node: Node, scope: Scope, place: Place) -> None:
    """Tell what is wrong in `defaults`, whether or not somebody takes them."""
    if not isinstance(node, Mapping):
        place.refuse(node, "a mapping of what all children below have in common")
        return
    for key, entry in node.entries.items():
        if key in OWN:
            place.at(key).say(entry.key, f"{shown(key)} is a child's own, and no default")
            continue
        kind = next((kind for kind in KINDS.values() if key in kind.keys), None)
        if kind is None:
            place.unknown_key(entry.key, [each for each in ALL_KEYS if each not in OWN])
        elif not entry.value.has_copy:
            alone = scope.fill(node.with_entries({key: entry}), place)
            assert isinstance(alone, Mapping)
            read_fields(kind.cls, kind.keys, alone, place)


def check_base(node: Mapping, place: Place) -> None:
    """Tell of keys that no child has."""
    for key, entry in node.entries.items():
        if key == "name":
            place.at(key).say(entry.key, "a base has no name but its key")
        elif key not in ALL_KEYS:
            place.unknown_key(entry.key, [each for each in ALL_KEYS if each != "name"])
