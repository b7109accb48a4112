"""One tree, its grounds, and who looks after it: what every fault needs."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
from collections import Counter
from collections.abc import Callable

import psutil
from attrs import field, frozen

from otpsup import OtpsupError, Tree
from otpsup.engine.snapshot import ChildStatus
from tests.support.waiting import is_alive, until

from .children import ON_DEMAND
from .grounds import Grounds
from .ledger import Ledger
from .log import COMPLAINT, Log
from .system import System

PATIENCE = 60.0
"""Seconds in which every request is answered, whatever happens."""
AT_REST = 60.0
"""Seconds in which a tree that is left alone has to come to rest."""
_A_WHILE = 0.5
"""Seconds in which a child that was killed has been started again, or has failed to."""


@frozen
class World:
    """Everything that a fault may touch.

    Attributes:
        log: otpsup's own.
        seen: how often a start has failed with each error that it was made to fail with.
    """

    tree: Tree
    system: System
    ledger: Ledger
    grounds: Grounds
    random: random.Random
    log: Log
    seen: Counter[str] = field(factory=Counter)

    # Victims.

    def victim(self, *paths: str) -> ChildStatus | None:
        """A child that has a process, one of these if any are given."""
        nodes = [node for node in self.tree.status().walk() if node.pid]
        nodes = [node for node in nodes if node.path in paths or not paths]
        return self.random.choice(nodes) if nodes else None

    def signal(self, number: int, node: ChildStatus | None) -> None:
        """Send it a signal, if it is there and still is."""
        if node is None or node.pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(node.pid, number)
            note = self.ledger.killed if number == signal.SIGKILL else self.ledger.touched
            note(node.path, node.pid)

    def kill_until_failed(self, number: int, *paths: str, mortal: int = 0) -> None:
        """SIGKILL for one of these, and another, until a start has failed with this error.

        Args:
            mortal: a helper of the tree that may itself die of the shortage.

        Raises:
            AssertionError: none has.
        """

        def has_failed() -> bool:
            if mortal and not is_alive(mortal):
                self.ledger.excuse()
                return True
            self.signal(signal.SIGKILL, self.victim(*paths))
            is_said = self.ledger.is_said(os.strerror(number), within=_A_WHILE)
            self.seen[errno.errorcode[number]] += is_said
            return is_said

        until(has_failed, AT_REST)

    def kill_and_see_restarted(self, path: str) -> None:
        """SIGKILL for this one; it comes back."""
        old = until(lambda: self.victim(path), AT_REST)
        self.signal(signal.SIGKILL, old)
        until(lambda: (new := self.victim(path)) and new.pid != old.pid, AT_REST)

    # Requests.

    def ask(self, verb: str, path: str) -> None:
        """No request goes unanswered; an error is an answer, too.

        Raises:
            AssertionError: this one was not answered in time.
        """
        try:
            self.tree.call(verb, path=path).result(PATIENCE)
        except OtpsupError:
            return
        except TimeoutError:
            text = f"{verb} of {path} was not answered within {PATIENCE} s"
            raise AssertionError(f"{text}; {self.states()}") from None

    def restart(self, path: str) -> None:
        """As an operator does."""
        self.ledger.asked(path)
        self.ask("restart", path)

    def states(self) -> str:
        """The state of each child, in words."""
        return ", ".join(f"{node.path} is {node.state}" for node in self.tree.status().walk())

    # Helpers of the tree.

    def launcher(self) -> psutil.Process:
        """The launcher, as soon as there is one."""
        return until(self.system.launcher, AT_REST)

    def zygote(self) -> psutil.Process:
        """The zygote, as soon as there is one."""
        return until(self.system.zygote, AT_REST)

    # Rest.

    def come_to_rest(self) -> None:
        """Leave the tree alone until all runs that should, and the system is as the tree says.

        Raises:
            AssertionError: it does not come to that; says what is wrong.
        """
        self._until_none(self.differences)
        self.ledger.close_account()

    def is_up(self) -> bool:
        """All run but those that are started on demand."""
        return not self._not_up(self.tree.status())

    def _not_up(self, status: ChildStatus) -> list[str]:
        return [
            f"{node.path} is {node.state}"
            for node in status.walk()
            if node.state != ("down" if node.path in ON_DEMAND else "running")
        ]

    def differences(self) -> list[str]:
        """All that is not as it should be."""
        status = self.tree.status()
        return self._not_up(status) or [
            *self.system.differences(status),
            *self.ledger.contradictions(status),
            *self.system.disorder(status, self.ledger.alone),
            *self._unlogged(status),
        ]

    def _unlogged(self, status: ChildStatus) -> list[str]:
        """Whoever writes a log has said so in it since its start. It has to say so anew if nobody
        could open the log then."""
        node = status.find("floods")
        assert node is not None
        if self.has_logged(node):
            return []
        if self.log.count(COMPLAINT):
            self.log.forget(COMPLAINT)
            self.signal(signal.SIGKILL, node)
        return [f"{node.path} ({node.pid}) is not in its log"]

    def has_logged(self, node: ChildStatus) -> bool:
        """Whether the last line that it writes is in its log."""
        line = f"told {node.pid}\n".encode()
        return any(line in path.read_bytes() for path in self.grounds.disk.folder.glob("log*"))

    def _until_none(self, look: Callable[[], list[str]]) -> None:
        wrong: list[str] = []

        def is_well() -> bool:
            wrong[:] = look()
            return not wrong

        try:
            until(is_well, AT_REST)
        except AssertionError:
            raise AssertionError("; ".join(wrong)) from None
