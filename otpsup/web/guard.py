"""Who asks: by a bearer token, a session, or the credentials of who holds the other end of a unix
socket. Decides what comes with every answer, too.
"""

from __future__ import annotations

import hmac
import math
import os
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Final

from attrs import evolve
from starlette.datastructures import Headers

from ..logger import logger
from ..plain import plain
from ..serving.asgi import Scope, Send
from ..serving.sockets import CannotServe
from .access import NOBODY, Access, Caller, Role, may
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
_FORWARDED: Final = ("forwarded", "x-forwarded-", "x-real-ip", "via", "authorization")
"""How headers begin that tell of a proxy, or of a password for one."""


class Guard:
    """Used on one loop.

    Args:
        access: what is asked of every request.
        known: who has which token, now; may raise `CannotServe`.
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
                nobody has; or who has which cannot be said now.
        """
        refused = self.access.refusal(headers.get("host"), headers.get("origin"))
        if refused is not None:
            raise Refused(*refused)
        token = _bearer(headers.get("authorization", ""))
        if token is not None:
            return self._by_token(token, address_of(scope))
        return self._by_session(headers) or self._by_peer(scope, headers) or NOBODY

    def still(self, caller: Caller) -> bool:
        """Whether this one, as `caller` has told who it is, would be let in now and be of that role
        at least: its token is known, and its session has not ended. False while nobody can say.

        For what goes on after it was asked for. Costs a `stat` of the file of tokens.
        """
        if caller.token is None:
            return True
        if caller.session is not None and self._sessions.find(caller.session) is None:
            return False
        try:
            now = self._now(caller.token)
        except Refused:
            return False
        return now is not None and may(now.role, caller.role)

    def _now(self, hash: str) -> Caller | None:
        """Who has the token of this hash."""
        try:
            found = self._known().get(hash)
        except CannotServe:
            raise Refused(
                503, "nobody can log in now: the server's file of tokens cannot be used; its log "
                "says why",
                headers={"retry-after": "5"},
            ) from None  # fmt: skip
        return evolve(found, token=hash) if found else None

    def _by_token(self, token: str, address: str) -> Caller:
        hash = hashed(token)
        if wait := self._throttle.wait(address, hash):
            raise Refused(
                429, f"too many wrong tokens from {plain(address)}; wait {math.ceil(wait)} s",
                headers={"retry-after": str(math.ceil(wait))},
            )  # fmt: skip
        found = self._now(hash)
        if found is None:
            self._throttle.failed(address, hash)
            logger.warning("web: a wrong token from {}", plain(address))
            raise Refused(401, "nobody has this token", headers={"www-authenticate": "Bearer"})
        self._throttle.succeeded(address, hash)
        return found

    def _by_session(self, headers: Headers) -> Caller | None:
        """With the role that its token has now. If that was taken back it opens nothing, but does
        not end: whoever edits the file may be half-way."""
        ids = _cookies(headers, self._cookie)
        found = next(filter(None, map(self._sessions.find, ids)), None)
        now = self._now(found.token) if found and found.token else None
        return evolve(now, csrf=found.csrf, session=found.session) if found and now else None

    def _by_peer(self, scope: Scope, headers: Headers) -> Caller | None:
        """Not if the peer asks for somebody else: then it is a proxy."""
        uid = extension(scope, "peer")
        if not self._trusts_peers or uid not in (0, os.geteuid()):
            return None
        if any(name.startswith(_FORWARDED) for name in headers):
            return None
        return Caller("admin", f"uid {uid}")

    def log_in(self, scope: Scope, headers: Headers, token: str) -> tuple[Caller, str]:
        """Begin a session; returns it and its cookie.

        Raises:
            Refused: nobody has this token; or that cannot be said now.
        """
        begun = self._sessions.begin(self._by_token(token, address_of(scope)))
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


def require(caller: Caller, role: Role | None) -> None:
    """Have the caller be of that role.

    Raises:
        Refused: he is not.
    """
    if may(caller.role, role):
        return
    if caller.role is None:
        raise Refused(
            401, "this takes a token (in the header Authorization, after the word Bearer), or a "
            "session",
            headers={"www-authenticate": "Bearer"},
        )  # fmt: skip
    raise Refused(403, f"this takes the role {role}, and {caller.name} has {caller.role}")


def _bearer(authorization: str) -> str | None:
    """The token; None if there is a password for somebody else, or nothing."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _cookies(headers: Headers, name: str) -> list[str]:
    """The values of all cookies of that name. Those of other programs on this host come along, and
    may be anything but a `;` (RFC 6265, section 5.2): a parser that is strict would give up."""
    pairs = (each.partition("=") for each in ";".join(headers.getlist("cookie")).split(";"))
    return [value.strip() for key, _, value in pairs if key.strip() == name]


def extension(scope: Scope, name: str) -> Any:
    """What our own server tells of the connection, see `serving.server`."""
    return (scope.get("extensions") or {}).get("otpsup", {}).get(name)


def address_of(scope: Scope) -> str:
    """Of who asks; on a unix socket which user that is."""
    client = scope.get("client")
    if client and client[0]:
        return str(client[0])
    uid = extension(scope, "peer")
    return "a unix socket" if uid is None else f"uid {uid}"


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
