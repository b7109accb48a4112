"""Who may ask for what: by the Host and Origin headers, and by roles. Pure.

A page in a browser can have any name lead to 127.0.0.1 ("DNS rebinding"), but its requests then
say that name in the Host header (RFC 9110, section 7.2); and whatever a page of another site makes
a browser send says so in its Origin header (RFC 6454, section 7).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Set
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from attrs import field, frozen

Role = Literal["view", "operate", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
"""Each may what those before it may."""

Way = Literal["token_file", "login", "mounted", "unix_user"]
"""By what one is let in: a token of the file of tokens, as `otpsup web token` makes them; the one
that the server has made for the user of the tree, as `otpsup web login` tells it with the server's
address; the same of an application that it is mounted in, whose address is not known; that user's
own connection to a unix socket, without any."""
WAYS: Final[tuple[Way, ...]] = get_args(Way)


def may(role: Role | None, needed: Role | None) -> bool:
    """Whether somebody of this role may do what takes that one; None takes none."""
    return needed is None or (role is not None and ROLES.index(role) >= ROLES.index(needed))


@frozen
class Caller:
    """Who asks.

    Attributes:
        role: None for who has shown nothing.
        name: of the token; for whoever holds the other end of a unix socket, `uid 1000`.
        csrf: what has to come with a request that changes something; None if nothing has to,
            because no browser would send such a request by itself.
        session: the id of the session, if it is one.
        token: the hash of the token that was shown, now or when the session was begun.
    """

    role: Role | None = None
    name: str = ""
    csrf: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


NOBODY: Final = Caller()


@frozen
class Access:
    """What is asked of every request.

    Attributes:
        only_here: it has to be meant for this machine, by its name or loopback address, or for one
            of `hosts`.
        hosts: names that this server has for others.
        is_open: whether pages of plug-ins are for everybody who can reach the server.
        way: by what one is let in.
    """

    only_here: bool = False
    hosts: Set[str] = frozenset()
    is_open: bool = True
    way: Way = "login"

    def refusal(self, host: str | None, origin: str | None) -> tuple[int, str] | None:
        """The status and words for a request that is refused; None if it is not."""
        is_known = name_of(host) in self.hosts
        if self.only_here and not is_known and not is_here(host):
            return 421, (
                "this server is for requests to localhost only, by its Host header; others are "
                "named in `hosts`"
            )
        if not self.only_here and self.hosts and not is_known and not is_here(host):
            return 421, "this server has another name than the Host header says; see `hosts`"
        if origin is not None and not _is_same(origin, host):
            return 403, "this request comes from a page of another site, by its Origin header"
        return None


def name_of(host: str | None) -> str:
    """The name in a Host header, without the port."""
    name = (host or "").strip()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    return name.lower().rstrip(".")


def is_here(host: str | None) -> bool:
    """Whether a Host header names this machine."""
    name = name_of(host)
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


_PORTS = {"http": ":80", "https": ":443"}


def _is_same(origin: str, host: str | None) -> bool:
    """Whether a page of this origin is one of the server that the Host header names."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    usual = _PORTS.get(parts.scheme, "")
    ours = (host or "").strip().lower().removesuffix(usual)
    return bool(usual and ours) and parts.netloc.lower().removesuffix(usual) == ours
