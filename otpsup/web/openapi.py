"""The OpenAPI document, from the table of routes. Pure.

Its form is that of https://spec.openapis.org/oas/v3.1.1.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..version import __version__
from . import shapes
from .problems import TYPE
from .routes import JSON, ROUTES, Route

_WHY: Final[Mapping[int, str]] = {
    400: "The request cannot be understood.",
    401: "It takes a token, or another one.",
    403: "The role does not suffice, or the request comes from another site.",
    404: "There is no such child, or the tree has no such plug-in.",
    408: "The body has not come in time.",
    409: "Not as things are.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    421: "The Host header names another server.",
    422: "What was sent is well-formed, and no such thing can be: the detail says why.",
    429: "Too many wrong tokens from this address; or too many streams.",
    500: "It failed, and the tree goes on.",
    502: "A plug-in failed.",
    504: "It has taken longer than it may.",
    503: "The tree is not running, too much is being asked, or the file of tokens cannot be used.",
}
_ALWAYS: Final = (400, 401, 403, 421, 429, 500, 503)
_OF_BODIES: Final = (408, 413, 415)


def document(root: str = "") -> dict[str, Any]:
    """The document.

    Args:
        root: the path below which all of this is served.
    """
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "otpsup", "version": __version__,
            "description": "A supervision tree over HTTP. Paths of children may have `/` in them, "
            "encoded or not. Whatever takes GET takes HEAD, too.",
        },
        "servers": [{"url": root or "/"}],
        "paths": paths,
        "components": {
            "schemas": shapes.COMPONENTS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }  # fmt: skip


def _operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": route.id,
        "summary": route.summary,
        "x-role": route.role,
        "security": [{"token": []}] if route.role else [{}, {"token": []}],
        "parameters": [*_parameters(route)],
        "responses": _responses(route),
    }
    if route.body is not None:
        found["requestBody"] = {
            "required": bool(route.body.get("required")),
            "content": {JSON: {"schema": route.body}},
        }
    return found


def _parameters(route: Route) -> list[Any]:
    found: list[Any] = []
    if "{path}" in route.path:
        shape = {**shapes.PATH, "minLength": 1}
        found.append({"name": "path", "in": "path", "required": True, "schema": shape})
    for name, query in route.query.items():
        is_required = "minItems" in query
        found.append({"name": name, "in": "query", "required": is_required, "schema": query})
    if route.kind in ("events", "lines"):
        found.append({"name": "Last-Event-ID", "in": "header", "schema": shapes.TEXT})
    if route.is_change:
        found.append({"name": "Idempotency-Key", "in": "header", "schema": _KEY})
    return found


_KEY: Final = {"type": "string", "minLength": 1, "maxLength": 255}


def _responses(route: Route) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": route.summary}
    if route.answer is not None:
        types = filter(None, (route.type, route.or_type))
        answer["content"] = {each: {"schema": route.answer} for each in types}
    found = {str(route.status): answer}
    of_bodies = _OF_BODIES if route.body is not None else ()
    of_verbs = (409, 422, 502) if route.call else ()
    for status in sorted({*_ALWAYS, *of_bodies, *of_verbs, *errors_of(route)}):
        content = {TYPE: {"schema": shapes.ref("Problem")}}
        found[str(status)] = {"description": _WHY[status], "content": content}
    return found


def errors_of(route: Route) -> tuple[int, ...]:
    """Statuses that this route has beside those that all of its kind have."""
    of_children = (404,) if "{path}" in route.path else ()
    return (*of_children, *route.errors)
