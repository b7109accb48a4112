"""The picture: it can be read by any viewer, nothing overlaps, and nothing is cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from unicodedata import east_asian_width
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from otpsup import DynamicSupervisor, Supervisor, Worker
from otpsup.graph import render
from otpsup.specs import After, ChildSpec
from otpsup.specs.after import Condition
from otpsup.specs.children import Strategy
from tests.graph.trees import (
    BACKEND,
    BACKEND_STATES,
    SHOP,
    SHOP_STATES,
    TARGET,
    arrows,
    is_supervisor,
    printable,
    states,
    trees,
    walk,
)

SVG = "{http://www.w3.org/2000/svg}"
ORDER = "the order of the list, in which they start"
SIDE = 11.0
"""So far from the edge is a number."""
ROOM = 16.0
"""So far apart are siblings at least."""
SLACK = 0.11
"""Lengths are written to a tenth."""

DEJAVU = {
    275: "'", 278: "ijl", 318: " ,.", 337: "/:;\\|", 352: "f", 361: "-", 390: "()[]", 392: "t",
    411: "r", 460: '"', 500: "*_`", 521: "s", 525: "z", 550: "c", 557: "L", 579: "k", 592: "vxy",
    612: "o", 613: "a", 615: "e", 634: "hnu", 635: "bdgpq", 636: "0123456789", 818: "w", 974: "m",
}  # fmt: skip
"""How wide letters are in DejaVu Sans, in thousandths of the font's size (its hmtx table)."""
WIDTHS = {letter: width for width, letters in DEJAVU.items() for letter in letters}


