"""Building, publishing and installing releases."""

from __future__ import annotations

import hashlib
import io
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from examples.fastblog.data_dir import DataDir
from examples.fastblog.install import BadArchive, clean_up, current_version, unpack
from examples.fastblog.releases import build, first_start, manifest, parse_manifest, precedence
from examples.fastblog.tree import SOURCE_ROOT


def names(archive: bytes) -> set[str]:
    return set(zipfile.ZipFile(io.BytesIO(archive)).namelist())


def archive_of(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


GOOD = {"VERSION": b"2.0.0\n", "blog/app.py": b"def create(): ...\n"}


def test_a_release_is_self_contained(data: DataDir) -> None:
    """The archive holds the version, the code, the templates and the style; no caches."""
    files = names(build("1.0.0"))
    assert {"VERSION", "blog/app.py", "blog/templates/base.html", "blog/static/style.css"} <= files
    assert not any("__pycache__" in name for name in files)
    assert (data.current / "VERSION").read_text() == "1.0.0\n"


def test_the_same_source_gives_the_same_bytes() -> None:
    """A build depends on source and version alone; a new version is another archive."""
    assert build("1.0.0") == build("1.0.0")
    assert build("1.0.0") != build("1.1.0")


def test_a_change_is_in_its_version_and_all_later_ones() -> None:
    """The reading time is in 1.1.0 and 1.10.0, not in 1.0.0 or 1.0.9."""
    has = {}
    for version in ("1.0.0", "1.0.9", "1.1.0", "1.10.0"):
        archive = zipfile.ZipFile(io.BytesIO(build(version)))
        has[version] = b"min read" in archive.read("blog/templates/_meta.html")
    assert has == {"1.0.0": False, "1.0.9": False, "1.1.0": True, "1.10.0": True}


def test_first_start_is_repeatable(data: DataDir) -> None:
    """A second first start changes nothing; one cut off before the link is made good."""
    before = manifest(data)
    first_start(data)
    assert (manifest(data), current_version(data)) == (before, "1.0.0")
    data.current.unlink()
    first_start(data)
    assert current_version(data) == "1.0.0"


def test_publish_from_the_command_line(data: DataDir) -> None:
    """`releases publish` offers a version; a bad version is one line that says what is expected."""
    command = [sys.executable, "-m", "examples.fastblog.releases", "--data", str(data.root)]
    done = subprocess.run(
        [*command, "publish", "1.2.0", "--broken"], cwd=SOURCE_ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    newest = manifest(data)[-1]
    archive = (data.published / newest.file).read_bytes()
    assert newest.version == "1.2.0"
    assert hashlib.sha256(archive).hexdigest() == newest.sha256
    assert b"raise" in zipfile.ZipFile(io.BytesIO(archive)).read("blog/app.py")
    refused = subprocess.run(
        [*command, "publish", "1.2"], cwd=SOURCE_ROOT, capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "expected three numbers such as 1.2.0, got '1.2'" in refused.stderr


@pytest.mark.parametrize("bad", ["1.2", "1.2.x", "v1.2.3", "1.2.3\n", "../1.2.3", "1.-2.3"])
def test_versions_that_are_none(bad: str) -> None:
    """A version becomes a folder name, so only three plain numbers pass."""
    with pytest.raises(ValueError, match="three numbers"):
        precedence(bad)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "../1.0.0"},
        {"file": "../manifest.zip"},
        {"file": "release.tar"},
        {"sha256": "abc"},
        {"size": 0},
        {"size": "12"},
        {"signature": "?"},
    ],
)
def test_a_manifest_is_not_believed(change: dict[str, object]) -> None:
    """A manifest entry with a field out of shape is refused as a whole."""
    entry = {"version": "1.0.0", "file": "a.zip", "sha256": "0" * 64, "size": 1}
    assert parse_manifest([entry])
    with pytest.raises(ValueError, match=r"."):
        parse_manifest([{**entry, **change}])


def test_unpack_replaces_what_is_not_served(data: DataDir, tmp_path: Path) -> None:
    """A leftover of the same version, whole or partial, is not mixed with the new files."""
    for leftover in ("2.0.0", "2.0.0.partial"):
        (data.releases / leftover).mkdir()
        (data.releases / leftover / "old.txt").touch()
    unpack(archive_of(tmp_path / "a.zip", GOOD), data, "2.0.0")
    found = {
        p.relative_to(data.releases / "2.0.0").as_posix()
        for p in (data.releases / "2.0.0").rglob("*")
        if p.is_file()
    }
    assert found == set(GOOD)
    assert not (data.releases / "2.0.0.partial").exists()


def test_clean_up_keeps_what_it_is_told(data: DataDir) -> None:
    """Releases that are not in `keep`, and half ones, are gone."""
    (data.releases / "0.9.0").mkdir()
    (data.releases / "1.1.0.partial").mkdir()
    clean_up(data, keep={"1.0.0", "1.1.0"})
    assert [path.name for path in data.releases.iterdir()] == ["1.0.0"]


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "blog/../../evil.py", "..\\evil.py"])
def test_path_traversal(data: DataDir, tmp_path: Path, name: str) -> None:
    """An entry that leads out of the release folder: nothing at all is unpacked."""
    bad = archive_of(tmp_path / "a.zip", {**GOOD, name: b"boom"})
    with pytest.raises(BadArchive, match="leads out of the release folder"):
        unpack(bad, data, "2.0.0")
    assert [path.name for path in data.releases.iterdir()] == ["1.0.0"]
    assert not list(tmp_path.rglob("evil.py"))


def test_symbolic_links(data: DataDir, tmp_path: Path) -> None:
    """A link in an archive could lead anywhere: refused."""
    link = zipfile.ZipInfo("blog/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    bad = archive_of(tmp_path / "a.zip", GOOD)
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadArchive, match="is a symbolic link"):
        unpack(bad, data, "2.0.0")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"VERSION": b"2.0.0"}, "blog/app.py is missing"),
        ({"blog/app.py": b""}, "VERSION is missing"),
        ({**GOOD, "VERSION": b"1.9.9"}, "holds version 1.9.9, expected 2.0.0"),
        ({**GOOD, "zeros": bytes(64 * 1024 * 1024)}, "at most"),
    ],
)
def test_not_the_release_it_claims(
    data: DataDir, tmp_path: Path, files: dict[str, bytes], reason: str
) -> None:
    """An archive that is incomplete, mislabelled or far too large is refused with the reason."""
    with pytest.raises(BadArchive, match=reason):
        unpack(archive_of(tmp_path / "a.zip", files), data, "2.0.0")


def test_damaged_archives(data: DataDir, tmp_path: Path) -> None:
    """Flipped bits and cut-off files are noticed before anything is unpacked."""
    good = archive_of(tmp_path / "a.zip", GOOD).read_bytes()
    place = good.index(b"def create")
    flipped = good[:place] + b"x" + good[place + 1 :]
    for bytes_, reason in ((flipped, "'blog/app.py' is damaged"), (good[:40], "no zip archive")):
        (tmp_path / "b.zip").write_bytes(bytes_)
        with pytest.raises(BadArchive, match=reason):
            unpack(tmp_path / "b.zip", data, "2.0.0")
    assert [path.name for path in data.releases.iterdir()] == ["1.0.0"]
