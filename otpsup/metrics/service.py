"""The plug-in that answers `/metrics`, and `otpsup metrics`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import NotFound, OtpsupError
from ..plugins import Page, Plugin, PluginTree
from ..specs.metrics import Metrics

if TYPE_CHECKING:
    from prometheus_client.core import Metric

try:
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder
except ImportError as error:
    _missing: ImportError | None = error
else:
    _missing = None

PATH = "/metrics"
_KEEP = 900.0
"""Seconds after which the tree is asked, if nobody else has: it measures as long as somebody does,
and processor time that a child uses before its end is only known if it was measured."""


class Service(Plugin):
    """For one tree.

    Raises:
        OtpsupError: prometheus-client is not installed.
    """

    every = _KEEP
    paths = (PATH,)

    def __init__(self, settings: Metrics) -> None:
        if _missing is not None:
            raise OtpsupError(
                f"metrics need a package that is not installed ({_missing.name}): "
                "pip install 'otpsup[metrics]'"
            )
        self._settings = settings
        self._tree: PluginTree | None = None
        self._about: dict[str, str] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def start(self, tree: PluginTree) -> None:
        """Have it measure from the start on."""
        self._tree = tree
        about = tree.about()
        names = {"name": "tree", "version": "version", "python": "python"}
        self._about = {label: str(about[name]) for name, label in names.items()}
        self.tick()

    def tick(self) -> None:
        """Have it go on."""
        assert self._tree is not None
        self._tree.statistics(samples=0)

    def collect(self) -> Iterator[Metric]:
        """The registry asks for what there is now."""
        from .families import families

        if self._tree is not None:
            told = self._tree.statistics(samples=0)
            yield from families(told, self._about, self._settings.labels)

    def describe(self) -> list[Metric]:
        """Nothing is known before somebody asks."""
        return []

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """The metrics, in the format that `accept` (an HTTP header) asks for; OpenMetrics if it
        names that, else Prometheus' own."""
        try:
            encode, type = choose_encoder(query.get("accept", ""))
        except (TypeError, ValueError):  # a version that is none
            encode, type = choose_encoder("")
        return Page(encode(self._registry), 200, type)

    def ask(self, what: str, fields: Mapping[str, Any]) -> Any:
        """`text`: the same for `otpsup metrics`; `accept` may be among the fields."""
        if what != "text":
            raise NotFound(f"plug-in {self.name!r} answers 'text', and not {what!r}")
        page = self.page(PATH, {"accept": str(fields.get("accept", ""))})
        return page.body.decode()
