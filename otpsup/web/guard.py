"""Who asks: by a bearer token, a session, or the credentials of who holds the other end of a unix
socket. Decides what comes with every answer, too.
"""

from __future__ import annotations

import hmac
import math
import os
from collections.abc import Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

from starlette.datastructures import Headers

from ..logger import logger
from ..plain import plain
from ..serving.asgi import Scope, Send
from .access import NOBODY, Access, Caller
from .problems import Refused
from .sessions import LONGEST, Sessions, Throttle
from .tokens import Known, hashed

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PICTURE: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""For a drawing, which has its style in it."""
_ALWAYS: Final = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Guard:
    """Used on one loop.

    Args:
        access: what is asked of every request.
        known: who has which token, now.
        cookie: name of the session's. Cookies know no ports: each server has its own.
        trusts_peers: whether a user of this machine on a unix socket needs no token.
    """

    def __init__(
        self, access: Access, known: Callable[[], Known], cookie: str, *, trusts_peers: bool
    ) -> None:
        self.access = access
        self._known = known
        self._cookie = cookie
        self._trusts_peers = trusts_peers
        self._sessions = Sessions()
        self._throttle = Throttle()

    def caller(self, scope: Scope, headers: Headers) -> Caller:
        """Who asks; `NOBODY` for who has shown nothing.

        Raises:
            Refused: the request is for another server, or from another site, or shows a token that
                nobody has.
        """
        refused = self.access.refusal(headers.get("host"), headers.get("origin"))
        if refused is not None:
            raise Refused(*refused)
        authorization = headers.get("authorization")
        if authorization is not None:
            return self._by_token(_bearer(authorization), address_of(scope))[0]
        return self._by_session(headers) or self._by_peer(scope, headers) or NOBODY

    def _by_token(self, token: str, address: str) -> tuple[Caller, str]:
        hash = hashed(token)
        if wait := self._throttle.wait(address, hash):
            raise Refused(
                429, f"too many wrong tokens from {plain(address)}; wait {math.ceil(wait)} s",
                headers={"retry-after": str(math.ceil(wait))},
            )  # fmt: skip
        found = self._known().get(hash)
        if found is None:
            self._throttle.failed(address)
            logger.warning("web: a wrong token from {}", plain(address))
            raise Refused(401, "nobody has this token", headers={"www-authenticate": "Bearer"})
        self._throttle.succeeded(address, hash)
        return found, hash

    def _by_session(self, headers: Headers) -> Caller | None:
        found = self._sessions.find(_cookie_of(headers, self._cookie))
        if found is None:
            return None
        caller, token = found
        if token not in self._known():  # it was taken back
            self._sessions.end(caller.session)
            return None
        return caller

    def _by_peer(self, scope: Scope, headers: Headers) -> Caller | None:
        """Not if the peer asks for somebody else: then it is a proxy."""
        uid = extension(scope, "peer")
        if not self._trusts_peers or uid not in (0, os.geteuid()):
            return None
        if any(name in headers for name in _FORWARDED):
            return None
        return Caller("admin", f"uid {uid}")

    def still(self, caller: Caller) -> bool:
        """Whether this caller would be let in now, with the same role."""
        if caller.session is not None:
            found = self._sessions.find(caller.session)
            return found is not None and found[1] in self._known()
        return True

    def log_in(self, scope: Scope, headers: Headers, token: str) -> tuple[Caller, str]:
        """Begin a session; returns it and its cookie.

        Raises:
            Refused: nobody has this token.
        """
        caller, hash = self._by_token(token, address_of(scope))
        begun = self._sessions.begin(caller, hash)
        logger.info("web: {} has logged in, with the role {}", begun.name, begun.role)
        return begun, self._set_cookie(scope, headers, begun.session or "", LONGEST)

    def log_out(self, scope: Scope, headers: Headers, caller: Caller) -> str:
        """End the session; returns what takes the cookie away."""
        self._sessions.end(caller.session)
        return self._set_cookie(scope, headers, "", 0)

    def _set_cookie(self, scope: Scope, headers: Headers, value: str, age: float) -> str:
        is_tls = scope.get("scheme") == "https" or headers.get("x-forwarded-proto") == "https"
        path = scope.get("root_path", "") or "/"
        secure = "; Secure" if is_tls else ""
        return (
            f"{self._cookie}={value}; Path={path}; Max-Age={age:.0f}; HttpOnly; SameSite=Strict"
            f"{secure}"
        )

    def check_csrf(self, caller: Caller, headers: Headers) -> None:
        """Of a request that changes something.

        Raises:
            Refused: it may come from another page than ours.
        """
        given = headers.get("x-csrf-token", "")
        if caller.csrf is not None and not hmac.compare_digest(
            given.encode(), caller.csrf.encode()
        ):
            raise Refused(
                403, "a session has to send its X-CSRF-Token, as /api/v1/session tells it"
            )


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _cookie_of(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def extension(scope: Scope, name: str) -> Any:
    """What our own server tells of the connection, see `serving.server`."""
    return (scope.get("extensions") or {}).get("otpsup", {}).get(name)


def address_of(scope: Scope) -> str:
    """Of who asks."""
    client = scope.get("client")
    return str(client[0]) if client and client[0] else "a unix socket"


def with_headers(send: Send) -> Send:
    """What sends answers, with what comes with each of them unless it says otherwise."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*_completed(message.get("headers", ()))]
        await send(message)

    return sent


def _completed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    known = {key.lower() for key, _ in given}
    more = [(k.encode(), v.encode()) for k, v in _ALWAYS.items() if k.encode() not in known]
    return [*given, *more]
