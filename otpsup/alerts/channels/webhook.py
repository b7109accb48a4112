"""An HTTP POST of JSON, by Python's own library; by a proxy where the usual variables name one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from base64 import b64encode
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from ...version import __version__
from ..courier import NotDelivered, Refused
from ..message import Message
from ..secrets import Opened
from .base import Sender, trusting

_LATER = (408, 425, 429)
"""Of the answers from 400 to 499, those that are about the time and not about the message."""
_MOST = 200
"""Bytes of an answer that are told."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """An address that has moved is told, and not followed: a POST would become a GET."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Nowhere."""


class WebhookChannel(Sender):
    """See `specs.channels.Webhook`."""

    def _send(self, message: Message, opened: Opened) -> None:
        url, login = _without_user(self._url(opened), opened)
        request = urllib.request.Request(
            url,
            json.dumps(dict(message.payload)).encode(),
            {**login, **self._headers(message, opened)},
            method="POST",
        )
        try:
            with self._opener(url).open(request, timeout=self.settings.timeout) as answer:
                answer.read(_MOST)
        except urllib.error.HTTPError as error:
            with error:
                raise _no(error.code, error.read(_MOST).decode(errors="replace")) from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, Exception):
                raise error.reason from None
            raise

    def _url(self, opened: Opened) -> str:
        settings = self.settings
        if settings.url is not None:
            url: str = settings.url
            return url
        found = opened.text("the address", settings.url_file, settings.url_env).strip()
        if not found.startswith(("http://", "https://")):
            raise NotDelivered("what should be its address is no http or https address")
        return opened.address(found)

    def _headers(self, message: Message, opened: Opened) -> dict[str, str]:
        secret = {
            name: opened.text(f"header {name}", path, None).strip()
            for name, path in self.settings.secret_headers.items()
        }
        return {
            "Content-Type": "application/json",
            "User-Agent": f"otpsup/{__version__}",
            "Idempotency-Key": f'"{message.id}"',
            **self.settings.headers,
            **secret,
        }

    def _opener(self, url: str) -> urllib.request.OpenerDirector:
        if not url.startswith("https:"):  # to read all certificates takes a while
            return urllib.request.build_opener(_Stay())
        context = trusting(self.settings.ca_file)
        return urllib.request.build_opener(_Stay(), urllib.request.HTTPSHandler(context=context))


def _without_user(url: str, opened: Opened) -> tuple[str, dict[str, str]]:
    """The address, and a header for the user and the password in it (RFC 7617)."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    token = opened.made(b64encode(unquote(user).encode()).decode())
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {token}"}


def _no(code: int, text: str) -> NotDelivered:
    words = f"it answers {code}" + (f": {text.strip()}" if text.strip() else "")
    is_for_good = 400 <= code < 500 and code not in _LATER
    return Refused(words) if is_for_good else NotDelivered(words)
