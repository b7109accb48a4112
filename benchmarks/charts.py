"""The rows as a drawing: how many times the base each one takes, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from attrs import frozen

from .report import OURS, Figure, Row, number

_WIDTH = 920
_LEFT = 190
_RIGHT = 120
_BAR = 14
_LINE = 19
_HEAD = 44
"""Above the bars of a row: its title, and air."""
_TOP = 70
_STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.head { font-size: 17px; font-weight: 600 }
.title { font-size: 13px; font-weight: 600 }
.quiet { fill: #59636e }
.name { text-anchor: end }
.tick { text-anchor: middle; fill: #59636e; font-size: 11px }
.ours { font-weight: 700 }
.grid { stroke: #d1d9e0 }
.target { stroke: #1a7f37; stroke-width: 2; stroke-dasharray: 4 2 }
.mark { fill: #1a7f37; font-size: 11px }
rect { fill: #8c959f }
rect.limit, rect.bare { fill: #c8cfd6 }
rect.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .quiet, .tick { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .target { stroke: #3fb950 }
  .mark { fill: #3fb950 }
  rect { fill: #656c76 }
  rect.limit, rect.bare { fill: #3d444d }
  rect.ours { fill: #4493f8 }
}
"""
_CLASSES = {"limit": "limit", "bare loop": "bare", "rival": "rival", "otpsup": "ours"}


@frozen
class Scale:
    """Costs to x: from `low` at the left to `high` at the right, logarithmically."""

    low: float
    high: float

    def x(self, cost: float) -> float:
        """Where this cost is."""
        part = math.log(cost / self.low) / math.log(self.high / self.low)
        return _LEFT + part * (_WIDTH - _LEFT - _RIGHT)

    def ticks(self) -> list[float]:
        """The powers of ten in it."""
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        return [10.0**power for power in range(first, last + 1)]


def chart(rows: Sequence[Row], title: str) -> str:
    """An SVG of all rows that have a base other than zero.

    A bar is as long as the work costs more than the base, for throughput too; the dashed line is
    what otpsup must reach.
    """
    drawn = [row for row in rows if _costs(row)]
    scale = _scale(drawn)
    height = _TOP + sum(_height(row) for row in drawn) + 10
    return "\n".join(_lines(drawn, title, scale, height)) + "\n"


def _lines(rows: Sequence[Row], title: str, scale: Scale, height: float) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img" '
        'aria-labelledby="title desc">'
    )
    yield f'<title id="title">{escape(title)}</title>'
    yield f'<desc id="desc">{escape(_description(rows))}</desc>'
    yield f"<style>{_STYLE}</style>"
    yield _text(20, 28, title, "head")
    yield _text(20, 48, "times the base, on a logarithmic scale; shorter is better", "quiet")
    y = float(_TOP)
    for row in rows:
        yield from _group(row, scale, y)
        y += _height(row)
    yield "</svg>"


def _group(row: Row, scale: Scale, top: float) -> Iterator[str]:
    bottom = top + _height(row) - 12
    base = f"1 x is {row.base}: {number(row.median(row.base))} {row.unit}"
    yield _text(20, top + 14, row.title, "title")
    yield _text(20, top + 30, base, "quiet")
    for cost in scale.ticks():
        x = scale.x(cost)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top + 36:g}" y2="{bottom:g}"/>'
        yield _text(x, top + 30, f"{cost:,.10g} x", "tick")
    if (target := _target(row)) is not None:
        yield from _target_mark(scale.x(target), top + 36, bottom)
    costs = _costs(row)
    for at, figure in enumerate(each for each in row.figures if each.rival in costs):
        yield from _bar(row, figure, costs[figure.rival], scale, top + _HEAD + at * _LINE)


def _bar(row: Row, figure: Figure, cost: float, scale: Scale, y: float) -> Iterator[str]:
    start, end = sorted((scale.x(1.0), scale.x(cost)))
    kind = _CLASSES[figure.kind]
    value = f"{number(row.ratio(figure.rival))} x ({number(figure.median)} {row.unit})"
    yield (
        f'<rect class="{kind}" x="{start:.1f}" y="{y:g}" width="{max(end - start, 2):.1f}" '
        f'height="{_BAR}" rx="2"/>'
    )
    yield _text(_LEFT - 10, y + 11, figure.rival, f"name {kind}")
    yield _text(max(end, start + 2) + 6, y + 11, value, kind)


def _target_mark(x: float, top: float, bottom: float) -> Iterator[str]:
    yield f'<line class="target" x1="{x:.1f}" x2="{x:.1f}" y1="{top:g}" y2="{bottom:g}"/>'
    yield _text(x + 4, bottom + 4, "target", "mark")


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:g}" class="{kind}">{escape(text)}</text>'


def _description(rows: Sequence[Row]) -> str:
    return " ".join(f"{row.title}: {_sentence(row)}." for row in rows)


def _sentence(row: Row) -> str:
    parts = [f"{name} {number(cost)} times {row.base}" for name, cost in _costs(row).items()]
    return ", ".join(parts)


def _costs(row: Row) -> dict[str, float]:
    """How many times the base each one takes, by name; a half of its throughput counts as two."""
    ratios = {each.rival: row.ratio(each.rival) for each in row.figures}
    return {name: _cost(row, ratio) for name, ratio in ratios.items() if ratio}


def _cost(row: Row, ratio: float) -> float:
    return ratio if row.better == "lower" else 1 / ratio


def _target(row: Row) -> float | None:
    """What otpsup may cost at most."""
    base = row.median(row.base)
    if row.target is None or not base or row.of(OURS) is None:
        return None
    ratio = row.target / base if row.target_is_absolute else row.target
    return _cost(row, ratio) if ratio else None


def _scale(rows: Sequence[Row]) -> Scale:
    costs = [cost for row in rows for cost in _costs(row).values()]
    return Scale(min([0.8, *costs]) / 1.1, max([10.0, *costs]) * 1.6)


def _height(row: Row) -> float:
    return _HEAD + len(_costs(row)) * _LINE + 24
