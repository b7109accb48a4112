"""Lists of records in files of other forms than a tree's, read as well: the same notations, `${}`,
errors with places, all at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping as MappingType
from typing import Any

from ..specs.check import shown
from .files import file_node
from .nodes import Mapping, Node
from .records import Record, named_records
from .report import Place, Report
from .variables import Scope


def load_list(
    path: str | os.PathLike[str],
    record: Record,
    under: str,
    environ: MappingType[str, str] | None = None,
) -> list[Any]:
    """The records in a file: a list, or a mapping by names, at its top or under one key.

    Args:
        path: of a YAML file, or of a JSON file if its name ends in `.json`.
        record: what each is; it must have the key `name`.
        under: the key.
        environ: the variables for `${NAME}`; those of this process if not given.

    Raises:
        InvalidFile: all that is wrong.
    """
    report = Report()
    place = Place(report)
    scope = Scope(dict(os.environ if environ is None else environ))
    node = file_node(os.fspath(path), report)
    named = named_records(_list(node, under, place), place.at(under), record.words)
    found = [_one(each, record, scope, at) for each, at in named]
    _check_names(named)
    report.stop_if_any()
    return found


def _list(node: Node | None, under: str, place: Place) -> Node | None:
    if not isinstance(node, Mapping):
        return node
    for key, entry in node.entries.items():
        if key != under and not key.startswith("x-"):
            place.unknown_key(entry.key, [under])
    if node.get(under) is None and under not in node.entries:
        place.say(node, f"{shown(under)} is missing: a list, or a mapping from names")
    return node.get(under)


def _one(node: Mapping, record: Record, scope: Scope, place: Place) -> Any:
    place.report.spend(node.size, node)
    return record.read(scope.fill(node, place), place)


def _check_names(named: list[tuple[Mapping, Place]]) -> None:
    known: dict[str, Node] = {}
    for node, place in named:
        name = node.get("name")
        text = getattr(name, "text", None)
        if name is None or text is None:
            continue
        if (first := known.setdefault(text, name)) is not name:
            place.at("name").say(name, f"another one is named {shown(text)}, in line {first.line}")
