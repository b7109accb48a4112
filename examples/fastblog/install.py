"""Installed releases: one folder per version, and a link that says which one is served.

Decides: what a release archive may contain, and when a folder counts as installed (its name has
no `.partial`, which it loses only when every byte is on the disk).
Must not know: where an archive came from, or whether a release works.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Container
from pathlib import Path, PurePosixPath

from examples.fastblog.data_dir import DataDir, replace_link, sync_dir

PARTIAL = ".partial"
LARGEST = 64 * 1024 * 1024
REQUIRED = ("VERSION", "blog/app.py")


class BadArchive(Exception):
    """A release archive that must not be unpacked: which one, and what is wrong with it."""


def current_version(data: DataDir) -> str | None:
    """The version `current` points at; None before the first installation."""
    try:
        return data.current.readlink().name
    except FileNotFoundError:
        return None


def is_installed(data: DataDir, version: str) -> bool:
    """Whether the release is there as a whole."""
    return (data.releases / version / "VERSION").is_file()


def point_to(data: DataDir, version: str) -> None:
    """Make `version` the one that is served from the next start of main_app on."""
    replace_link(data.current, f"releases/{version}")


def unpack(archive: Path, data: DataDir, version: str) -> None:
    """Install the archive as `version`, beside the others.

    A folder of that name is replaced: what is not served is left over from an attempt that ended
    early, and the archive may have been published anew since.

    Raises:
        BadArchive: the archive is damaged, dangerous, or not the release it claims to be.
    """
    assert version != current_version(data), f"{version} is being served"
    partial = data.releases / (version + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    with _open(archive) as release:
        _check(release, archive.name, version)
        release.extractall(partial)
    _sync_tree(partial)
    shutil.rmtree(data.releases / version, ignore_errors=True)
    partial.replace(data.releases / version)
    sync_dir(data.releases)


def clean_up(data: DataDir, keep: Container[str | None]) -> None:
    """Remove every installed or half-installed release that is not in `keep`."""
    for folder in data.releases.iterdir():
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)


def _open(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except zipfile.BadZipFile as error:
        raise BadArchive(f"{archive.name} is no zip archive: {error}") from None


def _check(release: zipfile.ZipFile, name: str, version: str) -> None:
    for entry in release.infolist():
        if problem := _problem(entry):
            raise BadArchive(f"{name}: entry {entry.filename!r} {problem}; nothing was unpacked")
    if (size := sum(entry.file_size for entry in release.infolist())) > LARGEST:
        raise BadArchive(f"{name} unpacks to {size} bytes; at most {LARGEST} are allowed")
    if damaged := _damaged(release):
        raise BadArchive(f"{name}: entry {damaged!r} is damaged")
    if missing := set(REQUIRED) - set(release.namelist()):
        raise BadArchive(f"{name} is no FastBlog release: {min(missing)} is missing")
    if (found := release.read("VERSION").decode(errors="replace").strip()) != version:
        raise BadArchive(f"{name} holds version {found}, expected {version}")


def _problem(entry: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
        return "leads out of the release folder"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a symbolic link"
    return None


def _damaged(release: zipfile.ZipFile) -> str | None:
    try:
        return release.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        return str(error)


def _sync_tree(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        sync_dir(path)
