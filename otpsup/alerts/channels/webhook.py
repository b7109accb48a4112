"""An HTTP POST of JSON, by Python's own library; by a proxy where the usual variables name one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

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
        request = urllib.request.Request(
            self._url(opened),
            json.dumps(dict(message.payload)).encode(),
            self._headers(message, opened),
            method="POST",
        )
        try:
            with self._opener().open(request, timeout=self.settings.timeout) as answer:
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

    def _opener(self) -> urllib.request.OpenerDirector:
        context = trusting(self.settings.ca_file)
        return urllib.request.build_opener(_Stay(), urllib.request.HTTPSHandler(context=context))


def _no(code: int, text: str) -> NotDelivered:
    words = f"it answers {code}" + (f": {text.strip()}" if text.strip() else "")
    is_for_good = 400 <= code < 500 and code not in _LATER
    return Refused(words) if is_for_good else NotDelivered(words)
