"""How a picture looks: one style sheet, for light pages and dark ones.

Decides colours and fonts. Must not know what is drawn, nor refer to anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from .boxes import NAME_SIZE, WORDS_SIZE
from .marks import ACCENT, DARK, LIGHT

ROOT = "otpsup-graph"
"""The class of a whole picture. Every rule is confined to it, as other things may be on a page."""

_FONTS = f"""\
text {{ font: {WORDS_SIZE}px ui-sans-serif, system-ui, "Segoe UI", Roboto, Helvetica, sans-serif }}
.name {{ font: 600 {NAME_SIZE}px ui-monospace, "SF Mono", Menlo, Consolas, monospace }}
text {{ white-space: pre }}
.label {{ font-style: italic }}
.number {{ text-anchor: end }}
rect {{ stroke-width: 1.25 }}
.demand > .frame {{ stroke-dasharray: 5 3 }}
.way {{ fill: none; stroke-width: 1.5 }}
.listed {{ stroke-dasharray: 1 4; stroke-linecap: round; stroke-width: 2 }}"""


@frozen
class Theme:
    """The colours of one kind of page.

    Attributes:
        page, paper: behind everything, and behind a process.
        tints: behind a supervisor, one in a supervisor, and those further in.
        ink, faint: names, and all other texts.
        line: arrows, and what is around a process.
        accent: names of supervisors, and what is around them.
        states: what is around a child in one of them, and its mark.
    """

    page: str
    paper: str
    tints: tuple[str, str, str]
    ink: str
    faint: str
    line: str
    accent: str
    states: Mapping[str, str]

    def rules(self) -> Iterator[str]:
        """The theme as CSS."""
        yield f"rect {{ fill: {self.paper}; stroke: {self.line}; stroke-opacity: .6 }}"
        yield f".page {{ fill: {self.page}; stroke: none }}"
        yield f"text {{ fill: {self.faint} }}"
        yield f".name {{ fill: {self.ink} }}"
        yield f".supervisor > .name {{ fill: {self.accent} }}"
        for depth, tint in enumerate(self.tints, 1):
            yield f"{'.supervisor ' * depth}> rect {{ fill: {tint} }}"
        yield f".supervisor > rect {{ stroke: {self.accent} }}"
        yield f".way {{ stroke: {self.line} }}"
        yield f".tip {{ fill: {self.line} }}"
        for state, colour in self.states.items():
            yield f".{state} > .frame {{ stroke: {colour}; stroke-opacity: 1 }}"
            yield f".{state} > .name > .mark {{ fill: {colour} }}"
        yield f".process.down > .name {{ fill: {self.faint} }}"


LIGHT_PAGE = Theme(
    page="#fff",
    paper="#fff",
    tints=("#f6f8fe", "#ecf0fc", "#e2e8fa"),
    ink="#1c2330",
    faint="#596273",
    line="#7a8699",
    accent=ACCENT,
    states=LIGHT,
)
DARK_PAGE = Theme(
    page="#11151c",
    paper="#171c25",
    tints=("#1a2130", "#202a40", "#27334f"),
    ink="#e8ecf2",
    faint="#9aa5b5",
    line="#8492a6",
    accent="#91a7ff",
    states=DARK,
)


def sheet() -> str:
    """The style sheet; a viewer that knows nothing of dark pages shows the light one."""
    dark = "\n".join(_confined(DARK_PAGE.rules()))
    light = _confined([*_FONTS.splitlines(), *LIGHT_PAGE.rules()])
    return "\n".join([*light, f"@media (prefers-color-scheme: dark) {{\n{dark}\n}}"])


def _confined(rules: Iterable[str]) -> Iterator[str]:
    return (f".{ROOT} {rule}" for rule in rules)
