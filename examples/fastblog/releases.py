"""Releases: what one is made of, how it is built, and the manifest of those on offer.

Decides: the layout of a release archive (`VERSION`, and the application under `blog/`), and that
the same source and version give the same bytes.
Must not know: who downloads or installs it.

`blog/` is the application as of 1.0.0. Each folder in `changes/` is named after a version and
holds the files which that version added or replaced.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen
from attrs.validators import ge, instance_of, matches_re

from examples.fastblog.data_dir import DataDir, locked, replace_file
from examples.fastblog.install import current_version, point_to, unpack

SOURCE = Path(__file__).parent
FIRST = "1.0.0"
ON_OFFER = (FIRST, "1.1.0")
BROKEN = b'raise RuntimeError("this release was published with --broken")\n'
_VERSION = r"\d{1,9}\.\d{1,9}\.\d{1,9}"
_BUILT = (1980, 1, 1, 0, 0, 0)


@frozen
class Release:
    """One line of the manifest."""

    version: str = field(validator=matches_re(_VERSION))
    file: str = field(validator=matches_re(r"[\w.-]+\.zip"))
    sha256: str = field(validator=matches_re(r"[0-9a-f]{64}"))
    size: int = field(validator=[instance_of(int), ge(1)])


def precedence(version: str) -> tuple[int, ...]:
    """A key that sorts versions: 1.10.0 comes after 1.9.0.

    Raises:
        ValueError: it is not of the form 1.2.3.
    """
    if not re.fullmatch(_VERSION, version):
        raise ValueError(f"version: expected three numbers such as 1.2.0, got {version!r}")
    return tuple(int(part) for part in version.split("."))


def parse_manifest(entries: Any) -> list[Release]:
    """The manifest from its JSON form, oldest version first.

    Raises:
        ValueError: it is not a manifest.
    """
    try:
        releases = [Release(**entry) for entry in entries]
    except TypeError as error:
        raise ValueError(f"not a release manifest: {error}") from None
    return sorted(releases, key=lambda release: precedence(release.version))


def manifest(data: DataDir) -> list[Release]:
    """What is on offer, oldest version first."""
    path = data.published / "manifest.json"
    return parse_manifest(json.loads(path.read_bytes())) if path.exists() else []


def build(version: str, *, broken: bool = False) -> bytes:
    """The archive of a release. `broken` makes one that cannot start."""
    files = {"VERSION": f"{version}\n".encode(), **_application(version)}
    if broken:
        files["blog/app.py"] = BROKEN
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _BUILT), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def publish(data: DataDir, version: str, archive: bytes) -> Release:
    """Offer the archive as `version`, in place of what was offered under that number before."""
    name = f"fastblog-{version}.zip"
    release = Release(version, name, hashlib.sha256(archive).hexdigest(), len(archive))
    with locked(data.lock("publish")):
        replace_file(data.published / name, archive)
        others = [each for each in manifest(data) if each.version != version]
        entries = [asdict(each) for each in (*others, release)]
        replace_file(data.published / "manifest.json", json.dumps(entries, indent=2).encode())
    return release


def first_start(data: DataDir) -> None:
    """Make sure that something is installed and something is on offer."""
    data.create()
    offered = {release.version for release in manifest(data)}
    for version in ON_OFFER:
        if version not in offered:
            publish(data, version, build(version))
    if current_version(data) is None:
        unpack(data.published / f"fastblog-{FIRST}.zip", data, FIRST)
        point_to(data, FIRST)


def _application(version: str) -> dict[str, bytes]:
    changes = [path for path in (SOURCE / "changes").iterdir() if path.is_dir()]
    changes.sort(key=lambda path: precedence(path.name))
    files = _files(SOURCE / "blog")
    for change in changes:
        if precedence(change.name) <= precedence(version):
            files |= _files(change)
    return files


def _files(folder: Path) -> dict[str, bytes]:
    return {
        f"blog/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def main() -> None:
    """`python -m examples.fastblog.releases --data DIR publish 1.2.0 [--broken]`."""
    parser = argparse.ArgumentParser(prog="python -m examples.fastblog.releases")
    parser.add_argument("--data", default="fastblog-data", help="the data folder")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("publish", help="build a release from the source and offer it")
    verb.add_argument("version")
    verb.add_argument("--broken", action="store_true", help="one whose main_app cannot start")
    flags = parser.parse_args()
    try:
        precedence(flags.version)
    except ValueError as error:
        parser.error(str(error))
    data = DataDir(flags.data)
    data.create()
    release = publish(data, flags.version, build(flags.version, broken=flags.broken))
    print(f"published {release.version}: {data.published / release.file}, {release.size} bytes")


if __name__ == "__main__":
    main()
