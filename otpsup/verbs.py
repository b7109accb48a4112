"""The verbs, OTP's, that every blocking handle has: `Tree`, and `TreeClient` from elsewhere.

Each verb is one request; how it travels is the handle's `_ask`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import ProtocolError
from .views import Change as Change
from .views import ChildStatus, Event
from .wire.lines import LogLine as LogLine

if TYPE_CHECKING:
    from .statistics import Statistics


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

    # Answers as they came: here they are values already; a client from elsewhere decodes them.

    def _status(self, value: Any) -> ChildStatus:
        assert isinstance(value, ChildStatus)
        return value

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

    # What the host does beside supervising.

    def about(self) -> dict[str, Any]:
        """The tree as a whole: `name`, `pid` of its host, `version`, `python`, `file` (the tree
        file that it was made from, or None), `since` and `now` (seconds since the epoch)."""
        return dict(self._ask("about"))

    def info(self, path: str) -> dict[str, Any]:
        """One child: the fields of its status; `monitored`, False if it is left alone; `copy_of`,
        the path that copies share, or None; under `needed_by` the paths of the siblings that are
        `after` it; under `checks` how each of its checks stands, with the fields of `CheckResult`;
        and under `spec` what it is, by the names of a tree file. No secrets: of variables and
        arguments only the names."""
        return dict(self._ask("info", path=path))

    def signal(self, path: str, signal: str | int) -> None:
        """Send a signal to a child's process.

        Args:
            signal: `"HUP"`, `"SIGHUP"` or 1.

        Raises:
            NotFound, NoProcess: there is no such child, or no process of it.
            InvalidSpec: no such signal.
        """
        self._ask("signal", path=path, signal=signal)

    def stacks(self, path: str) -> str:
        """Where a Python worker is just now: the stacks of all its threads and asyncio tasks, as
        faulthandler tells them, innermost first. It goes on meanwhile, also if it hangs.

        Raises:
            NotFound, NoProcess: there is no such child, or no process of it.
            NoStacks: it is a command, was stopped by a signal, or did not tell within 5 s.
        """
        return str(self._ask("stacks", path=path))

    def write_stdin(self, path: str, text: str) -> None:
        """Write to the standard input of a command with `stdin="pipe"`.

        Args:
            text: is sent in UTF-8; a line needs its own line break.

        Raises:
            NotFound, NoProcess: there is no such child, or no process of it.
            NotReading: its input is no pipe, it has closed it, or it does not read what was
                written before.
        """
        self._ask("write_stdin", path=path, data=text)

    def plan(self, file: str | None = None) -> list[Change]:
        """What `update` would do, and why; nothing is done.

        Args:
            file: a tree file; the one that the tree was made from if not given.

        Raises:
            InvalidFile: all that is wrong with the file.
            NoTreeFile: none was given, and there is none.
        """
        return self._changes(self._ask("plan", file=file))

    def update(self, file: str | None = None) -> list[Change]:
        """Become what a tree file says, with as little done as that takes; returns when it is done.

        A start that fails leaves that child down, and is told in its change's `error`; it counts as
        no restart. What was not done is done by the next update.

        Args:
            file: as for `plan`.

        Raises:
            InvalidFile, NoTreeFile: as for `plan`; nothing has changed then.
            UpdateRefused: something would certainly not start; nothing has changed.
        """
        return self._changes(self._ask("update", file=file))

    def scale(self, path: str, count: int) -> list[Change]:
        """Run so many copies of a program: only the last ones come or go.

        Args:
            path: what the copies share: `"backend/web"` for `backend/web-1` and so on.

        Raises:
            InvalidSpec: there are no such copies, or it is no count.
            UpdateRefused: as for `update`.
        """
        return self._changes(self._ask("scale", path=path, count=count))

    def add(self, file: str | None = None, parent: str = "", text: str | None = None) -> list[Any]:
        """Start children that a file, or a text of that form, describes; returns their statuses.

        They are the last children of the supervisor `parent`, and are forgotten when that is
        started anew, as in OTP.

        Raises:
            InvalidFile: all that is wrong with the file.
            AlreadyStarted, AlreadyPresent, StartFailed: as for `start_child`; those before it run.
        """
        found = self._ask("add", parent=parent, file=file, text=text)
        return [self._status(each) for each in found]

    def remove(self, path: str) -> None:
        """Stop a child and forget it."""
        self.terminate_child(path)
        self.delete_child(path)

    def recent_events(self) -> list[Event]:
        """The last events, the oldest first."""
        return [self._event(each) for each in self._ask("recent_events")]

    def reopen_logs(self) -> None:
        """Close all log files; each is opened anew, by its name, for the next line (logrotate)."""
        self._ask("reopen_logs")

    def ask_plugin(self, name: str, what: str, fields: Mapping[str, Any] | None = None) -> Any:
        """Put a request to one of the tree's plug-ins; see each for what it answers.

        Args:
            fields: of the request; what JSON has.

        Raises:
            NotFound: the tree has no such plug-in, or that answers no such thing.
            PluginFailed: it raised something of its own, or did not answer in time.
        """
        return self._ask("ask_plugin", name=name, what=what, fields=dict(fields or {}))

    def statistics(self, samples: int | None = None) -> Statistics:
        """What the tree has counted and measured of its children and of itself.

        From the first call on, the children are measured every 15 seconds, which gives the
        samples; that ends when nobody has asked for an hour.

        Args:
            samples: so many of each child, the newest; there are 240 at most. If not given, all
                of a small tree, and fewer of a large one: 20,000 together.
        """
        return self._statistics(self._ask("statistics", samples=samples))

    def _statistics(self, value: Any) -> Statistics:
        """Statistics as they came with an answer."""
        told: Statistics = value
        return told

    def _changes(self, value: Any) -> list[Change]:
        return list(value)

    def _event(self, value: Any) -> Event:
        assert isinstance(value, Event)
        return value
