"""Who may ask: by the Host header, where only this machine is meant, and by a token. Pure.

A page in a browser can have any name lead to 127.0.0.1 ("DNS rebinding"), but its requests then
say that name in the Host header (RFC 9110, section 7.2).
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import Final

from attrs import frozen

SHORTEST: Final = 16
"""Characters of a token."""


@frozen
class Access:
    """What is asked of a request.

    Attributes:
        only_here: it has to be meant for this machine by its name or loopback address.
        token: has to come with it; None if none has to.
    """

    only_here: bool = False
    token: str | None = None

    def refusal(self, host: str | None, authorization: str | None) -> tuple[int, str] | None:
        """The status and words for a request that is refused; None if it is not."""
        if self.only_here and not is_here(host):
            return 421, "this server is for requests to localhost only, by its Host header"
        if self.token is not None and not _is_token(authorization, self.token):
            return 401, "this takes `Authorization: Bearer TOKEN`, with the token in token_file"
        return None


def is_here(host: str | None) -> bool:
    """Whether a Host header names this machine."""
    name = (host or "").strip()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_token(authorization: str | None, token: str) -> bool:
    """Compares in a time that does not depend on how much was right."""
    scheme, _, given = (authorization or "").partition(" ")
    is_bearer = scheme.lower() == "bearer"
    return hmac.compare_digest(given.strip().encode(), token.encode()) and is_bearer
