"""Plug-ins of the tests, as somebody else would write them. Imports no test."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from otpsup import Event, Page, Plugin
from otpsup.plugins import PluginTree

SEEN: list[tuple[str, object]] = []
"""What plug-ins of a tree file have seen."""


class CustomHealthChecker:
    """As FastBlog's documents have it, but for what it returns."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer
        self.looked: list[tuple[str, dict[str, Any]]] = []

    def check_health(self, process_name, process_info):  # type: ignore[no-untyped-def]
        """Somebody's own look."""
        self.looked.append((process_name, dict(process_info)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Diary(Plugin):
    """Writes down what it is called for, and in which thread."""

    every = 0.01

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.calls: list[str] = []
        self.threads: set[threading.Thread] = set()
        self.ticked = threading.Event()
        self.tree: PluginTree | None = None

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self.threads.add(threading.current_thread())

    def start(self, tree: PluginTree) -> None:
        """It begins."""
        self.tree = tree
        self._note("start")

    def on_event(self, event: Event) -> None:
        """It hears."""
        self.events.append(event)
        self._note("on_event")

    def tick(self) -> None:
        """Time passes."""
        self._note("tick")
        self.ticked.set()

    def stop(self) -> None:
        """It ends."""
        self._note("stop")


class Rooms(Plugin):
    """Answers requests and pages; is made with settings."""

    paths = ("/rooms",)

    def __init__(self, floor: int = 0) -> None:
        self.floor = floor

    def start(self, tree: PluginTree) -> None:
        """It begins."""
        SEEN.append(("start", self.floor))

    def ask(self, what: str, fields: Mapping[str, Any]) -> Any:
        """A request."""
        if what == "floor":
            return {"floor": self.floor, **fields}
        return super().ask(what, fields)

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """A page."""
        return Page(f"floor {self.floor}, {query}".encode())

    def stop(self) -> None:
        """It ends."""
        SEEN.append(("stop", self.floor))


class Held(Plugin):
    """Hangs in what it is told to hang in, until it is let go."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.is_held = threading.Event()
        self.go = threading.Event()
        self.losses: list[int] = []

    def lost(self, count: int) -> None:
        """It missed something."""
        self.losses.append(count)

    def _perhaps(self, what: str) -> None:
        if what == self.what:
            self.is_held.set()
            self.go.wait(60)

    def on_event(self, event: Event) -> None:
        """An event."""
        self._perhaps("on_event")

    def ask(self, what: str, fields: Mapping[str, Any]) -> Any:
        """A request."""
        self._perhaps("ask")
        return what

    def stop(self) -> None:
        """The end."""
        self._perhaps("stop")
