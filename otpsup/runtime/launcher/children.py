"""Those who were ordered: what must be known of each when it, or the host, is gone."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Sequence, ValuesView

TYPE_CHECKING = False  # as type checkers know it: typing is a megabyte, a fifth of the launcher
if TYPE_CHECKING:
    from typing import Any


class Child:
    """One process that was ordered.

    Args:
        held: descriptors of it that stay open here until its end is told.
        data: its order as it came, if it may be repeated.

    Attributes:
        next: the number of its successor, once the host has said that it is to have one; else 0.
        group: in whose name it is replaced.
    """

    __slots__ = ("data", "grace", "group", "held", "id", "mark", "next", "stop_signal")

    def __init__(
        self, id: int, order: dict[str, Any], held: Sequence[int] = (), data: bytes = b""
    ) -> None:
        self.id = id
        self.stop_signal: int = order["stop_signal"]
        self.grace: float = order["grace"]
        self.mark: bytes = order.get("mark", b"")
        self.held = held
        self.data = data
        self.next = self.group = 0


class Children:
    """All of them, by pid and by the number of their order."""

    def __init__(self) -> None:
        self._children: dict[int, Child] = {}
        self._pids: dict[int, int] = {}
        self.ends_at: dict[int, float] = {}
        """When each child that was told to end has to be gone, by its number."""

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[int]:
        return iter(self._children)

    def __contains__(self, pid: object) -> bool:
        return pid in self._children

    def items(self) -> ItemsView[int, Child]:
        """Each pid and child, the oldest first."""
        return self._children.items()

    def values(self) -> ValuesView[Child]:
        """Each child, the oldest first."""
        return self._children.values()

    def add(self, pid: int, child: Child) -> None:
        """It has been made."""
        self._children[pid] = child
        self._pids[child.id] = pid

    def at(self, pid: int) -> Child | None:
        """The child with this pid."""
        return self._children.get(pid)

    def find(self, id: int) -> tuple[int, Child] | None:
        """The child with this number, and its pid."""
        pid = self._pids.get(id)
        return None if pid is None else (pid, self._children[pid])

    def remove(self, pid: int) -> tuple[Child | None, float | None]:
        """It has ended; with it comes when it has to be gone, if it was told to end."""
        child = self._children.pop(pid, None)
        if child is None:
            return None, None
        del self._pids[child.id]
        return child, self.ends_at.pop(child.id, None)
