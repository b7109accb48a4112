"""How the tree file looks that an import writes: at its top stands what has no equivalent, and
what all programs share are its defaults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..config.vocabulary import DEFAULTS, KINDS, PROCESSES_ONLY
from .importing import Imported


def text_of(found: Imported) -> str:
    """The tree file, YAML; what was left out stands at its top."""
    import yaml  # takes its time

    from ..config.dump import dump_tree

    head = [f"# Made from {found.source} by `otpsup import`.", *map(_comment, found.notes)]
    document = _with_defaults(dump_tree(found.tree))
    body = yaml.safe_dump(
        document, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
    return "\n".join([*head, "", body])


def _with_defaults(document: dict[str, Any]) -> dict[str, Any]:
    """What all programs have in common stands once, if it is not for groups as well."""
    programs = list(_programs(document["children"]))
    has_groups = any("children" in child for child in document["children"])
    shared = {
        key: value
        for key, value in (programs[0] if len(programs) > 1 else {}).items()
        if key in DEFAULTS
        and not (has_groups and key in KINDS["children"].keys and key not in PROCESSES_ONLY)
        and all(each.get(key) == value for each in programs)
    }
    for each in programs:
        for key in shared:
            del each[key]
    children = document.pop("children")
    return {**document, **({"defaults": shared} if shared else {}), "children": children}


def _programs(children: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for child in children:
        if "children" in child:
            yield from _programs(child["children"])
        else:
            yield child


def _comment(note: str) -> str:
    return "# - " + note.replace("\n", "\n#   ").replace("\r", " ")
