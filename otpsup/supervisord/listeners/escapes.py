"""Terminal escapes taken out of what processes write (`strip_ansi`)."""

from __future__ import annotations

import re

_ENDS = rb"HfABCDRsuJKhlpm"
_ESCAPE = re.compile(rb"\x1b\[[^" + _ENDS + rb"]*(?:[" + _ENDS + rb"]|\Z)")
"""As supervisord sees them: from the bracket to one of these letters, or to the end of the text."""
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*)?\Z")
_LONGEST = 64
"""Bytes of an unfinished escape that are held back; no real one is longer."""


class Escapes:
    """Strips one stream. An escape that is cut in two is still one, which it is not in
    supervisord."""

    def __init__(self) -> None:
        self._held = b""

    def strip(self, data: bytes) -> bytes:
        """The data without escapes; what may be the beginning of one at its end waits."""
        data, self._held = self._held + data, b""
        unfinished = _UNFINISHED.search(data, max(0, len(data) - _LONGEST))
        if unfinished:
            data, self._held = data[: unfinished.start()], unfinished[0]
        return _ESCAPE.sub(b"", data)

    def rest(self) -> bytes:
        """What waited, if it was no escape: the stream is over."""
        held, self._held = self._held, b""
        return _ESCAPE.sub(b"", held)
