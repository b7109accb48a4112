"""One plug-in in a thread of its own, and what is told of one that raises, hangs or floods.

The tree never waits for it. What it is to hear waits in a queue that has an end.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ..complaints import Complaints, place
from ..errors import NotFound, OtpsupError, PluginFailed, in_words
from ..logger import logger
from ..views import Event
from .base import Plugin
from .handle import PluginTree

LIMIT = 10_000
"""Events that wait for a plug-in; those that come when so many wait are not told to it."""
HANGS = 30.0
"""Seconds after which a call that has not returned is told of."""
PATIENCE = 30.0
"""Seconds that who asks a plug-in waits for its answer."""

Work = Callable[[], object]


class Contained:
    """A plug-in at work.

    Args:
        name: in messages.
        tree: what it sees of the tree, once it is begun.
    """

    def __init__(self, name: str, plugin: Plugin, tree: Callable[[Contained], PluginTree]) -> None:
        self.name = name
        self.plugin = plugin
        self.hears = type(plugin).on_event is not Plugin.on_event
        """Whether it is to be told of events."""
        self._tree = tree
        self._inbox: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._lost = 0
        self._doing: tuple[str, float] | None = None
        """What is called, and since when."""
        self._is_told = False
        """It was said that this call hangs."""
        self._complaints = Complaints(f"plug-in {name}")
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name=f"otpsup-{name}", daemon=True)

    def begin(self) -> None:
        """Begin its thread, and have it start."""
        handle = self._tree(self)
        self._inbox.put(lambda: self._call("start", lambda: self.plugin.start(handle)))
        self._thread.start()

    def tell(self, make: Callable[[], Event], *, is_last: bool) -> None:
        """Tell of an event, which is put into words in its thread; never waits. The last one is
        told whatever waits."""
        if self._inbox.qsize() >= LIMIT and not is_last:
            self._lost += 1
            return
        self._inbox.put(lambda: self._call("on_event", lambda: self.plugin.on_event(make())))

    def ask(self, what: str, call: Callable[[Plugin], Any]) -> Future[Any]:
        """Have this called in its thread; the future gets the answer, or an OtpsupError."""
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()
        if self._is_over:
            answer.set_exception(NotFound(f"plug-in {self.name!r} has ended"))
        elif threading.current_thread() is self._thread:  # it asks itself
            self._answer(answer, what, call)
        else:
            begin = self._answer_aside if self.plugin.at_once else self._answer
            self._inbox.put(lambda: begin(answer, what, call))
        return answer

    def _answer_aside(self, answer: Future[Any], what: str, call: Callable[[Plugin], Any]) -> None:
        """In another thread: whoever asks next need not wait. From its own, when it has started."""
        work = threading.Thread(
            target=self._give, args=(answer, what, call), name=f"otpsup-{self.name}-{what}",
            daemon=True,
        )  # fmt: skip
        try:
            work.start()
        except RuntimeError:  # no thread can be had
            self._answer(answer, what, call)

    def _answer(self, answer: Future[Any], what: str, call: Callable[[Plugin], Any]) -> None:
        before, self._doing = self._doing, (what, time.monotonic())
        try:
            self._give(answer, what, call)
        finally:
            if before is None:
                self._came_back()
            else:  # it has asked itself
                self._doing = before

    def _give(self, answer: Future[Any], what: str, call: Callable[[Plugin], Any]) -> None:
        try:
            answer.set_result(call(self.plugin))
        except OtpsupError as error:
            answer.set_exception(error)
        except BaseException as error:
            self._complaints.raised(what, error)
            text = f"plug-in {self.name!r} failed in {what}: {in_words(error)}"
            answer.set_exception(PluginFailed(text))

    def end(self) -> None:
        """Have it told what is owed, and stopped; see `join`."""
        self._is_over = True
        self._inbox.put(lambda: self._call("stop", self.plugin.stop))
        self._inbox.put(None)

    def join(self, timeout: float) -> None:
        """Wait until it has stopped, for so many seconds at most."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            logger.warning("plug-in {} has not stopped within {:.3g} s, and is left alone{}",
                           self.name, timeout, self._where())  # fmt: skip

    def flooding(self) -> None:
        """It makes more requests than it may."""
        self._complaints.say("floods", "floods the tree with requests, and is slowed down")

    def look(self) -> None:
        """Say so if it hangs, or has come back."""
        doing = self._doing
        if doing is None or time.monotonic() - doing[1] < HANGS or self._is_told:
            return
        self._is_told = True
        logger.warning("plug-in {} hangs in {}, for {:.0f} s now; the tree goes on without it{}",
                       self.name, doing[0], time.monotonic() - doing[1], self._where())  # fmt: skip

    def _where(self) -> str:
        frame = sys._current_frames().get(self._thread.ident or 0)
        return f", at {place(frame)}" if frame else ""

    # In its thread.

    def _run(self) -> None:
        due = self._due(time.monotonic())
        while True:
            try:
                work = self._inbox.get(timeout=None if due is None else max(due - _now(), 0))
            except queue.Empty:
                due = self._ticked()
                continue
            if work is None:
                return
            work()
            if self._lost and self._inbox.empty():
                self._tell_of_loss()
            if due is not None and _now() >= due:  # however much comes, its ticks do, too
                due = self._ticked()

    def _tell_of_loss(self) -> None:
        lost, self._lost = self._lost, 0
        text = f"was not told of {lost} events, for {LIMIT} were waiting for it"
        self._complaints.say("lost", text)
        self._call("lost", lambda: self.plugin.lost(lost))

    def _ticked(self) -> float | None:
        """When the next tick is due, after this one; there is none after the end."""
        if self._is_over:
            return None
        self._call("tick", self.plugin.tick)
        return self._due(_now())

    def _due(self, since: float) -> float | None:
        every = self.plugin.every
        return None if every is None else since + max(every, 0.01)

    def _call(self, what: str, call: Callable[[], object]) -> None:
        self._doing = what, time.monotonic()
        try:
            call()
        except BaseException as error:  # even SystemExit is only a plug-in's way to fail
            self._complaints.raised(what, error)
        finally:
            self._came_back()

    def _came_back(self) -> None:
        assert self._doing is not None
        what, since = self._doing
        self._doing = None
        if self._is_told:
            self._is_told = False
            logger.warning("plug-in {} goes on: {} took {:.0f} s",
                           self.name, what, time.monotonic() - since)  # fmt: skip


def _now() -> float:
    return time.monotonic()
