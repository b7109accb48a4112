"""Reading a request: which route it means, and whether it has the shape that this one takes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

from starlette.datastructures import Headers

from ..serving.asgi import Receive, Scope
from ..specs.check import shown
from ..wire import strict
from . import shapes
from .problems import Refused
from .routes import JSON, ROUTES, Route
from .shapes import Shape

LARGEST: Final = 64 * 1024
"""Bytes of a body."""
PATIENCE: Final = 30.0
"""Seconds for a body to come."""


def path_of(scope: Scope) -> str:
    """As it came, percent-encoded, below where the application is mounted."""
    root = scope.get("root_path", "")
    raw = scope.get("raw_path")
    path = raw.partition(b"?")[0].decode("latin-1") if raw else quote(scope["path"])
    return path.removeprefix(quote(root)) if root else path


@lru_cache(maxsize=1)
def _patterns() -> Sequence[tuple[re.Pattern[str], Route]]:
    return [(_pattern(route), route) for route in ROUTES]


def _pattern(route: Route) -> re.Pattern[str]:
    """The root has an empty path, and routes of its own where there is no verb behind it. A `:` in
    a name has to be encoded, for what comes after one is a verb."""
    some = ".*" if "{path}:" in route.path else "[^:]+"
    return re.compile(re.escape(route.path).replace(r"\{path\}", f"(?P<path>{some})"))


def find(method: str, path: str) -> tuple[Route, str]:
    """The route that is meant, and the child. HEAD means the same as GET (RFC 9110, section 9.3.2).

    Raises:
        Refused: there is none.
    """
    found = [(route, m) for pattern, route in _patterns() if (m := pattern.fullmatch(path))]
    wanted = "GET" if method == "HEAD" else method
    for route, match in found:
        if route.method == wanted:
            return route, _child(match.groupdict().get("path", ""))
    if not found:
        raise Refused(404, "there is no such resource; /openapi.json lists them")
    allowed = ", ".join(sorted({name for route, _ in found for name in _methods(route)}))
    raise Refused(405, f"this takes {allowed}, not {method[:20]}", headers={"allow": allowed})


def _methods(route: Route) -> tuple[str, ...]:
    return ("GET", "HEAD") if route.method == "GET" else (route.method,)


def _child(raw: str) -> str:
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise Refused(400, "the path is not in UTF-8") from None


def query_of(route: Route, scope: Scope) -> dict[str, Any]:
    """The parameters.

    Raises:
        Refused: one is wrong, or there is none of this name.
    """
    try:
        text = scope.get("query_string", b"").decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=2000)
    except ValueError:
        raise Refused(400, "the query is not in UTF-8, or has too many fields") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        _add(found, name, value, route.query.get(name), route.query)
    for name, shape in route.query.items():
        given = found.get(name, [] if "minItems" in shape else None)
        if given is not None and (said := shapes.wrong(shape, given, name)):
            raise Refused(400, said)
    return found


def _add(
    found: dict[str, Any], name: str, text: str, shape: Shape | None, known: Mapping[str, Shape]
) -> None:
    if shape is None:
        names = ", ".join(known) or "none"
        raise Refused(400, f"there is no parameter {shown(name)}; there are {names}")
    if shape["type"] == "array":
        found.setdefault(name, []).append(text)
    elif name in found:
        raise Refused(400, f"{name} is there twice")
    else:
        found[name] = _value(text, shape["type"])


def _value(text: str, type: str) -> Any:
    """What it says; a text that says none of this type stays what it is, and is refused."""
    if type == "integer" and re.fullmatch("-?[0-9]{1,9}", text, re.ASCII):
        return int(text)
    if type == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


async def body_of(route: Route, headers: Headers, receive: Receive) -> dict[str, Any]:
    """The fields in the body; none if there is no body.

    Raises:
        Refused: it is too large, does not come, or is not what it must be.
    """
    data = await _read(headers, receive)
    if not data.strip():
        return _checked(route, {})
    if headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise Refused(415, f"a body must be {JSON}, and say so in Content-Type")
    try:
        value = strict.loads(data)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is no JSON") from None
    return _checked(route, value)


def _checked(route: Route, value: Any) -> dict[str, Any]:
    if said := shapes.wrong(route.body or shapes.NO_FIELDS, value, "the body"):
        raise Refused(400, said)
    found: dict[str, Any] = value
    return found


async def _read(headers: Headers, receive: Receive) -> bytes:
    length = headers.get("content-length", "0")
    if length.isdigit() and len(length) < 19 and int(length) > LARGEST:
        raise _too_large()
    data = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "the body has not come to its end")
                data += message.get("body", b"")
                if len(data) > LARGEST:
                    raise _too_large()
                if not message.get("more_body"):
                    return bytes(data)
    except TimeoutError:
        text = f"the body has not come within {PATIENCE:g} s"
        raise Refused(408, text, headers={"connection": "close"}) from None


def _too_large() -> Refused:
    text = f"a body has {LARGEST // 1024} KiB at most"
    return Refused(413, text, headers={"connection": "close"})
