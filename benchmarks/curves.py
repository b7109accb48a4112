"""Charts as SVG: made by hand, readable on a light and on a dark page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 760, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 210, 40, 50
_COLOURS = ("#0b84a5", "#e07b39", "#3f9b4f", "#9c5fb5", "#c8443c", "#8a7a3d")
_STYLE = """\
text { font: 13px sans-serif; fill: #444 }
.title { font-weight: bold; font-size: 15px }
.grid { stroke: #8888; stroke-width: .5 }
.line { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #ccc } }"""

Points = Sequence[tuple[float, float]]


def growth(title: str, lines: Mapping[str, Points], across: str, up: str) -> str:
    """Lines over two logarithmic axes: what is linear has one slope, what is quadratic another.

    Args:
        lines: points, all above 0, by the name of the line.
        across, up: what the axes show.
    """
    points = [point for line in lines.values() for point in line]
    x, y = _Axis([p[0] for p in points]), _Axis([p[1] for p in points])
    parts = [*_frame(title, across, up), *_grid(x, y)]
    for number, (name, line) in enumerate(lines.items()):
        parts += _line(name, [(x.at(a), y.at(b)) for a, b in line], number)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n{body}\n</svg>\n"
    )


class _Axis:
    """Whole powers of ten around these values."""

    def __init__(self, values: Sequence[float]) -> None:
        self.low = math.floor(math.log10(min(values)) + 1e-9)
        self.high = max(math.ceil(math.log10(max(values)) - 1e-9), self.low + 1)

    @property
    def powers(self) -> range:
        return range(self.low, self.high + 1)

    def at(self, value: float) -> float:
        """Where a value is, from 0 to 1."""
        return (math.log10(value) - self.low) / (self.high - self.low)


def _x(share: float) -> float:
    return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}"{more}>{escape(text)}</text>'


def _frame(title: str, across: str, up: str) -> list[str]:
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    turned = f' text-anchor="middle" transform="rotate(-90 16 {middle})"'
    return [
        _text(_LEFT, 22, title, ' class="title"'),
        _text(_x(0.5), _HEIGHT - 10, across, ' text-anchor="middle"'),
        _text(16, middle, up, turned),
    ]


def _grid(x: _Axis, y: _Axis) -> list[str]:
    parts = []
    for power in x.powers:
        at = _x(x.at(10.0**power))
        parts.append(f'<path class="grid" d="M{at} {_y(0)}V{_y(1)}"/>')
        parts.append(_text(at, _y(0) + 18, _number(power), ' text-anchor="middle"'))
    for power in y.powers:
        at = _y(y.at(10.0**power))
        parts.append(f'<path class="grid" d="M{_x(0)} {at}H{_x(1)}"/>')
        parts.append(_text(_x(0) - 8, at + 4, _number(power), ' text-anchor="end"'))
    return parts


def _number(power: int) -> str:
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"


def _line(name: str, shares: Points, number: int) -> list[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    at = [(_x(a), _y(b)) for a, b in shares]
    path = "M" + "L".join(f"{a} {b}" for a, b in at)
    dots = [f'<circle cx="{a}" cy="{b}" r="3.5" fill="{colour}"/>' for a, b in at]
    legend = _TOP + 10 + 24 * number
    right = _WIDTH - _RIGHT + 20
    return [
        f'<path class="line" stroke="{colour}" d="{path}"/>',
        *dots,
        f'<path class="line" stroke="{colour}" d="M{right} {legend - 4}h22"/>',
        _text(right + 30, legend, name),
    ]
