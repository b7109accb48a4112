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
from otpsup.web.problems import STATUSES
from otpsup.web.routes import ROUTES, SSE, SVG, Route

PAGE = Path(__file__).parent / "reference" / "rest.md"
BEGIN = "<!-- Begin: made by docs/rest_reference.py; run it when the table of routes changes. -->"
END = "<!-- End. -->"
_TITLES = {
    "view": "Looking takes the role `view`",
    "operate": "Steering takes `operate`",
    "admin": "Changing what there is takes `admin`",
    None: "Who asks: for anybody",
}


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
    yield from ("## Errors", "", "| `code` | status |", "|---|---|")
    yield from (f"| `{code}` | {status} |" for code, status in STATUSES.items())
    yield ""


def _row(route: Route) -> str:
    takes = [*_fields(route.query, "?"), *_fields((route.body or {}).get("properties", {}), "")]
    cells = (f"`{route.method} {route.path}`", route.summary, ", ".join(takes), _answer(route))
    return f"| {' | '.join(cells)} |"


def _fields(shapes: Mapping[str, Any], mark: str) -> Iterator[str]:
    yield from (f"`{mark}{name}`" for name in shapes)


def _answer(route: Route) -> str:
    if route.type in (SSE, SVG):
        return f"`{route.type}`"
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
