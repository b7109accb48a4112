"""Drawings of known trees, written out in `drawings`; and what is refused.

`pytest tests/graph --rewrite` writes down what is drawn now; look at every changed line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from examples.fastblog.data_dir import DataDir
from examples.fastblog.tree import Settings, build
from otpsup import DynamicSupervisor, Supervisor, Worker
from otpsup.graph import Form, render
from tests.graph.trees import BACKEND, BACKEND_STATES, SHOP, SHOP_STATES, TARGET

DRAWINGS = Path(__file__).parent / "drawings"
FASTBLOG = build(Settings(DataDir(Path("data")), "token"))
FORMS: tuple[Form, ...] = ("text", "mermaid", "dot")


def check(name: str, text: str, request: pytest.FixtureRequest) -> None:
    """A drawing is the one that is written down."""
    path = DRAWINGS / name
    if request.config.getoption("--rewrite"):
        path.write_text(f"{text}\n")
    assert f"{text}\n" == path.read_text()


@pytest.mark.parametrize("form", FORMS)
def test_fastblog(form: Form, request: pytest.FixtureRequest) -> None:
    """A rest_for_one list is drawn with the order that it stands for."""
    check(f"fastblog.{form}", render(FASTBLOG, form), request)


@pytest.mark.parametrize("form", FORMS)
def test_dependencies(form: Form, request: pytest.FixtureRequest) -> None:
    """Dependencies are drawn with their conditions, and told in the order in which they start."""
    check(f"shop.{form}", render(SHOP, form), request)


@pytest.mark.parametrize("form", FORMS)
def test_states(form: Form, request: pytest.FixtureRequest) -> None:
    """Each child is drawn with its state; who has none without; instances are counted."""
    check(f"backend.{form}", render(BACKEND, form, BACKEND_STATES), request)


ONE_FOR_ONE = "\033[2mone_for_one, 3 restarts in 5 s\033[0m"


def test_colour() -> None:
    """Supervisors are bold, states have their colours, remarks are faint."""
    assert render(SHOP, "text", SHOP_STATES, colour=True).split("\n") == [
        "\033[1mshop\033[0m        \033[32m● running\033[0m     " + ONE_FOR_ONE,
        "│                         \033[2mstarts: 1. db  2. cache, migrate, metrics  3. web\033[0m",
        "├─ db       \033[32m● running\033[0m",
        "├─ cache    \033[33m◐ starting\033[0m    \033[2mafter db\033[0m",
        "├─ migrate  \033[90m○ down\033[0m        \033[2mtransient, after db\033[0m",
        "├─ web      \033[31m↻ restarting\033[0m  \033[2mafter cache, completed(migrate)\033[0m",
        "├─ metrics  \033[33m◑ stopping\033[0m    \033[2mtemporary, after started(db)\033[0m",
        "└─ report                 \033[2mtemporary, on demand, after web\033[0m",
    ]


def test_only_text_has_escapes() -> None:
    """Pictures have their own colours."""
    forms: tuple[Form, ...] = ("mermaid", "dot", "svg")
    for form in forms:
        plain = render(SHOP, form, SHOP_STATES)
        assert render(SHOP, form, SHOP_STATES, colour=True) == plain
        assert "\033" not in plain


def test_single_process() -> None:
    """A process without a supervisor is a drawing too."""
    spec = Worker("web", TARGET, restart="transient")

    assert render(spec, "text") == "web  transient"
    assert render(spec, "mermaid") == 'flowchart LR\n  n["web<br/>worker, transient"]'


def test_waves_without_those_on_demand() -> None:
    """What is on demand does not start, and nobody waits for it."""
    spec = Supervisor(
        "top",
        children=[
            Worker("late", TARGET, after=["tool"]),
            Worker("tool", TARGET, after=["first"], autostart=False),
            Worker("first", TARGET),
            Worker("second", TARGET, after=["first"]),
        ],
    )

    assert "starts: 1. late, first  2. second\n" in render(spec, "text")


def test_long_waves_are_cut() -> None:
    """Of a wave with many children the first are named, unless just one would be left out."""

    def starts(count: int) -> str:
        names = [f"w{n}" for n in range(count)]
        workers = [Worker(name, TARGET, after=["db"]) for name in names]
        text = render(Supervisor("top", children=[Worker("db", TARGET), *workers]), "text")
        return text.split("\n")[1].partition("2. ")[2]

    assert starts(7) == "w0, w1, w2, w3, w4, w5, w6"
    assert starts(8) == "w0, w1, w2, w3, w4, w5 and 2 more"
    assert starts(200) == "w0, w1, w2, w3, w4, w5 and 194 more"


def test_long_names() -> None:
    """A name that is longer than its column does not move the others, and is never cut."""
    name = "n" * 90
    spec = Supervisor(
        "top",
        children=[
            Worker(name, TARGET, restart="transient"),
            Worker("a", TARGET, restart="temporary", significant=False),
        ],
    )

    assert render(spec, "text").split("\n") == [
        "top   one_for_one, 3 restarts in 5 s",
        f"├─ {name}",
        "│     transient",
        "└─ a  temporary",
    ]


def test_instances() -> None:
    """A template has no state; in a live tree it is said how many instances there are."""
    spec = DynamicSupervisor("pool", Worker("job", TARGET))

    assert render(spec, "text", {"": "running", "job#3": "down"}).split("\n") == [
        "pool    ● running     dynamic, 3 restarts in 5 s",
        "└─ job                template, 1 down",
    ]
    assert render(spec, "text", {"": "running"}).endswith("template, no instance")
    assert render(spec, "text").endswith("└─ job  template")


def test_instances_of_a_supervisor() -> None:
    """What is in a template is counted over all its instances, and over nothing else."""
    tenant = Supervisor("tenant", children=[Worker("db", TARGET)])
    spec = Supervisor("top", children=[DynamicSupervisor("pool", tenant), Worker("db", TARGET)])
    live = {
        "pool/tenant#1": "running",
        "pool/tenant#2": "running",
        "pool/tenant#1/db": "down",
        "pool/tenant#2/db": "running",
        "db": "starting",
    }
    lines = render(spec, "text", live).split("\n")

    assert lines[2].endswith("template, 2 running")
    assert lines[3].split("db")[1].strip() == "1 running, 1 down"
    assert lines[4].split("db")[1].strip() == "◐ starting"


def test_bad_form() -> None:
    """A form that does not exist is refused with those that do."""
    form: Any = "png"

    with pytest.raises(ValueError, match="no form 'png'; the forms are text, mermaid, dot, svg"):
        render(SHOP, form)


def test_bad_state() -> None:
    """So is a state."""
    with pytest.raises(ValueError, match="'db' cannot be 'up'; the states are running, starting"):
        render(SHOP, "text", {"db": "up"})
