"""`metrics`: what a running tree has counted and measured."""

from __future__ import annotations

import sys

from ..control.client import TreeClient
from ..errors import NotFound
from ..wire import statistics
from . import show
from .parameters import Options
from .verbs import connected

_OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@connected
def command(client: TreeClient, options: Options) -> str:
    """As the tree's plug-in `metrics` tells it; as JSON without one.

    Raises:
        NotFound: it has no such plug-in.
    """
    if options.json:
        return show.as_json(statistics.encode(client.statistics(samples=0)))
    fields = {"accept": _OPENMETRICS} if options.openmetrics else {}
    try:
        text = str(client.ask_plugin("metrics", "text", fields))
    except NotFound as error:
        raise NotFound(
            f"{error}; for example plugins=[otpsup.Metrics()], or `plugins: {{metrics: }}`; --json "
            "needs none"
        ) from None
    return show.lines(text.splitlines()) if sys.stdout.isatty() else text
