"""What a child inherits: from `defaults` above it, and from the `bases` that it extends.

Decides what is merged and what is replaced. Works on what is written; nothing is read or checked
here but names.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from ..specs.check import nearest, shown
from .nodes import Entry, List, Mapping, Node, Scalar, is_nothing
from .report import Place, Report
from .vocabulary import DEFAULTS, KINDS, MERGED, PROCESSES_ONLY, Kind

_DEEPEST = 50


def merged(under: Mapping | None, over: Mapping) -> Mapping:
    """`over` with what it inherits; what it says of its kind puts away what is said below."""
    if under is None:
        return over
    entries = dict(under.entries)
    if any(over.get(key) is not None for key in KINDS):
        entries = {key: entry for key, entry in entries.items() if key not in KINDS}
    for key, entry in over.entries.items():
        below = entries.get(key)
        entries[key] = _merged(below, entry) if below and key in MERGED else entry
    return over.with_entries(entries)


def _merged(under: Entry, over: Entry) -> Entry:
    if not isinstance(under.value, Mapping) or not isinstance(over.value, Mapping):
        return over
    return Entry(over.key, over.value.with_entries({**under.value.entries, **over.value.entries}))


def with_defaults(defaults: Mapping | None, child: Mapping, kind: Kind) -> Mapping:
    """A child with those defaults that its kind has."""
    if defaults is None:
        return child
    is_process = kind.key in ("command", "worker")
    unwanted = [
        key
        for key in defaults.entries
        if key not in kind.keys or (key in PROCESSES_ONLY and not is_process)
    ]
    return merged(defaults.without(unwanted), child)


def over_defaults(above: Mapping | None, own: Node | None) -> Mapping | None:
    """The defaults that hold below a supervisor or in a file, from those above and its own."""
    if not isinstance(own, Mapping):
        return above
    known = own.without(key for key in own.entries if key not in DEFAULTS)
    return merged(above, known)


@define
class Bases:
    """The named, partial children that others extend."""

    _known: dict[str, Mapping] = field(factory=dict)

    def add(self, name: str, base: Mapping) -> None:
        """One more; whoever comes first has the name."""
        self._known.setdefault(name, base)

    @property
    def have_copy(self) -> bool:
        """Whether `${copy}` is in one of them."""
        return any(base.has_copy for base in self._known.values())

    def applied(
        self, child: Mapping, place: Place, report: Report, within: Sequence[str]
    ) -> Mapping:
        """The child with all that it extends; a later base wins over an earlier one.

        Args:
            within: names of the bases in which the child stands.
        """
        report.spend(child.size, child)
        inherited: Mapping | None = None
        for name in names_in(child.get("extends"), place.at("extends")):
            base = self._base(name, place.at("extends"), within)
            if base is not None:
                whole = self.applied(base, place, report, (*within, name.text))
                inherited = whole if inherited is None else merged(inherited, whole)
        return merged(inherited, child)

    def _base(self, name: Scalar, place: Place, within: Sequence[str]) -> Mapping | None:
        base = self._known.get(name.text)
        if len(within) >= _DEEPEST:
            place.say(name, f"bases that extend bases, more than {_DEEPEST} deep")
            return None
        if name.text in within:
            chain = " extends ".join(map(shown, [*within[within.index(name.text) :], name.text]))
            place.say(name, f"this never ends: {chain}")
            return None
        if base is None:
            known = ", ".join(self._known) or "there are none"
            hint = nearest(name.text, self._known) or f"known are {known}"
            place.say(name, f"there is no base {shown(name.text)}; {hint}")
        return base


def names_in(node: Node | None, place: Place) -> list[Scalar]:
    """The names in `extends`: one, or a list."""
    if node is None:
        return []
    found = []
    for item in node.items if isinstance(node, List) else [node]:
        if isinstance(item, Scalar) and not is_nothing(item):
            found.append(item)
        else:
            place.refuse(item, "the name of a base, or a list of names")
    return found
