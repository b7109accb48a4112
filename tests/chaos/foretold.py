"""What the engine predicts of a death, and what comes of it in the world."""

from __future__ import annotations

import signal

from otpsup.testing import what_if
from otpsup.wire import outline
from tests.support.waiting import until

from .children import GROUP
from .world import AT_REST, PATIENCE, World

_CHOICE = (*GROUP, "pair/p", "pair/q")


def foretold(world: World) -> None:
    """A child of a tree at rest is killed; then just those are stopped and started, in that order,
    of whom the engine has said so from where the tree was (as `otpsup simulate --kill` does).

    Raises:
        AssertionError: something else came of it.
    """
    node = until(lambda: world.victim(*world.random.choice(((), _CHOICE))), AT_REST)
    expected = _prediction(world, node.path)
    world.ledger.forget_said()
    world.signal(signal.SIGKILL, node)
    pid = node.pid or 0
    until(lambda: world.ledger.is_gone(node.path, pid) and world.is_up(), AT_REST)
    world.ledger.hear()
    if world.ledger.steps != expected:
        came, said = ", ".join(world.ledger.steps), ", ".join(expected)
        raise AssertionError(f"if {node.path} is killed: {said}; but it came so: {came}")


def _prediction(world: World, path: str) -> list[str]:
    """`starts x` and `stops x`, in order."""
    answer = world.tree._promised(lambda session, future: future.set_result(session.outline()))
    now = outline.decode(answer.result(PATIENCE))
    [consequence] = what_if(now.spec, path, checkpoint=now.checkpoint)
    steps = [step for step in consequence.steps if step.what in ("starts", "stops")]
    return [f"{step.what} {step.path}" for step in steps]
