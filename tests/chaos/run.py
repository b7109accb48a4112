"""A chaos run: fault after fault, and now and then a rest at which all has to be as predicted."""

from __future__ import annotations

import faulthandler
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from attrs import field, frozen

from otpsup import Tree

from . import books, children, faults, shortages
from .books import Books
from .foretold import foretold
from .grounds import Grounds
from .ledger import Ledger
from .log import Log
from .system import System
from .world import World

Fault = Callable[[World], None]

WEIGHTS: Mapping[Fault, float] = {
    faults.sigkill: 300,
    faults.sigterm: 100,
    faults.freeze: 60,
    faults.pause: 60,
    faults.restart: 80,
    faults.two_at_once: 60,
    faults.launcher_pauses: 30,
    faults.burst: 5,
    faults.launcher_dies: 2,
    faults.zygote_dies: 2,
    faults.both_die: 1,
    faults.channel_floods: 4,
    faults.fork_bomb: 2,
    shortages.no_program: 50,
    shortages.no_permission: 50,
    shortages.host_opens_nothing: 50,
    shortages.launcher_opens_nothing: 50,
    shortages.launcher_forks_nothing: 50,
    shortages.zygote_forks_nothing: 30,
    shortages.no_memory: 50,
    shortages.full_disk: 5,
    shortages.stdout_breaks: 5,
    shortages.stdout_blocks: 5,
}
"""How often, in relation to each other."""


@frozen
class Plan:
    """What is to happen.

    Attributes:
        seed: of the faults.
        count: of them.
        hung: seconds from rest to rest, after which this process tells where it hangs, and ends;
            its launcher then ends the rest.
    """

    seed: int
    count: int
    hung: float


@frozen
class Outcome:
    """What a run was.

    Attributes:
        done: how often each fault was.
        seen: how often a start has failed with each error, as it was made to.
        killed: SIGKILLs and restarts.
        series: the books of each rest.
    """

    done: Counter[str] = field(factory=Counter)
    seen: Counter[str] = field(factory=Counter)
    series: list[Books] = field(factory=list)


def stream(chance: random.Random) -> Iterator[Fault]:
    """Each fault once, and then at random; which ones, the seed tells."""
    first = list(WEIGHTS)
    chance.shuffle(first)
    yield from first
    while True:
        yield from chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=100)


def run(plan: Plan, grounds: Grounds, log: Log, report: Callable[[str], None]) -> Outcome:
    """Let it happen; each hundredth fault is a death foretold in a tree at rest.

    Raises:
        AssertionError: it is not as it should be.
    """
    report(str(grounds))
    tree = Tree(children.spec(grounds), name="chaos")
    _watch(plan)
    try:
        with tree, tree.events() as events:
            ledger = Ledger(events, tree.status())
            victims = random.Random(plan.seed + 1)  # apart: who is there differs from run to run
            world = World(tree, System(tree), ledger, grounds, victims, log)
            world.come_to_rest()
            return _let_happen(world, plan, report)
    finally:
        faulthandler.cancel_dump_traceback_later()
        grounds.close()


def _watch(plan: Plan) -> None:
    faulthandler.dump_traceback_later(plan.hung, exit=True)


def _let_happen(world: World, plan: Plan, report: Callable[[str], None]) -> Outcome:
    outcome = Outcome(seen=world.seen)
    every = min(100, max(plan.count // 3, 1))
    coming = stream(random.Random(plan.seed))
    for number, fault in zip(range(1, plan.count + 1), coming, strict=False):
        if number % every == 0 or number == plan.count:
            world.come_to_rest()
            _do(world, foretold, number, outcome)
            world.come_to_rest()
            outcome.series.append(books.take(number, world.system))
            _watch(plan)
        else:
            _do(world, fault, number, outcome)
        if number % 1000 == 0:
            report(str(outcome.series[-1]))
    return outcome


def _do(world: World, fault: Fault, number: int, outcome: Outcome) -> None:
    try:
        fault(world)
    except AssertionError as error:
        raise AssertionError(f"fault {number}, {fault.__name__}: {error}") from error
    world.ledger.hear()
    outcome.done[fault.__name__] += 1
