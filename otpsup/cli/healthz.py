"""`healthz`: what is well and what is not, in a running tree."""

from __future__ import annotations

import sys

from ..control.client import TreeClient
from ..errors import OtpsupError
from ..healthz import model, writers
from ..healthz.query import BadQuery
from . import table
from .parameters import BadUsage, Options


class Unwell(OtpsupError):
    """Something is not well; `output` says what, and there is nothing to add."""

    code = "unwell"

    def __init__(self, output: str) -> None:
        super().__init__("")
        self.output = output


def command(options: Options) -> str:
    """The report; Unwell if not all is well."""
    fields = {"include": options.include, "exclude": options.exclude}
    try:
        with TreeClient.connect(options.tree, options.socket) as client:
            report = model.from_json(client.ask_plugin("healthz", "report", fields))
    except BadQuery as error:
        raise BadUsage(str(error)) from None
    text = writers.written(report, options.format or _form())
    text = text if text.endswith("\n") else f"{text}\n"
    if not report.status:
        raise Unwell(text)
    return text


def _form() -> writers.Form:
    return "console" if table.wants_colour(sys.stdout) else "k8s"
