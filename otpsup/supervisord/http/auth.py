"""Who may come in: basic authentication (RFC 7617), with a plain password or a `{SHA}` digest.

Pure. Compares in a time that does not depend on how much was right.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Literal

from ..conf.model import HttpServer

Verdict = Literal["welcome", "unknown", "malformed"]
_SHA = "{SHA}"


def verdict(server: HttpServer, header: str | None) -> Verdict:
    """What to do with a request that has this `Authorization` header."""
    if not server.username:
        return "welcome"
    scheme, _, given = (header or "").partition(" ")
    if scheme.lower() != "basic" or not given:
        return "unknown"
    try:
        decoded = base64.b64decode(given.strip(), validate=False).decode()
    except (binascii.Error, ValueError):
        return "malformed"
    name, _, password = decoded.partition(":")
    is_named = _are_same(name, server.username)
    return "welcome" if _is_password(password, server.password or "") and is_named else "unknown"


def _is_password(given: str, stored: str) -> bool:
    if stored.startswith(_SHA):
        digest = hashlib.sha1(given.encode(), usedforsecurity=False).hexdigest()
        return _are_same(digest, stored.removeprefix(_SHA))
    return _are_same(given, stored)


def _are_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
