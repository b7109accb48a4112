"""Getting releases from the update server: what is on offer, and its bytes.

Decides: whether what lies in the downloads folder can be continued, and whether it is what the
manifest promised.
Must not know: what is inside an archive, or what happens to it next.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.request import ProxyHandler, Request, build_opener

from examples.fastblog.releases import Release, parse_manifest

TIMEOUT = 10.0
CHUNK = 65536
Progress = Callable[[int], None]


class DownloadFailed(Exception):
    """The update server could not be asked, or its answer is not what it should be."""


def newest(server: str) -> Release | None:
    """The newest release on offer at `server` (a URL without a path), or None.

    Raises:
        DownloadFailed: no answer, or no manifest.
    """
    url = f"{server}/api/v1/releases"
    try:
        releases = parse_manifest(get_json(url))
    except ValueError as error:
        raise DownloadFailed(f"{url}: {error}") from None
    return releases[-1] if releases else None


def get_json(url: str) -> Any:
    """What the URL answers.

    Raises:
        DownloadFailed: no answer, or not JSON.
    """
    try:
        with _open(url) as answer:
            return json.load(answer)
    except (ValueError, OSError, HTTPException) as error:
        raise DownloadFailed(f"{url}: {error}") from None


def fetch(server: str, release: Release, folder: Path, progress: Progress) -> Path:
    """Download the archive of a release into `folder`; `progress` is told percent.

    What an earlier attempt left is continued, and begun anew if it turns out to be wrong.

    Raises:
        DownloadFailed: no answer, or other bytes than the manifest promised.
    """
    archive = folder / release.file
    _forget_others(folder, archive)
    continued = archive.exists()
    try:
        return _fetch(server, release, archive, progress)
    except DownloadFailed:
        if archive.exists() or not continued:
            raise
        return _fetch(server, release, archive, progress)


def _fetch(server: str, release: Release, archive: Path, progress: Progress) -> Path:
    if _size(archive) < release.size:
        _receive(f"{server}/releases/{release.file}", release, archive, progress)
    if (size := _size(archive)) < release.size:
        raise DownloadFailed(
            f"{release.file}: the server hung up after {size} of {release.size} bytes;"
            " the next update continues there"
        )
    if problem := _problem(archive, release):
        archive.unlink()
        raise DownloadFailed(f"{release.file}: {problem}; deleted, the next update begins anew")
    return archive


def _receive(url: str, release: Release, archive: Path, progress: Progress) -> None:
    have = _size(archive)
    with (
        _open(url, {"Range": f"bytes={have}-"} if have else {}) as answer,
        archive.open("ab" if answer.status == 206 else "wb") as file,
    ):
        _copy(answer, file, release.size, progress)


def _copy(answer: IO[bytes], file: IO[bytes], size: int, progress: Progress) -> None:
    """Copy to the end, or to one chunk more than promised: no server may fill the disk."""
    try:
        while file.tell() <= size and (chunk := answer.read(CHUNK)):
            file.write(chunk)
            progress(100 * file.tell() // size)
    except HTTPException:
        pass  # it hung up in the middle; the size will tell


def _problem(archive: Path, release: Release) -> str | None:
    if (size := _size(archive)) > release.size:
        return f"{size} bytes arrived, {release.size} were promised"
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != release.sha256:
        return f"its SHA-256 is {digest}, the manifest says {release.sha256}"
    return None


def _size(archive: Path) -> int:
    return archive.stat().st_size if archive.exists() else 0


def _forget_others(folder: Path, archive: Path) -> None:
    for path in folder.iterdir():
        if path != archive:
            path.unlink()


def _open(url: str, headers: dict[str, str] | None = None) -> HTTPResponse:
    # No proxy, whatever the environment says: the server is on this machine.
    opener = build_opener(ProxyHandler({}))
    try:
        answer: HTTPResponse = opener.open(Request(url, headers=headers or {}), timeout=TIMEOUT)
    except (OSError, HTTPException) as error:
        raise DownloadFailed(f"{url}: {error}") from None
    return answer
