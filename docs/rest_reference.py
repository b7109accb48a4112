"""Writes the tables of routes in docs/reference/rest.md from the table that the server goes by.

    python docs/rest_reference.py           write them
    python docs/rest_reference.py --check   say whether they are what it would write now

What there is, is the matter of `otpsup.web.routes`. What stands around it is written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from otpsup.web.access import ROLES
from otpsup.web.forms import PLAIN, SVG
from otpsup.web.problems import STATUSES
from otpsup.web.routes import ROUTES, SSE, Route

PAGE = Path(__file__).parent / "reference" / "rest.md"
BEGIN = "<!-- Begin: made by docs/rest_reference.py; run it when the table of routes changes. -->"
END = "<!-- End. -->"
_TITLES = {
    "view": "Looking takes the role `view`",
    "operate": "Steering takes `operate`",
    "admin": "Changing what there is takes `admin`",
    None: "Who asks: for anybody",
}

COMMANDS: Mapping[str, tuple[str, ...] | str] = {
    "status": ("tree", "status"), "why": ("why",), "info": ("child", "about"),
    "stacks": ("stacks_child",), "pid": ("child", "about"), "top": ("statistics",),
    "metrics": ("statistics",), "logs": ("logs", "follow_logs"), "tail": ("logs", "follow_logs"),
    "events": ("recent_events", "events"), "alerts": ("alerts", "test_alerts"), "wait": ("wait",),
    "healthz": "`GET /healthz`, of the plug-in; as the command with `?format=`, `?include=`, "
    "`?exclude=`",
    "start": ("start_child", "start_some"), "stop": ("stop_child", "stop_some", "shutdown"),
    "restart": ("restart_child", "restart_some", "roll_child"), "shutdown": ("shutdown",),
    "signal": ("signal_child", "signal_some"), "reopen": ("reopen_logs",), "plan": ("plan",),
    "update": ("update",), "add": ("add_children",), "remove": ("remove_child", "remove_some"),
    "scale": ("scale_child",), "schema": ("schema",), "graph": ("graph", "picture"),
    "simulate": ("simulate",),
    "check": "`plan` with a `file`: it is read, and compared with what runs",
    **dict.fromkeys(("run", "import", "shell", "web", "completion", "orphans"), ""),
}  # fmt: skip
"""What a command is over REST, by the routes' ids or in words; nothing for what is no matter of a
tree that runs."""


def page(before: str) -> str:
    """The page, with the tables of now in place of those in it."""
    head, _, rest = before.partition(BEGIN)
    tail = rest.partition(END)[2]
    return "\n".join([f"{head}{BEGIN}", "", *_lines(), f"{END}{tail}"])


def _lines() -> Iterator[str]:
    for role in (*ROLES, None):
        yield from (f"## {_TITLES[role]}", "", "| | | takes | answers |", "|---|---|---|---|")
        yield from (_row(route) for route in ROUTES if route.role == role)
        yield ""
    yield from ("## For each command", "", "| `otpsup` | |", "|---|---|")
    yield from (f"| `{name}` | {_of(told)} |" for name, told in COMMANDS.items() if told)
    alone = ", ".join(f"`{name}`" for name, told in COMMANDS.items() if not told)
    yield from ("", f"Not about a tree that runs: {alone}.", "")
    yield from ("## Parameters and fields", "", "| | | |", "|---|---|---|")
    yield from (f"| `{name}` | {kind} | {where} |" for name, kind, where in _all_fields())
    yield ""
    yield from ("## Errors", "", "| `code` | status |", "|---|---|")
    yield from (f"| `{code}` | {status} |" for code, status in STATUSES.items())
    yield ""


def _all_fields() -> Iterator[tuple[str, str, str]]:
    """Each parameter and each field of a body, with what it may be, and which routes have it."""
    found: dict[tuple[str, str], list[str]] = {}
    for route in ROUTES:
        for shapes, mark in ((route.query, "?"), ((route.body or {}).get("properties", {}), "")):
            for name, shape in shapes.items():
                found.setdefault((f"{mark}{name}", _kind(shape)), []).append(f"`{route.id}`")
    for (name, kind), ids in sorted(found.items(), key=lambda each: each[0][0].lstrip("?")):
        yield name, kind, ", ".join(ids)


def _kind(shape: Mapping[str, Any]) -> str:
    """`a whole number from 0 to 600; 30 if not given`."""
    types = [shape["type"]] if isinstance(shape["type"], str) else shape["type"]
    words = " or ".join(_WORDS.get(each, "") for each in types)
    if "enum" in shape:
        words = " or ".join(f"`{each}`" for each in shape["enum"])
    elif shape["type"] == "array":
        words = f"{shape['maxItems']} at most, each {_kind(shape['items'])}"
    elif "maximum" in shape:
        words += f" from {shape['minimum']} to {shape['maximum']}"
    elif "maxLength" in shape:
        words += f" of {shape['maxLength']} characters at most"
    default = str(shape["default"]).lower() if "default" in shape else ""
    return f"{words}; {default} if not given" if default else words


_WORDS = {
    "string": "a text", "integer": "a whole number", "boolean": "`true` or `false`",
    "null": "null",
}  # fmt: skip


def _of(told: tuple[str, ...] | str) -> str:
    if isinstance(told, str):
        return told
    known = {route.id: route for route in ROUTES}
    return ", ".join(f"`{known[id].method} {known[id].path}`" for id in told)


def _row(route: Route) -> str:
    takes = [*_fields(route.query, "?"), *_fields((route.body or {}).get("properties", {}), "")]
    cells = (f"`{route.method} {route.path}`", route.summary, ", ".join(takes), _answer(route))
    return f"| {' | '.join(cells)} |"


def _fields(shapes: Mapping[str, Any], mark: str) -> Iterator[str]:
    yield from (f"`{mark}{name}`" for name in shapes)


def _answer(route: Route) -> str:
    if route.type in (PLAIN, SSE, SVG):
        return " or ".join(f"`{each}`" for each in (route.type, route.or_type) if each)
    if route.answer is None:
        return str(route.status)
    return _shape(route.answer)


def _shape(shape: Mapping[str, Any]) -> str:
    if "$ref" in shape:
        return f"`{shape['$ref'].rpartition('/')[2]}`"
    if shape.get("type") == "array":
        return f"list of {_shape(shape['items'])}"
    return "an object"


def main(argv: list[str]) -> int:
    """Write the page, or check it."""
    before = PAGE.read_text()
    text = page(before)
    if argv != ["--check"]:
        PAGE.write_text(text)
        return 0
    if before == text:
        return 0
    print(f"{PAGE.name} is stale: run python docs/rest_reference.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
