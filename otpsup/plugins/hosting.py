"""All plug-ins of one tree: begun with it, told what happens, changed with it, ended with it."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from ..errors import NotFound, PluginFailed
from ..logger import logger
from ..runtime import importing
from ..specs.check import nearest
from ..specs.health import Checks
from ..views import Change, Event
from .asking import Asking
from .base import Page, Plugin
from .contained import PATIENCE, Contained
from .found import Checker, all_made, made, problems
from .handle import PluginTree

END = 5.0
"""Seconds that all plug-ins together get to stop."""
_BY_DEFAULT = {"healthz": "otpsup.specs.healthz:Healthz"}
"""Plug-ins that every tree has, whether they are named or not: made when they are asked first."""

_GONE = "it is not among the plug-ins any more"
_NEW = "it is a new plug-in"
_CHANGED = "its settings have changed"

Making = Callable[[], Event]
Prepared = Mapping[str, Plugin | Checker]
T = TypeVar("T")


class Plugins:
    """Of one tree. All methods may be called from any thread; one update is made at a time.

    Args:
        tree: asks the tree, for plug-ins.
        given: plug-ins or their settings, by name.
        look: has every process of the tree looked at by these liveness checks.

    Raises:
        InvalidSpec, OtpsupError: one of them cannot be made.
    """

    def __init__(
        self, tree: Asking, given: Mapping[str, Any], look: Callable[[Checks], None]
    ) -> None:
        self.given = dict(given)
        self._tree = tree
        self._made = all_made(given)
        self._running: dict[str, Contained] = {}
        self._checks: Checks = ()
        self._is_over = False
        self._lock = threading.RLock()
        """Whoever has it may begin plug-ins, or end them all for good."""
        self._set_checks = look

    def begin(self) -> None:
        """The tree begins."""
        for name, plugin in self._made.items():
            self._begin(name, plugin)
        self._look_at_children()

    def _look_at_children(self) -> None:
        checkers = [each for each in self._made.values() if isinstance(each, Checker)]
        if checkers or self._checks:
            self._checks = tuple(each.check for each in checkers)
            self._set_checks(self._checks)

    def _begin(self, name: str, plugin: Plugin | Checker) -> None:
        if isinstance(plugin, Checker):
            return
        contained = Contained(name, plugin, self._handle)
        with self._lock:
            if self._is_over:
                return
            try:
                contained.begin()
            except RuntimeError as error:  # no thread can be had
                logger.error("plug-in {} cannot begin: {}", name, error)
            else:
                self._running = {**self._running, name: contained}

    def _handle(self, contained: Contained) -> PluginTree:
        return PluginTree(self._tree, self, contained.flooding)

    def tell(self, make: Making, *, is_last: bool = False) -> None:
        """Tell all that hear of events; never waits."""
        for contained in self._running.values():
            if contained.hears:
                contained.tell(make, is_last=is_last)

    def look(self) -> None:
        """Every now and then: who hangs?"""
        for contained in self._running.values():
            contained.look()

    def plan(self, given: Mapping[str, Any]) -> list[Change]:
        """What `become` would do with each plug-in that does not stay as it is."""
        gone = [Change(_path(name), "stop", _GONE) for name in self.given if name not in given]
        new = [Change(_path(name), "start", _NEW) for name in given if name not in self.given]
        changed = [Change(_path(n), "restart", _CHANGED) for n in self._changed(given)]
        return [*gone, *changed, *new]

    def _changed(self, given: Mapping[str, Any]) -> list[str]:
        return [n for n, each in given.items() if n in self.given and self.given[n] != each]

    def prepare(self, given: Mapping[str, Any]) -> Future[Prepared]:
        """Make those that are new or changed, which may take for ever: whoever wrote them decides
        what happens when they are imported. Fails as the constructor."""
        new = [name for name in given if name not in self.given]
        names = [*self._changed(given), *new]
        return _apart(lambda: {name: made(name, given[name]) for name in names})

    def problems(self, given: Mapping[str, Any]) -> Future[Mapping[str, str]]:
        """Why which of those that are new or changed cannot be made, by the path of its change."""
        new = {name: given[name] for name in given if name not in self.given}
        changed = {name: given[name] for name in self._changed(given)}

        def look() -> dict[str, str]:
            return {_path(name): why for name, why in problems({**changed, **new}).items()}

        return _apart(look)

    def become(self, given: Mapping[str, Any], prepared: Prepared) -> Future[None]:
        """Have these instead; what is unchanged goes on. Done when those that go have stopped."""
        return _apart(lambda: self._become(given, prepared))

    def _become(self, given: Mapping[str, Any], prepared: Prepared) -> None:
        gone = [name for name in self.given if name not in given or name in prepared]
        over = {*gone, *prepared}
        going = [each for name, each in self._running.items() if name in over]
        self._running = {name: each for name, each in self._running.items() if name not in over}
        _end(going)
        kept = {name: each for name, each in self._made.items() if name not in over}
        self._made = {**kept, **prepared}
        self.given = dict(given)
        for name, plugin in prepared.items():
            self._begin(name, plugin)
        self._look_at_children()

    def end(self) -> None:
        """The tree has ended: stop all; waits a few seconds at most."""
        with self._lock:
            self._is_over = True
        _end(list(self._running.values()))
        self._tree.end()

    # For who asks.

    @property
    def paths(self) -> list[str]:
        """Of HTTP, of all plug-ins."""
        running = [path for each in self._running.values() for path in each.plugin.paths]
        return sorted({*running, *("/healthz", "/readiness")})

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """The answer of the plug-in that has this path.

        Raises:
            NotFound: none has.
            PluginFailed: it raised something, or did not answer in time.
        """
        name = next((n for n, each in self._running.items() if path in each.plugin.paths), None)
        if name is None and path not in self.paths:
            raise NotFound(f"no plug-in of tree {self._tree.name!r} answers {path}")
        found = self._find(name or "healthz")
        page: Page = _within(
            found, found.ask(f"page({path!r})", lambda plugin: plugin.page(path, query))
        )
        return page

    def ask(self, name: str, what: str, fields: Mapping[str, Any]) -> Future[Any]:
        """Put a request to a plug-in. `page` with `path` and `query`, of one that has this path,
        is what it answers there: `status`, `type` and, as text, `body`. Never waits.

        Raises:
            NotFound: there is none of this name; the future has it, if that takes time to know.
        """
        asked: Future[Any] = Future()
        asked.set_running_or_notify_cancel()

        def ask() -> None:
            call = _asked(self._find(name), what, fields)
            call.add_done_callback(lambda done: _pass_on(done, asked))

        if name in self._running:
            ask()
        else:  # it may have to be made
            _apart(ask).add_done_callback(lambda done: _pass_on(done, asked, only_errors=True))
        return asked

    def _find(self, name: str) -> Contained:
        with self._lock:
            if name not in self._running and name in _BY_DEFAULT:
                self._begin(name, made(name, importing.resolve(_BY_DEFAULT[name])()))
        found = self._running.get(name)
        if found is None:
            near = nearest(name, self._running)
            hint = f"; {near}" if near else ""
            known = ", ".join(self._running) or "none"
            raise NotFound(
                f"tree {self._tree.name!r} has no plug-in {name!r}{hint}; it has {known}: give it "
                f"one with Tree(..., plugins=[...]), or under `plugins:` in the tree file"
            )
        return found


def _asked(found: Contained, what: str, fields: Mapping[str, Any]) -> Future[Any]:
    path = fields.get("path")
    if what == "page" and path in found.plugin.paths:
        return found.ask(f"page({path!r})", lambda plugin: _page(plugin, fields))
    return found.ask(f"ask({what!r})", lambda plugin: plugin.ask(what, fields))


def _page(plugin: Plugin, fields: Mapping[str, Any]) -> dict[str, Any]:
    given = fields.get("query")
    query = given if isinstance(given, Mapping) else {}
    page = plugin.page(str(fields["path"]), {str(key): str(value) for key, value in query.items()})
    body = page.body.decode(errors="replace")
    return {"status": page.status, "type": page.type, "body": body}


def _apart(call: Callable[[], T]) -> Future[T]:
    """Have this called in a thread of its own, for which nobody has to wait."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()

    def work() -> None:
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=work, name="otpsup-plugins", daemon=True).start()
    return done


def _pass_on(done: Future[Any], to: Future[Any], *, only_errors: bool = False) -> None:
    if error := done.exception():
        to.set_exception(error)
    elif not only_errors:
        to.set_result(done.result())


def _path(name: str) -> str:
    return f"plugins:{name}"


def _within(contained: Contained, answer: Future[Any]) -> Any:
    try:
        return answer.result(PATIENCE)
    except concurrent.futures.TimeoutError:
        text = f"plug-in {contained.name!r} has not answered within {PATIENCE:g} s"
        raise PluginFailed(text) from None


def _end(going: list[Contained]) -> None:
    until = time.monotonic() + END
    for contained in going:
        contained.end()
    for contained in going:
        contained.join(max(until - time.monotonic(), 0.1))
