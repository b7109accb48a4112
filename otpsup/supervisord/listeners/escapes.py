"""Terminal escapes taken out of what processes write (`strip_ansi`)."""

from __future__ import annotations

import re

_BEGIN = b"\x1b"
_ENDS = b"HfABCDRsuJKhlpm"
_ESCAPE = re.compile(rb"\x1b\[[^%b]*(?:[%b]|\Z)|\x1b\Z" % (_ENDS, _ENDS))
"""As supervisord sees them: from the bracket to one of these letters, or to the end of the text."""
_CUT = re.compile(rb"\x1b(?:\[[0-?]{,62})?")
"""What may go on in the next chunk; no real escape is longer."""


class Escapes:
    """Strips one stream. An escape that is cut in two is still one, which it is not in
    supervisord."""

    def __init__(self) -> None:
        self._held = b""

    def strip(self, data: bytes) -> bytes:
        """The data without escapes; what may be the beginning of one at its end waits."""
        data, self._held = self._held + data, b""
        return _ESCAPE.sub(self._removed, data)

    def _removed(self, escape: re.Match[bytes]) -> bytes:
        if _CUT.fullmatch(escape[0]):
            self._held = escape[0]
        return b""

    def rest(self) -> bytes:
        """What waited, if it was no escape: the stream is over."""
        held, self._held = self._held, b""
        return held if held == _BEGIN else b""
