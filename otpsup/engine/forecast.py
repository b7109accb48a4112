"""What a death would lead to, asked before there is one. Decides nothing and changes nothing.

Each line of `restarts_at_once` names a thing that would make the decisions of `node`, `restarter`
and `executor` about that death come out otherwise than as one start, now.
"""

from __future__ import annotations

from ..specs import Command, Worker
from .child import Parent
from .node import Node
from .process import ProcessChild


def restarts_at_once(child: ProcessChild, spec: Worker | Command) -> int:
    """How many ends in a row of this child, each of any kind, would each lead to nothing but a new
    start of the same spec at once: those that the restart window of its supervisor allows yet.

    0 if already the next one would lead to anything else.
    """
    node = child.parent
    if not isinstance(node, Node) or not _is_settled(child, spec) or not _is_undisturbed(node):
        return 0
    if not _is_restarted_alone(child, node) or not _starts_without_waiting(child, node):
        return 0
    return node.restarter.restarts_left(node.core.now)


def _is_settled(child: ProcessChild, spec: Worker | Command) -> bool:
    """It runs as this spec says, is done with its start, and would be wanted back at once."""
    return (
        child.spec is spec
        and child.made_of is spec
        and child.state == "running"
        and child.plan is None
        and not child.is_failing
        and child.monitored
        and child.wanted
        and spec.restart == "permanent"
        and spec.backoff is None
        and spec.start_retries is None
    )


def _is_undisturbed(node: Node) -> bool:
    """The supervisor would look at it at once, and is to stay; as are those above it."""
    if len(node.mailbox) or (node.is_serial and node.executor.is_busy):
        return False
    above: Parent = node
    while isinstance(above, Node):
        if above.state != "running" or above.plan is not None:
            return False
        if above.mailbox.is_held:
            return False
        above = above.parent
    return True


def _is_restarted_alone(child: ProcessChild, node: Node) -> bool:
    """The strategy takes nobody along, and nobody waits for what its end may bring about."""
    if node.executor.has_waiting:
        return False
    match node.strategy:
        case "one_for_one":
            return True
        case "one_for_all":
            return len(node.children) == 1
        case "rest_for_one":
            return node.order.is_last(child)


def _starts_without_waiting(child: ProcessChild, node: Node) -> bool:
    """All that it is after is there."""
    return not node.order.is_graph or node.order.unmet(child) is None