@frozen
class Area:
    """A rectangle on the page."""

    x: float
    y: float
    width: float
    height: float

    def contains(self, other: Area) -> bool:
        return (
            other.x >= self.x - SLACK
            and other.y >= self.y - SLACK
            and other.x + other.width <= self.x + self.width + SLACK
            and other.y + other.height <= self.y + self.height + SLACK
        )

    def overlaps(self, other: Area) -> bool:
        return (
            self.x + self.width > other.x + SLACK
            and other.x + other.width > self.x + SLACK
            and self.y + self.height > other.y + SLACK
            and other.y + other.height > self.y + SLACK
        )

    def grown(self, by: float) -> Area:
        return Area(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def has_inside(self, x: float, y: float) -> bool:
        is_beside = self.x + SLACK < x < self.x + self.width - SLACK
        return is_beside and self.y + SLACK < y < self.y + self.height - SLACK


@frozen
class Drawn:
    """A box of a picture as it stands on the page, with what is in it."""

    path: str
    area: Area
    group: Element
    children: tuple[Drawn, ...]

    def walk(self) -> Iterator[Drawn]:
        yield self
        for child in self.children:
            yield from child.walk()

    def texts(self, kind: str) -> list[Element]:
        return [text for text in self.group.findall(f"{SVG}text") if text.get("class") == kind]


def picture(spec: ChildSpec, live: dict[str, str] | None = None) -> tuple[Element, Area, Drawn]:
    """The parsed picture, its page, and the box of the root."""
    root = ElementTree.fromstring(render(spec, "svg", live))
    page = Area(*map(float, (root.get("viewBox") or "").split()))
    return root, page, drawn(next(root.iter(f"{SVG}g")), 0, 0)


def area(rect: Element, x: float, y: float) -> Area:
    left, top, width, height = (float(rect.get(k, "0")) for k in ("x", "y", "width", "height"))
    return Area(x + left, y + top, width, height)


def drawn(group: Element, x: float, y: float) -> Drawn:
    """The box of a group that stands in one at this place."""
    moved = re.fullmatch(r"translate\((\S+) (\S+)\)", group.get("transform") or "")
    assert moved
    x, y = x + float(moved[1]), y + float(moved[2])
    frame = next(r for r in group.findall(f"{SVG}rect") if r.get("class") == "frame")
    children = tuple(drawn(child, x, y) for child in group.findall(f"{SVG}g"))
    return Drawn(group.get("data-path") or "", area(frame, x, y), group, children)


def check_boxes(page: Area, root: Drawn) -> None:
    """Every box is in its parent and on the page, and beside its siblings."""
    assert page.contains(root.area)
    for box in root.walk():
        for child in box.children:
            assert box.area.contains(child.area), child.path
        for one, other in combinations(box.children, 2):
            assert not one.area.grown(ROOM).overlaps(other.area), (one.path, other.path)


# Ways.

BEGINNING = re.compile(r"M(\S+) (\S+)H([\d.]+)")
COMMAND = re.compile(r"([MHLQC])([-\d. ]+)")
STEPS = 12


def points(way: str) -> Iterator[tuple[float, float]]:
    """Points along a way, close together."""
    x = y = 0.0
    for command, text in COMMAND.findall(way):
        numbers = [float(number) for number in text.split()]
        ends = (
            [(numbers[0], y)]
            if command == "H"
            else list(zip(numbers[::2], numbers[1::2], strict=True))
        )
        if command == "M":
            (x, y) = ends[0]
            continue
        for step in range(STEPS + 1):
            yield bezier([(x, y), *ends], step / STEPS)
        x, y = ends[-1]


def bezier(controls: list[tuple[float, float]], t: float) -> tuple[float, float]:
    """De Casteljau's algorithm."""
    while len(controls) > 1:
        controls = [(a + (c - a) * t, b + (d - b) * t) for (a, b), (c, d) in pairwise(controls)]
    return controls[0]


def check_ways(box: Drawn) -> None:
    """Arrows stay in their supervisor, cross no child of it, and end where they lead to."""
    areas = {child.path: child.area for child in box.children}
    for way in ways(box):
        line = [(x + box.area.x, y + box.area.y) for x, y in points(way.get("d") or "")]
        for x, y in line:
            assert box.area.has_inside(x, y), box.path
            crossed = [path for path, area in areas.items() if area.has_inside(x, y)]
            assert not crossed, (way.get("data-from"), way.get("data-to"), crossed)
        target, (x, y) = areas[way.get("data-to") or ""], line[-1]
        assert abs(x - target.x) < SLACK
        assert target.y < y < target.y + target.height


def check_starts(box: Drawn) -> None:
    """Arrows begin at the right of their source; if another is drawn there, where they part."""
    areas = {child.path: child.area for child in box.children}
    seen: dict[str, list[tuple[float, float]]] = {}
    for way in ways(box):
        source = way.get("data-from") or ""
        line = [(x + box.area.x, y + box.area.y) for x, y in points(way.get("d") or "")]
        (x, y), area, others = line[0], areas[source], seen.setdefault(source, [])
        is_new = abs(x - area.x - area.width) < SLACK and area.y < y < area.y + area.height
        assert is_new or any(abs(x - a) + abs(y - b) < SLACK for a, b in others)
        others += line


def check_labels(box: Drawn) -> None:
    """A label stands above the level beginning of an arrow, and does not reach to its turn."""
    levels = [BEGINNING.match(way.get("d") or "") for way in ways(box)]
    turns = {(float(found[1]), float(found[2])): float(found[3]) for found in levels if found}
    for label in box.texts("label"):
        x, y = float(label.get("x") or 0), float(label.get("y") or 0)
        wide = 11 * sum(WIDTHS[letter] for letter in label.text or "") / 1000
        assert any(
            0 < x - start < 10 and 0 < level - y < 10 and x + wide < turn
            for (start, level), turn in turns.items()
        )


def ways(box: Drawn) -> list[Element]:
    return box.group.findall(f"{SVG}path")


def check_texts(box: Drawn) -> None:
    """Texts are in their box, be the font as wide as it may, and the number stands free."""
    number = sum(SIDE + 11 * 0.636 * len(text.text or "") for text in box.texts("number"))
    for text in (*box.texts("name"), *box.texts("words"), *box.texts("number")):
        content = "".join(text.itertext())
        room = number if text is box.texts("name")[0] else 0.0
        right = float(text.get("x") or 0)
        if text.get("class") == "name":
            right += 13 * 0.602 * sum(1 + (east_asian_width(c) in "WF") for c in content)
        elif text.get("class") == "words":
            right += 11 * sum(WIDTHS[letter] for letter in content) / 1000
        assert right <= box.area.width - room, content
        assert 0 < float(text.get("y") or 0) < box.area.height


@pytest.mark.slow
@given(trees(), st.data())
def test_picture(spec: Supervisor, data: st.DataObject) -> None:
    """Any tree: all boxes, texts and arrows are there, and each has its own place."""
    root, page, top = picture(spec, data.draw(st.none() | states(spec)))
    check_boxes(page, top)
    for box in top.walk():
        check_ways(box)
        check_starts(box)
        check_labels(box)
        check_texts(box)

    expected = list(walk(spec))
    assert [box.path for box in top.walk()] == [printable(path) for path, _ in expected]
    for box, (_, child) in zip(top.walk(), expected, strict=True):
        name = "".join("".join(text.itertext()) for text in box.texts("name"))
        assert joined(name) == joined(printable(child.name))
        assert ("supervisor" in (box.group.get("class") or "")) == is_supervisor(child)
    found = [(way.get("data-from"), way.get("data-to")) for box in top.walk() for way in ways(box)]
    wanted = [(printable(a), printable(b)) for a, b, _ in arrows(spec)]
    assert sorted(found) == sorted(wanted)
    assert "".join(root.itertext()).startswith(f"\n{printable(spec.name)}: a supervision tree")


def joined(text: str) -> str:
    """The text without its mark and its blanks; lines end at some of them."""
    return re.sub("^[●◐◑↻○] ", "", text).replace(" ", "")


# Trees that are large.


def worker(name: str, *after: str) -> Worker:
    return Worker(name, TARGET, after=list(after))


def fan(count: int) -> Supervisor:
    """All come after one, and one after all of them."""
    names = [f"web_{number}" for number in range(count)]
    workers = [worker(name, "db") for name in names]
    return Supervisor("fan", children=[worker("last", *names), *workers, worker("db")])


def nested(depth: int) -> Supervisor:
    spec = Supervisor("innermost")
    for number in range(depth):
        spec = Supervisor(f"s{number}", strategy="rest_for_one", children=[worker("w"), spec])
    return spec


def crowd(strategy: Strategy) -> Supervisor:
    return Supervisor("crowd", strategy=strategy, children=[worker(f"w{n}") for n in range(200)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [fan(200), nested(40), crowd("one_for_all"), crowd("rest_for_one")],
    ids=["fan", "nested", "crowd", "chain"],
)
def test_large(spec: Supervisor) -> None:
    """Hundreds of children and dozens of levels have their places too."""
    _, page, top = picture(spec)
    check_boxes(page, top)
    for box in top.walk():
        check_ways(box)

    assert len(list(top.walk())) == len(list(walk(spec)))


@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one"])
def test_many_children_fill_a_page(strategy: Strategy) -> None:
    """A long list is no ribbon: it has as many rows as give a page that can be looked at."""
    _, page, _ = picture(crowd(strategy))

    assert 1 < page.width / page.height < 2


def test_arrows_lead_right() -> None:
    """Whoever depends on another stands right of it."""
    _, _, top = picture(SHOP)
    boxes = {box.path: box.area for box in top.walk()}

    for source, target, _ in arrows(SHOP):
        assert boxes[source].x + boxes[source].width < boxes[target].x


# What it says.


def classes(box: Drawn) -> set[str]:
    return set((box.group.get("class") or "").split())


def test_states_and_kinds() -> None:
    """A page can take hold of each child by its path, its kind and its state."""
    _, _, top = picture(SHOP, SHOP_STATES)

    assert {box.path: classes(box) for box in top.walk()} == {
        "": {"supervisor", "running"},
        "db": {"process", "running"},
        "cache": {"process", "starting"},
        "migrate": {"process", "down"},
        "web": {"process", "restarting"},
        "metrics": {"process", "stopping"},
        "report": {"process", "demand"},
    }
    marks = {box.path: box.texts("name")[0].findtext(f"{SVG}tspan") for box in top.walk()}
    assert "".join(mark or "-" for mark in marks.values()) == "●●◐○↻◑-"


def test_conditions() -> None:
    """A condition other than ready stands at the beginning of its arrow, once."""
    _, _, top = picture(SHOP)

    assert [text.text for text in top.texts("label")] == ["completed", "started"]


def test_every_condition() -> None:
    """Each condition on a child has an arrow of its own that leaves it, and stands there once."""
    conditions: list[Condition] = ["completed", "started", "healthy", "ready"]
    task = Worker("task", TARGET, restart="transient")
    workers = [
        Worker(f"{condition}_{number}", TARGET, after=[After("task", condition)])
        for condition in conditions
        for number in range(2)
    ]
    _, page, top = picture(Supervisor("top", children=[*workers, task]))
    check_boxes(page, top)
    check_starts(top)
    check_labels(top)

    assert [text.text for text in top.texts("label")] == ["completed", "started", "healthy"]


def test_all_on_demand() -> None:
    """Where nothing starts by itself, arrows are drawn all the same."""
    children = [
        Worker("b", TARGET, after=["a"], autostart=False),
        Worker("a", TARGET, autostart=False),
        Worker("c", TARGET, after=["b"], autostart=False),
    ]
    _, page, top = picture(Supervisor("top", children=children))
    check_boxes(page, top)
    check_ways(top)

    assert len(ways(top)) == 2


def test_numbers() -> None:
    """Where order is no dependency children are numbered, but for those on demand."""
    _, _, top = picture(
        Supervisor(
            "top",
            strategy="one_for_all",
            children=[worker("a"), Worker("b", TARGET, autostart=False), worker("c")],
        )
    )

    numbers = {box.path: [text.text for text in box.texts("number")] for box in top.walk()}
    assert numbers == {"": [], "a": ["1"], "b": [], "c": ["2"]}


def test_one_is_not_numbered() -> None:
    """A single child has no place in any order."""
    root, _, _ = picture(Supervisor("top", children=[worker("a")]))

    assert not [text for text in root.iter(f"{SVG}text") if text.get("class") == "number"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SHOP, ["leads to what starts after"]),
        (BACKEND, ["the order of the list, along which rest_for_one restarts", "1 2 3", ORDER]),
        (Supervisor("top"), []),
        (worker("alone"), []),
    ],
)
def test_legend(spec: ChildSpec, expected: list[str]) -> None:
    """What is in the picture is explained below it, and nothing else."""
    root, _, _ = picture(spec)

    assert [text.text for text in root.findall(f"{SVG}text")] == expected


