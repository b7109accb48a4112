"""Errors as `application/problem+json` (RFC 9457), in the words of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from .. import mask
from ..errors import InvalidFile, NotRunning, OtpsupError
from ..plain import plain_lines
from .forms import json_of

TYPE: Final = "application/problem+json"
STATUSES: Final[Mapping[str, int]] = {
    "not_found": 404,
    "already_started": 409, "already_present": 409, "running": 409, "restarting": 409,
    "simple_one_for_one": 409, "max_children": 409, "not_a_supervisor": 409,
    "caller_not_ready": 409, "dependency_not_met": 409, "no_process": 409, "not_reading": 409,
    "no_stacks": 409,
    "no_tree_file": 409, "update_refused": 409, "start_failed": 409, "too_large": 409,
    "rolling_halted": 409,
    "invalid_spec": 422, "invalid_file": 422, "protocol": 422,
    "eperm": 403,
    "plugin_failed": 502,
    "noproc": 503,
    "timeout": 504,
}  # fmt: skip
"""By the code of the error; 500 for all others."""


class Refused(OtpsupError):
    """A request that is not even put to the tree.

    Attributes:
        status: of HTTP.
        headers: that come with the answer.
    """

    code = "refused"

    def __init__(
        self, status: int, message: str, code: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.name = code or HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")
        self.headers = dict(headers or {})


def status_of(error: OtpsupError) -> int:
    """The status that an error has."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, NotRunning) and error.is_of_a_supervisor:
        return 409
    return STATUSES.get(error.code, 500)


def problem(error: OtpsupError) -> Response:
    """The answer for an error."""
    status = status_of(error)
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": plain_lines(str(error) if isinstance(error, Refused) else mask.text(str(error))),
        "code": error.name if isinstance(error, Refused) else error.code,
    }
    if isinstance(error, InvalidFile) and error.problems:
        told["problems"] = [plain_lines(mask.text(str(each))) for each in error.problems]
    headers = error.headers if isinstance(error, Refused) else {}
    return Response(json_of(told), status, headers, TYPE)
