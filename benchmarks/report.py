"""What was measured: rows of figures, as a table, as JSON, and who leads."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from attrs import asdict, field, frozen

from .rivals.rival import Kind

OURS = "otpsup"


@frozen
class Figure:
    """One rival's values in one row.

    Attributes:
        values: repetitions or samples; what is shown is the median. Without any it could not be
            measured, and the note says why.
        note: what else is to be known, as in "cuts a line at 19 of 20 rotations".
    """

    rival: str
    kind: Kind
    values: Sequence[float]
    note: str = ""

    @property
    def median(self) -> float | None:
        """The middle value; None without any."""
        return statistics.median(self.values) if self.values else None

    @property
    def spread(self) -> tuple[float, float] | None:
        """The quartiles; None for fewer than two values."""
        if len(self.values) < 2:
            return None
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high


@frozen
class Row:
    """One kind of work.

    Attributes:
        key: its name in files, as in "restart-command-p50".
        unit: of all values.
        better: which direction is.
        base: the rival whose median is 1.0 x.
        target: what otpsup must reach, as a multiple of the base's median, or as it is.
        against: what otpsup must reach, as multiples of the medians of rivals, if they are there.
    """

    key: str
    title: str
    unit: str
    figures: Sequence[Figure]
    better: Literal["lower", "higher"] = "lower"
    base: str = "limit in C"
    target: float | None = None
    target_is_absolute: bool = False
    against: Mapping[str, float] = field(factory=dict)

    def of(self, rival: str) -> Figure | None:
        """The figure of one rival, if it was measured."""
        return next((each for each in self.figures if each.rival == rival and each.values), None)

    def median(self, rival: str) -> float | None:
        """The median of one rival, if it was measured."""
        found = self.of(rival)
        return found.median if found else None

    def ratio(self, rival: str) -> float | None:
        """How many times the base's median; None if one is not there, or the base is zero."""
        value, base = self.median(rival), self.median(self.base)
        return None if value is None or not base else value / base

    def ahead(self) -> list[str]:
        """The rivals that are better than otpsup here; bare loops and limits are none."""
        ours = self.median(OURS)
        return [
            each.rival
            for each in self.figures
            if each.kind == "rival" and ours is not None and each.median is not None
            if not self._is_as_good(ours, each.median)
        ]

    def leads(self) -> bool | None:
        """Whether otpsup is as good as every rival; None if it was not measured."""
        return None if self.median(OURS) is None else not self.ahead()

    def misses(self) -> list[str]:
        """The targets that otpsup does not reach, each as in "1.35 x limit in C"."""
        return [text for text, is_met in self._targets() if not is_met]

    def is_met(self) -> bool | None:
        """Whether otpsup reaches its targets; None if there is nothing to compare."""
        found = [is_met for _, is_met in self._targets()]
        return all(found) if found else None

    def target_text(self) -> str:
        """All targets, as in "<= 1.35 x, <= 0.9 x Erlang/OTP"; nothing if there is none."""
        sign = "<=" if self.better == "lower" else ">="
        parts = [f"{sign} {factor:g} x {rival}" for rival, factor in self.against.items()]
        if self.target is not None:
            what = self.unit if self.target_is_absolute else f"x {self.base}"
            parts.insert(0, f"{sign} {self.target:g} {what}")
        return ", ".join(parts)

    def _targets(self) -> Iterator[tuple[str, bool]]:
        ours = self.median(OURS)
        for text, bound in self._bounds():
            if ours is not None and bound is not None:
                yield text, self._is_as_good(ours, bound)

    def _bounds(self) -> Iterator[tuple[str, float | None]]:
        if self.target is not None and self.target_is_absolute:
            yield f"{self.target:g} {self.unit}", self.target
        elif self.target is not None:
            yield self._bound(self.base, self.target)
        for rival, factor in self.against.items():
            yield self._bound(rival, factor)

    def _bound(self, rival: str, factor: float) -> tuple[str, float | None]:
        median = self.median(rival)
        return f"{factor:g} x {rival}", None if median is None else median * factor

    def _is_as_good(self, value: float, other: float) -> bool:
        return value <= other if self.better == "lower" else value >= other


@frozen
class Report:
    """A run.

    Attributes:
        machine: what it ran on and with, by name.
        failures: what could not be measured, and why.
    """

    machine: Mapping[str, str]
    rows: Sequence[Row]
    failures: Sequence[str] = ()


def to_json(report: Report) -> dict[str, Any]:
    """A report as JSON's values."""
    return asdict(report)


def from_json(value: Mapping[str, Any]) -> Report:
    """The report that `to_json` was given."""
    rows = [
        Row(**{**row, "figures": [Figure(**figure) for figure in row["figures"]]})
        for row in value["rows"]
    ]
    return Report(value["machine"], rows, value["failures"])


def number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def markdown(report: Report) -> str:
    """The whole report: a summary, then a table for each row, the machine, what failed."""
    parts = [_summary(report.rows), *map(detail, report.rows), _machine(report.machine)]
    if report.failures:
        parts.append("### Not measured\n\n" + "".join(f"- {each}\n" for each in report.failures))
    return "\n".join(parts)


def _summary(rows: Sequence[Row]) -> str:
    head = ("work", "base", "otpsup", "ratio", "target", "reached", "best rival", "leads")
    return "### Summary\n\n" + table(head, [_summary_line(row) for row in rows])


def _summary_line(row: Row) -> Sequence[str]:
    ours, base, best = row.median(OURS), row.median(row.base), best_rival(row)
    return (
        row.title,
        f"{number(base)} {row.unit}",
        f"{number(ours)} {row.unit}",
        _times(row.ratio(OURS)),
        row.target_text(),
        _answer(row.is_met()),
        f"{best.rival}: {number(best.median)}" if best else "-",
        _answer(row.leads()) + "".join(f", not {name}" for name in row.ahead()),
    )


def best_rival(row: Row) -> Figure | None:
    """The best of those who are rivals."""
    found = [(each.median, each) for each in row.figures if each.kind == "rival"]
    measured = [(median, each) for median, each in found if median is not None]
    if not measured:
        return None
    choose = min if row.better == "lower" else max
    return choose(measured, key=lambda pair: pair[0])[1]


def detail(row: Row) -> str:
    """One row, everybody in it, as a Markdown table."""
    head = ("who", f"median, {row.unit}", "quartiles", f"x {row.base}", "values", "")
    return f"### {row.title}\n\n" + table(head, [_figure_line(row, each) for each in row.figures])


def _figure_line(row: Row, figure: Figure) -> Sequence[str]:
    spread = figure.spread
    return (
        f"**{figure.rival}**" if figure.rival == OURS else figure.rival,
        number(figure.median),
        f"{number(spread[0])} to {number(spread[1])}" if spread else "",
        _times(row.ratio(figure.rival)),
        str(len(figure.values)),
        figure.note,
    )


def _machine(machine: Mapping[str, str]) -> str:
    return "### Machine\n\n" + table(("what", ""), list(machine.items()))


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown that can be read as it is: columns are as wide as their widest cell."""
    widths = [max(len(line[at]) for line in [head, *lines]) for at in range(len(head))]
    rule = ["-" * width for width in widths]
    return "".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |\n"
        for line in [head, rule, *lines]
    )


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{number(ratio)} x"


def _answer(is_so: bool | None) -> str:
    return "-" if is_so is None else "yes" if is_so else "no"
