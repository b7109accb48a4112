"""The verbs, OTP's, that every blocking handle has: `Tree`, and `TreeClient` from elsewhere.

Each verb is one request; how it travels is the handle's `_ask`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from .engine.snapshot import ChildStatus
from .errors import ProtocolError


class Verbs(ABC):
    """What can be asked of a running tree.

    Paths name children from the root down: `"updater"`, `"backend/db"`; `""` is the root.
    Every verb may raise the errors of `otpsup.errors` that OTP has for it, and `NotRunning`.
    """

    @abstractmethod
    def _ask(self, op: str, **fields: Any) -> Any:
        """Make the request and wait for its answer."""

    def start_child(self, child: str, *args: Any) -> ChildStatus:
        """Start a declared child that is down, or an instance of a dynamic supervisor's template.

        Args:
            child: the child's path; with `args`, or for a template, the dynamic supervisor's.
            args: for an instance: come after the template's own arguments.

        Returns:
            its status once it is ready.

        Raises:
            NotFound, AlreadyStarted, Restarting, MaxChildren: as OTP has them.
            StartFailed: it did not get ready; the message says why.
        """
        if not isinstance(child, str):
            raise ProtocolError(
                f"from here a child is started by its path, not by {type(child).__name__} objects; "
                "only the program that hosts the tree can add a spec, with Tree.start_child"
            )
        return self._status(self._ask("start_child", path=child, args=list(args)))

    @abstractmethod
    def _status(self, value: Any) -> ChildStatus:
        """A status as it came with an answer."""

    def terminate_child(self, path: str) -> None:
        """Stop a child; it stays down until somebody starts it. Nothing happens if it is down."""
        self._ask("terminate_child", path=path)

    def restart_child(self, path: str) -> ChildStatus:
        """Start a child that is down (OTP's `restart_child`); `Running` if it is up."""
        return self._status(self._ask("restart_child", path=path))

    def restart(self, path: str) -> ChildStatus:
        """Stop a child if it is up and start it, as one step; returns when it is ready.

        If the new start fails, `StartFailed` is raised and the supervisor goes on trying.
        """
        return self._status(self._ask("restart", path=path))

    def delete_child(self, path: str) -> None:
        """Forget a child that is down."""
        self._ask("delete_child", path=path)

    def unmonitor(self, path: str) -> None:
        """Leave a child alone: when it ends by itself it stays down. It goes on running now."""
        self._ask("unmonitor", path=path)

    def monitor(self, path: str) -> None:
        """Restart a child again when it ends, as its spec says; the way things are at the start."""
        self._ask("monitor", path=path)

    def which_children(self, path: str = "") -> list[tuple[str, str, str]]:
        """Name, state and type of each child of a supervisor, in start order."""
        return [(a, b, c) for a, b, c in self._ask("which_children", path=path)]

    def count_children(self, path: str = "") -> dict[str, int]:
        """How many `specs`, `active` children, `supervisors` and `workers` a supervisor has."""
        return dict(self._ask("count_children", path=path))

    def status(self) -> ChildStatus:
        """The whole tree as one nested value."""
        return self._status(self._ask("status"))
