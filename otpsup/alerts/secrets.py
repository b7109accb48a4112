"""Secrets of a channel: read for one delivery, and kept out of what is told of it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .. import mask
from ..plain import plain
from ..runtime import env_files
from .courier import NotDelivered

_PARTS = re.compile(r"[/?&=;:@,#]")


class Opened:
    """The secrets that were read for one delivery."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def text(self, what: str, file: Path | None, variable: str | None) -> str:
        """A secret from a file or from a variable.

        Raises:
            NotDelivered: it is not there.
        """
        value = self._from_file(what, file) if file else self._from_variable(what, variable or "")
        self._values.add(value)
        return value

    def _from_file(self, what: str, file: Path) -> str:
        try:
            return env_files.secret(what, file)
        except env_files.Unusable as error:
            raise NotDelivered(str(error)) from None

    def _from_variable(self, what: str, name: str) -> str:
        value = os.environ.get(name, "")
        if not value:
            raise NotDelivered(f"the variable {name} for {what} is not set")
        return value

    def address(self, url: str) -> str:
        """An address that is a secret, as are its parts: of a chat's webhook it is the path."""
        parts = urlsplit(url)
        words = _PARTS.split(f"{parts.path}?{parts.query}#{parts.fragment}")
        words += [parts.username or "", parts.password or ""]
        if "@" in parts.netloc or parts.scheme not in ("http", "https"):
            words += _PARTS.split(parts.netloc)
        long = {word for word in words if len(word) >= mask.SHORTEST}
        self._values |= {url, *long, *map(unquote, long)}
        return url

    def made(self, value: str) -> str:
        """What was made of a secret, and tells it as well."""
        self._values.add(value)
        return value

    def hide(self, words: str) -> str:
        """The words, on one line, without any of them."""
        return plain(mask.Secrets({}, always=tuple(self._values)).hide(words))[:500]
