"""Collectors: all at once, each with its deadline; what fails is shown failing."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any

import pytest
from attrs import evolve

from otpsup import errors
from otpsup.healthz import Metric, Namespace
from otpsup.healthz.collecting import Collector, collect
from otpsup.healthz.source import Looking
from otpsup.specs.healthz import HealthzCollector as Settings
from tests.support.waiting import LONG, until

WELL = Metric("ping", "1ms")


def one(look: Callable[..., Any], timeout: float = LONG) -> Namespace:
    """What one collector comes to."""
    (found,) = collect([Collector("mine", look, timeout)])
    return found


def test_one_that_is_well() -> None:
    assert one(lambda: [WELL]) == Namespace("mine", True, (WELL,), "ok")


def raising(error: BaseException) -> Callable[[], Iterable[Metric]]:
    """A collector that raises this after its first metric."""

    def look() -> Iterator[Metric]:
        yield WELL
        raise error

    return look


@pytest.mark.parametrize(
    "error", [ValueError("no\nsuch thing"), SystemExit(3), KeyboardInterrupt(), RecursionError()]
)
def test_one_that_raises(error: BaseException) -> None:
    """It is shown failing with what it raised, on one line; the others are as ever."""
    bad, good = collect(
        [Collector("bad", raising(error), LONG), Collector("good", lambda: [WELL], LONG)]
    )
    assert (bad.namespace, bad.status, bad.data, good.status) == ("bad", False, (), True)
    assert bad.message.startswith(f"the collector raised {type(error).__name__}: ")
    assert "\n" not in bad.message


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "it found nothing to look at, which is no sign of health"),
        (None, "the collector raised TypeError: it gave NoneType, and not a list of Metric"),
        ("ok", "the collector raised TypeError: it gave str, and not a list of Metric"),
        ([WELL, 3], ("the collector raised TypeError: among what it gave is int, and not "
         "only Metric")),
        (repeat(WELL), "the collector raised ValueError: it gave more than 10000 metrics"),
    ],
)  # fmt: skip
def test_one_that_gives_what_is_no_health(given: Any, said: str) -> None:
    """Nothing, something else, or no end of it: none of these is taken for health."""
    assert one(lambda: given) == Namespace("mine", False, (), said)


def test_all_look_at_the_same_time() -> None:
    """Each waits until the other has begun, too."""
    both = threading.Barrier(2, timeout=LONG)

    def look() -> list[Metric]:
        both.wait()
        return [WELL]

    assert all(each.status for each in collect(Collector(n, look, LONG) for n in "ab"))


def test_one_that_hangs() -> None:
    """It is shown failing with the time, the others wait no longer than its deadline, it has one
    thread however often it is asked, and is asked again once it has come back."""
    free, begun = threading.Event(), []

    def look() -> list[Metric]:
        begun.append(threading.current_thread())
        free.wait(LONG)
        return [WELL]

    hangs = Collector("hangs", look, 0.05)
    try:
        for _ in range(3):
            bad, good = collect([hangs, Collector("good", lambda: [WELL], LONG)])
            assert good.status
            assert not bad.status
            assert re.search(r"has not answered for \S+ s \(its limit is 0\.05 s\)", bad.message)
        assert len(begun) == 1
    finally:
        free.set()
    begun[0].join(LONG)
    hangs.timeout = LONG
    assert collect([hangs])[0].status
    assert len(begun) == 2


def test_two_who_ask_at_once_share_one_look() -> None:
    """A flood of requests does not become a flood of looks."""
    free, looks, found = threading.Event(), [], []

    def look() -> list[Metric]:
        looks.append(1)
        free.wait(LONG)
        return [WELL]

    shared = Collector("mine", look, LONG)
    askers = [threading.Thread(target=lambda: found.extend(collect([shared]))) for _ in range(5)]
    for asker in askers:
        asker.start()
    until(lambda: looks)
    free.set()
    for asker in askers:
        asker.join(LONG)
    assert [each.status for each in found] == [True] * 5
    assert len(looks) <= 5


def test_no_thread_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a limit of the machine it is shown failing, too."""

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        found = one(lambda: [WELL])
    assert found.message == "it could not look: can't start new thread"


# From settings to what looks.


class Counting:
    """A collector as a class; counts how often it is made."""

    made = 0

    def __init__(self, step: int = 1) -> None:
        Counting.made += 1
        self._step, self._looks = step, 0

    def collect(self) -> list[Metric]:
        self._looks += self._step
        return [Metric("looks", self._looks)]


def counting(floor: int) -> list[Metric]:
    """A collector as a function."""
    return [Metric("floor", floor)]


def values(look: Callable[[], Iterable[Metric]]) -> list[Any]:
    return [metric.value for metric in look()]


def test_a_class_is_made_once() -> None:
    """Its object may keep a connection from one look to the next."""
    Counting.made = 0
    look = Looking(Settings(f"{__name__}:Counting", kwargs={"step": 5}))
    assert [values(look), values(look), Counting.made] == [[5], [10], 1]


def test_objects_and_functions() -> None:
    assert values(Looking(Settings(Counting()))) == [1]
    assert values(Looking(Settings(counting, kwargs={"floor": 3}))) == [3]
    assert values(Looking(Settings(lambda: [WELL]))) == ["1ms"]


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("nowhere.to_be:found", "the collector raised ModuleNotFoundError: No module named"),
        (f"{__name__}:Nobody", "the collector raised AttributeError: "),
        (f"{__name__}:WELL", "the collector raised TypeError: "),
        ("mysql", ("the collector raised InvalidSpec: no package that is installed has a "
         "collector 'mysql' (entry points otpsup.collectors)")),
    ],
)  # fmt: skip
def test_what_cannot_be_found_is_shown_failing(use: str, said: str) -> None:
    """An import path that leads nowhere harms nobody, and is no health."""
    found = one(Looking(Settings(use)))
    assert not found.status
    assert found.message.startswith(said)


def test_an_entry_point(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is installed may bring collectors, by name."""
    info = tmp_path / "hz_shop-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: hz-shop\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[otpsup.collectors]\nshop = {__name__}:counting\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert values(Looking(Settings("shop", kwargs={"floor": 4}))) == [4]


def test_the_time_is_that_of_the_look() -> None:
    """Who joins a look late waits for what is left of its time, and not all of it again."""
    free = threading.Event()

    def look() -> list[Metric]:
        free.wait(LONG)
        return [WELL]

    slow = Collector("slow", look, 100.0)
    try:
        run = slow.begin()
        slow._run = evolve(run, began=run.began - 100.0)
        (found,) = collect([slow])
        assert re.search(r"has not answered for 1\d\d s", str(found))
    finally:
        free.set()


def test_the_errors_of_a_tree_are_words() -> None:
    """A built-in collector whose tree has ended says so."""

    def look() -> list[Metric]:
        raise errors.NotRunning("the tree 'shop' is not running")

    assert one(look).message == "the collector raised NotRunning: the tree 'shop' is not running"
