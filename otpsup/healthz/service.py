"""The plug-in `healthz`: reports over HTTP, and for `otpsup healthz`.

/healthz?format=json|console|k8s&include=a,b&exclude=a,b     200 if all is well, else 503
/healthz?format_type=json|console                            the same, as BK-LOG has it
/readiness                                                   200 if the tree is up, else 503
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..errors import NotFound, OtpsupError
from ..plugins import Page, Plugin, PluginTree
from ..specs.healthz import Healthz
from . import children, disk, tree
from .collecting import Collector, collect
from .model import Report, report_of, to_json
from .query import BadQuery, chosen, form_in, names_in
from .source import Looking
from .writers import written

_TEXT = "text/plain; charset=UTF-8"
_JSON = "application/json"
_PATIENCE = 10.0
"""Seconds that a built-in collector may take."""


class Service(Plugin):
    """Answers for the health of a tree.

    Args:
        settings: what is looked at.
    """

    name = "healthz"
    paths = ("/healthz", "/readiness")
    at_once = True
    """`/readiness` does not wait for a collector that hangs."""

    def __init__(self, settings: Healthz) -> None:
        self._settings = settings
        self._collectors: dict[str, Collector] = {}
        self._tree: PluginTree | None = None

    def start(self, tree: PluginTree) -> None:
        """Have the collectors at hand; nothing is looked at yet."""
        self._tree = tree
        self._collectors = {each.namespace: each for each in _all(self._settings, tree)}

    def ask(self, what: str, fields: Mapping[str, Any]) -> Any:
        """The report, as JSON: `ask("report", {"include": "a,b", "exclude": None})`.

        Raises:
            BadQuery: there is no such collector.
            NotFound: this is not asked for.
        """
        if what != "report":
            raise NotFound(f"healthz answers no {what!r}; ask for 'report'")
        return to_json(self.report(fields))

    def report(self, fields: Mapping[str, Any]) -> Report:
        """Look with those collectors that `include` and `exclude` in the fields mean."""
        include = names_in(fields.get("include"), "include")
        exclude = names_in(fields.get("exclude"), "exclude")
        if not include and not exclude:
            include, exclude = self._settings.include, self._settings.exclude
        names = chosen(list(self._collectors), include, exclude)
        return report_of(collect(self._collectors[name] for name in names))

    def page(self, path: str, query: Mapping[str, str]) -> Page:
        """`/healthz`, `/readiness`."""
        return self._readiness() if path == "/readiness" else self._healthz(query)

    def _healthz(self, query: Mapping[str, str]) -> Page:
        try:
            form = form_in(query)
            report = self.report(query)
        except BadQuery as error:
            return Page(f"{error}\n".encode(), 400, _TEXT)
        kind = _JSON if form == "json" else _TEXT
        return Page(written(report, form).encode(), 200 if report.status else 503, kind)

    def _readiness(self) -> Page:
        is_up = self._is_up()
        body = json.dumps({"server_up": int(is_up)}).encode()
        return Page(body, 200 if is_up else 503, _JSON)

    def _is_up(self) -> bool:
        try:
            return self._tree is not None and self._tree.status().state == "running"
        except OtpsupError:
            return False


def _all(settings: Healthz, handle: PluginTree) -> list[Collector]:
    own = [Collector(name, Looking(each), each.timeout)
           for name, each in settings.collectors.items()]  # fmt: skip
    return [
        Collector("tree", partial(tree.collect, handle), _PATIENCE),
        Collector("children", partial(children.collect, handle), _PATIENCE),
        Collector("disk", partial(disk.collect, settings), _PATIENCE),
        *own,
    ]
