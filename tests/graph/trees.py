"""Trees to draw: one with dependencies, and random ones with the nastiest legal names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from otpsup import Command, DynamicSupervisor, Supervisor, Worker, completed, started
from otpsup.specs import After, ChildSpec
from otpsup.specs.after import Condition
from otpsup.specs.children import AutoShutdown, Restart, Strategy

TARGET = "app:run"

SHOP = Supervisor(
    "shop",
    children=[
        Worker("db", TARGET),
        Worker("cache", TARGET, after=["db"]),
        Command("migrate", ["migrate"], restart="transient", after=["db"]),
        Worker("web", TARGET, after=["cache", completed("migrate")]),
        Worker("metrics", TARGET, restart="temporary", after=started("db")),
        Worker("report", TARGET, restart="temporary", autostart=False, after=["web"]),
    ],
)
SHOP_STATES = {
    "": "running",
    "db": "running",
    "cache": "starting",
    "migrate": "down",
    "web": "restarting",
    "metrics": "stopping",
}
"""`report` has ended, and its record is gone."""

BACKEND = Supervisor(
    "backend",
    strategy="rest_for_one",
    intensity=1,
    period=0.5,
    children=[
        Supervisor(
            "stores",
            strategy="one_for_all",
            intensity=0,
            auto_shutdown="any_significant",
            children=[
                Worker("db", TARGET),
                Worker("cache", TARGET, restart="transient", significant=True),
            ],
        ),
        DynamicSupervisor("jobs", Worker("job", TARGET, restart="temporary"), max_children=9),
        Supervisor("empty", restart="temporary", autostart=False),
    ],
)
BACKEND_STATES = {
    "": "running",
    "stores": "restarting",
    "stores/db": "stopping",
    "stores/cache": "down",
    "jobs": "running",
    "jobs/job#1": "running",
    "jobs/job#7": "starting",
    "jobs/job#12": "running",
    "empty": "down",
}

STATES = ("down", "starting", "running", "stopping", "restarting")

NASTY = st.sampled_from(
    [
        'a "quoted" name',
        "<b>&amp;</b>",
        "&lt;",
        "]]>",
        "back\\slash\\",
        "\\",
        "\\N\\G\\l",
        '\\"',
        "end",
        "subgraph",
        "1. list",
        "- list",
        "`code` *em* _em_ ~~s~~",
        "a--b",
        "a_b",
        "a_2d_b",
        "fa:fa-bolt",
        "{{x}}",
        "[x](javascript:1)",
        "%% comment",
        "樹木の名前",
        "שלום",
        "e\u0301 🙂 👩\u200d💻",
        "tab\there \x1b[31m \x7f",
        "\ud800 \ufffe \u202e",
        "x" * 120,
        "a very long name " * 6 + "end",
        "dots.and_joints-" * 5 + "end",
    ]
)
ANY = st.text(min_size=1, max_size=12)


def _is_name(text: str) -> bool:
    return text == text.strip() and text != "" and not set(text) & set("/#\0\n\r")


NAMES = (NASTY | ANY | st.text("abc_", min_size=1, max_size=8)).filter(_is_name)
SHORT = st.text("abcdef_", min_size=1, max_size=8)


STRATEGIES: list[Strategy] = ["one_for_one", "one_for_all", "rest_for_one"]
MODES: list[AutoShutdown] = ["never", "never", "any_significant", "all_significant"]
RESTARTS: list[Restart] = ["permanent", "permanent", "transient", "temporary"]
CONDITIONS: list[Condition] = ["ready", "ready", "started", "healthy"]
KINDS = ("worker", "worker", "worker", "command", "supervisor", "dynamic")


@st.composite
def trees(
    draw: st.DrawFn, names: st.SearchStrategy[str] = NAMES, *, depth: int = 3, width: int = 6
) -> Supervisor:
    """A supervisor of any strategy, with dependencies or without, and all that can be below it."""
    return draw(_supervisors(draw(names), names, depth, width, {}))


@st.composite
def _supervisors(
    draw: st.DrawFn,
    name: str,
    names: st.SearchStrategy[str],
    depth: int,
    width: int,
    fields: Mapping[str, Any],
) -> Supervisor:
    children: list[ChildSpec] = []
    has_after, mode = draw(st.booleans()), draw(st.sampled_from(MODES))
    for each in draw(st.lists(names, max_size=width, unique=True)):
        common = draw(_fields(children if has_after else [], mode != "never"))
        children.append(draw(_child(each, names, depth, width, common)))
    return Supervisor(
        name,
        strategy=draw(st.sampled_from(STRATEGIES)),
        auto_shutdown=mode,
        intensity=draw(st.integers(0, 3)),
        children=draw(st.permutations(children)),
        **fields,
    )


@st.composite
def _fields(draw: st.DrawFn, before: Sequence[ChildSpec], has_significant: bool) -> dict[str, Any]:
    """The fields that any child can have, one that may be after some of those before it too."""
    restart = draw(st.sampled_from(RESTARTS))
    chosen = draw(st.sets(st.sampled_from(range(len(before))), max_size=3)) if before else set()
    return {
        "restart": restart,
        "autostart": draw(st.sampled_from([True, True, False])),
        "significant": has_significant and restart != "permanent" and draw(st.booleans()),
        "after": [After(before[n].name, draw(_condition(before[n]))) for n in sorted(chosen)],
    }


def _condition(sibling: ChildSpec) -> st.SearchStrategy[Condition]:
    ends = sibling.restart != "permanent" and isinstance(sibling, Worker | Command)
    return st.sampled_from([*CONDITIONS, "completed"] if ends else CONDITIONS)


@st.composite
def _child(
    draw: st.DrawFn,
    name: str,
    names: st.SearchStrategy[str],
    depth: int,
    width: int,
    fields: Mapping[str, Any],
) -> ChildSpec:
    kind = draw(st.sampled_from(KINDS))
    if kind == "command":
        return Command(name, ["run"], **fields)
    if kind == "worker" or depth == 0:
        return Worker(name, TARGET, **fields)
    if kind == "supervisor":
        return draw(_supervisors(name, names, depth - 1, width, fields))
    inner = {"restart": draw(st.sampled_from(RESTARTS))}
    template = draw(_child(draw(names), names, depth - 1, width, inner))
    limit = draw(st.none() | st.integers(0, 99))
    return DynamicSupervisor(name, template, max_children=limit, **fields)


def walk(spec: ChildSpec, path: str = "") -> Iterator[tuple[str, ChildSpec]]:
    """All paths with their specs, parents first, in the order of the lists."""
    yield path, spec
    for child in below(spec):
        yield from walk(child, f"{path}/{child.name}" if path else child.name)


def single(spec: ChildSpec, path: str = "") -> Iterator[str]:
    """The paths of those of which there is just one: no templates, and nothing in one."""
    yield path
    if isinstance(spec, Supervisor):
        for child in spec.children:
            yield from single(child, f"{path}/{child.name}" if path else child.name)


def below(spec: ChildSpec) -> Sequence[ChildSpec]:
    """The children of a spec, or its template."""
    if isinstance(spec, Supervisor):
        return spec.children
    return [spec.template] if isinstance(spec, DynamicSupervisor) else []


def is_supervisor(spec: ChildSpec) -> bool:
    """Whether children can be below it."""
    return isinstance(spec, Supervisor | DynamicSupervisor)


def arrows(spec: ChildSpec, path: str = "") -> list[tuple[str, str, str]]:
    """What is to be drawn: from, to, and the label; `list` for the order of a list."""
    found: list[tuple[str, str, str]] = []
    for parent, each in walk(spec, path):
        prefix = f"{parent}/" if parent else ""
        children = below(each) if isinstance(each, Supervisor) else []
        for child in children:
            for after in child.after:
                label = "" if after.condition == "ready" else after.condition
                found.append((prefix + after.name, prefix + child.name, label))
        is_chain = isinstance(each, Supervisor) and each.strategy == "rest_for_one"
        if is_chain and not any(child.after for child in children):
            names = [prefix + child.name for child in children]
            found += [(*pair, "list") for pair in pairwise(names)]
    return found


def printable(text: str) -> str:
    """What is shown of a name: escapes in place of all that does not print."""
    return "".join(c if c.isprintable() else ascii(c).strip("'") for c in text)


@st.composite
def states(draw: st.DrawFn, spec: ChildSpec) -> dict[str, str]:
    """A state for some of the children of a tree; instances for some templates."""
    found = {}
    for path, _ in walk(spec):
        if draw(st.integers(0, 3)):
            found[path] = draw(st.sampled_from(STATES))
    return found
