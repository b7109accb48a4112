"""What a plug-in is, and the protocols for classes that know nothing of otpsup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from attrs import frozen

from ..errors import NotFound
from ..views import Event

if TYPE_CHECKING:
    from .handle import PluginTree


@frozen
class Page:
    """An answer over HTTP.

    Attributes:
        status: of HTTP (RFC 9110, section 15).
        type: the media type.
    """

    body: bytes
    status: int = 200
    type: str = "text/plain; charset=utf-8"


class Plugin:
    """The base of plug-ins; each method may be left as it is.

    All methods are called in one thread of the plug-in's own, one after the other (but see
    `at_once`): they may block, and hold up nothing but this plug-in. What they raise is logged with
    the plug-in's name.

    Attributes:
        name: what messages call it; the name of its class if it has none.
        every: seconds from one `tick` to the next; None for no ticks.
        paths: of HTTP, which `page` answers: `("/metrics",)`.
        at_once: whether `ask` and `page` are each called in a thread of its own, several at once,
            so that none waits for another.
    """

    name: str = ""
    every: float | None = None
    paths: tuple[str, ...] = ()
    at_once: bool = False

    def preflight(self) -> None:
        """Look whether what `start` takes is there, as far as that shows without beginning
        anything; for `otpsup check`, and in no tree.

        Raises:
            OtpsupError: it is not; says what to do.
        """

    def start(self, tree: PluginTree) -> None:
        """The tree begins; no event was told before."""

    def on_event(self, event: Event) -> None:
        """Something happened. All events come, in their order; the last is `halt`. Those
        beyond 10,000 that wait for a plug-in that hangs are not kept, see `lost`."""

    def lost(self, count: int) -> None:
        """So many events were not told, for too many were waiting: look at the tree itself."""

    def tick(self) -> None:
        """`every` seconds have passed."""

    def ask(self, what: str, fields: Mapping[str, Any]) -> Any:
        """Answer a request that is this plug-in's own; takes and returns what JSON has.

        Raises:
            OtpsupError: no; the message is told to who asks.
        """
        raise NotFound(f"plug-in {self.name!r} answers no {what!r}")

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """Answer for one of `paths`; `query` has the Accept header of the request as `accept`."""
        raise NotFound(f"plug-in {self.name!r} has no page {path!r}")

    def stop(self) -> None:
        """The tree has ended, and all events were told; it gets 5 seconds."""


class EventHook(Protocol):
    """Hears of events; any object with this method may be given to a tree as a plug-in."""

    def on_event(self, event: Event) -> None:
        """Something happened."""


class HealthCheck(Protocol):
    """Looks at children; any object with this method may be given to a tree as a plug-in, which
    then looks at every process, or to a `Check`, which looks at that child.

    A class that was written for FastBlog's process supervisor works as it is.
    """

    def check_health(self, process_name: str, process_info: Mapping[str, Any]) -> object:
        """Look once.

        Args:
            process_name: of the child.
            process_info: `path`, `pid`, `state`, `ready`, `restarts`, `since` (seconds since the
                epoch), `uptime` (seconds), `status`, `info`, and `memory` (bytes), `cpu_seconds`,
                `threads`, `processes` of its whole group, where they were measured.

        Returns:
            None or True if all is well, False or a text that says why not.
        """


class AlertChannel(Protocol):
    """Delivers messages of `Alerts`; see `otpsup.alerts`."""

    def send(self, message: Any) -> None:
        """Deliver one message; whatever it raises means that it was not delivered, and is to be
        tried again."""


class Collector(Protocol):
    """Gives metrics to `healthz`; see `otpsup.healthz`."""

    namespace: ClassVar[str]

    def collect(self) -> Iterable[Any]:
        """Look once; whatever it raises is shown as its failure."""
