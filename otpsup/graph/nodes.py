"""What every drawing draws: nodes, the arrows between them, and what is said of them in words.

Decides no more than what these are. Must not know specs, nor how anything is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from .marks import MARKS

FORWARD = "leads to what starts after"
"""What an arrow means."""

LISTED = "the order of the list, along which rest_for_one restarts"
"""What it means if it stands for the place in a list."""


@frozen
class Arrow:
    """From a child to a sibling that starts after it.

    Attributes:
        source, target: their paths.
        label: what the target waits for, if that is not simply that the source is ready.
        is_listed: nobody wrote it down; the list of a rest_for_one supervisor says so.
    """

    source: str
    target: str
    label: str = ""
    is_listed: bool = False


@frozen
class Node:
    """A supervisor or a process, and all below it.

    Attributes:
        path: from the root down, as it is; `""` is the root.
        name: as it can be printed.
        kind: `worker`, `command`, `supervisor` or `dynamic_supervisor`.
        rule: how a supervisor supervises, in words; nothing for a process.
        remarks: what else is not the default, each in a word or two.
        after: what it depends on, as it was written.
        state: a state word in a live tree, if it has just one.
        is_template: any number of it may run.
        is_on_demand: it is not started with its siblings.
        children, arrows: those directly below, and what leads from one to another.
        waves: the names that start together, if dependencies are the order of the children.
    """

    path: str
    name: str
    kind: str
    rule: str = ""
    remarks: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    state: str | None = None
    is_template: bool = False
    is_on_demand: bool = False
    children: tuple[Node, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    waves: tuple[tuple[str, ...], ...] = ()

    @property
    def is_supervisor(self) -> bool:
        """Whether it is there for others."""
        return self.kind.endswith("supervisor")

    @property
    def is_graph(self) -> bool:
        """Whether its children depend on each other as they say themselves."""
        return any(not arrow.is_listed for arrow in self.arrows)

    @property
    def is_chain(self) -> bool:
        """Whether each of its children depends on the one before it."""
        return any(arrow.is_listed for arrow in self.arrows)

    @property
    def words(self) -> str:
        """All that is said of it beside its name, on one line."""
        first = self.rule or self.kind
        return ", ".join(filter(None, (self.state, first, *self.remarks)))

    @property
    def label(self) -> str:
        """Its name, after the mark of its state."""
        return f"{MARKS[self.state]} {self.name}" if self.state else self.name

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


def legend(root: Node) -> str:
    """What the arrows of a drawing mean; nothing if it has none."""
    arrows = [arrow for node in root.walk() for arrow in node.arrows]
    if not arrows:
        return ""
    dashed = f"; dashed: {LISTED}" if any(arrow.is_listed for arrow in arrows) else ""
    return f"an arrow {FORWARD}{dashed}"
