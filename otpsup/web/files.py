"""The files of the page, as they lie in this package."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from starlette.responses import Response

FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json",
    ".woff2": "font/woff2", ".png": "image/png", ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
}  # fmt: skip
_NAME = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*")


def file(path: str, tag: str | None) -> Response | None:
    """The file at a path of HTTP, `/` or `/static/...`; None if there is none.

    Args:
        tag: the ETag that who asks has (RFC 9110, section 13.1.2).
    """
    name = "index.html" if path == "/" else path.removeprefix("/static/")
    if path != "/" and not path.startswith("/static/"):
        return None
    type = _TYPES.get(Path(name).suffix)
    if type is None or not _NAME.fullmatch(name):
        return None
    try:
        data = (FOLDER / name).read_bytes()
    except OSError:
        return None
    found = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"etag": found, "cache-control": "no-cache", "content-type": type}
    return (
        Response(status_code=304, headers=headers) if tag == found else Response(data, 200, headers)
    )