def test_template() -> None:
    """A template is a pile of sheets, all of them in their supervisor."""
    _, _, top = picture(BACKEND, BACKEND_STATES)
    jobs = next(box for box in top.walk() if box.path == "jobs")
    (job,) = jobs.children
    sheets = [rect for rect in job.group.findall(f"{SVG}rect") if rect.get("class") == "sheet"]

    assert len(sheets) == 2
    assert all(jobs.area.contains(area(sheet, job.area.x, job.area.y)) for sheet in sheets)
    assert [text.text for text in job.texts("words")] == [
        "worker, temporary,",
        "template, 2 running,",
        "1 starting",
    ]


def test_template_supervisor() -> None:
    """So is one that supervises."""
    tenant = Supervisor("tenant", children=[worker("db")])
    _, page, top = picture(DynamicSupervisor("tenants", tenant))
    check_boxes(page, top)

    assert len(top.children[0].group.findall(f"{SVG}rect")) == 3


def test_needs_nothing_else() -> None:
    """No script, font or link, nothing that is fetched; there are colours for dark pages too."""
    text = render(BACKEND, "svg", BACKEND_STATES).replace("http://www.w3.org/2000/svg", "")

    assert not re.search("http|script|href|@import|@font-face|<image|<use|foreignObject", text)
    assert set(re.findall(r"url\(.*?\)", text)) == {"url(#otpsup-tip)"}
    assert text.count("@media (prefers-color-scheme: dark)") == 1


def test_styles_stay_inside() -> None:
    """In a page with other things no rule of the picture concerns them."""
    style = ElementTree.fromstring(render(SHOP, "svg")).findtext(f"{SVG}style") or ""
    rules = [line for line in style.split("\n") if line not in ("", "}") and line[0] != "@"]

    assert rules
    assert all(rule.startswith(".otpsup-graph ") for rule in rules)


def test_is_read_aloud() -> None:
    """Who does not see the picture gets its title and the drawing as text; each box has words."""
    root, page, top = picture(SHOP, SHOP_STATES)

    assert root.get("role") == "img"
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert root.findtext(f"{SVG}title") == "shop: a supervision tree"
    assert root.findtext(f"{SVG}desc") == render(SHOP, "text", SHOP_STATES)
    assert top.children[0].group.findtext(f"{SVG}title") == "db: running, worker"
    assert (root.get("width"), root.get("height")) == (f"{page.width:g}", f"{page.height:g}")
