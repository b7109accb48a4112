"""The update server's HTTP interface, over a real uvicorn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import pytest

from examples.fastblog import journal
from examples.fastblog.data_dir import DataDir
from examples.fastblog.releases import build, publish


@pytest.fixture
def http(releases_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=releases_url, trust_env=False, timeout=60) as client:
        yield client


def test_versions_and_health(http: httpx.Client) -> None:
    """Every informational endpoint answers, and they agree on the installed version."""
    for part in ("", "/full", "/frontend", "/backend"):
        assert http.get(f"/api/v1/version{part}").json()["version"] == "1.0.0"
    full = http.get("/api/v1/version/full").json()
    assert full["frontend"] == http.get("/api/v1/version/frontend").json()
    assert full["backend"] == http.get("/api/v1/version/backend").json()
    health = http.get("/api/v1/health").json()
    uptime = health.pop("uptime")
    assert uptime >= 0
    assert health == {"status": "healthy", "service": "update-checker", "version": "1.0.0"}


def test_every_listed_endpoint_exists(http: httpx.Client, data: DataDir) -> None:
    """What `/` lists can be asked; /api/v1/config names the data folder that is served."""
    paths = http.get("/").json()["endpoints"]
    plain = [path for path in paths if "{" not in path]
    assert {http.get(path).status_code for path in plain} == {200}
    assert http.get("/api/v1/config").json()["data"] == str(data.root)


def test_update_status(http: httpx.Client, data: DataDir) -> None:
    """An update is available while there is a newer release or one on trial, and not after."""

    def status() -> tuple[str, str, bool]:
        answer = http.get("/api/v1/update/status").json()
        return answer["current"], answer["newest"], answer["available"]

    assert status() == ("1.0.0", "1.1.0", True)
    (data.releases / "1.1.0").mkdir()
    journal.switch(data, "1.1.0")
    assert status() == ("1.1.0", "1.1.0", True)
    journal.confirm(data)
    assert status() == ("1.1.0", "1.1.0", False)
    assert http.get("/api/v1/update/status").json()["last"]["phase"] == "verified"


def test_releases_and_their_files(http: httpx.Client) -> None:
    """The manifest lists versions in order, with the size and SHA-256 of the file served."""
    manifest = http.get("/api/v1/releases").json()
    assert [entry["version"] for entry in manifest] == ["1.0.0", "1.1.0"]
    for entry in manifest:
        archive = http.get(f"/releases/{entry['file']}").content
        assert len(archive) == entry["size"]
        assert hashlib.sha256(archive).hexdigest() == entry["sha256"]


def test_a_published_release_is_offered_at_once(http: httpx.Client, data: DataDir) -> None:
    """1.10.0 comes after 1.9.0, each is listed once, and the server need not be restarted."""
    for version in ("1.10.0", "1.9.0", "1.9.0"):
        publish(data, version, build(version))
    offered = [entry["version"] for entry in http.get("/api/v1/releases").json()]
    assert offered == ["1.0.0", "1.1.0", "1.9.0", "1.10.0"]


def test_part_of_a_file(http: httpx.Client) -> None:
    """A download can be continued: Range is honoured."""
    whole = http.get("/releases/fastblog-1.1.0.zip").content
    part = http.get("/releases/fastblog-1.1.0.zip", headers={"Range": "bytes=100-"})
    assert (part.status_code, part.content) == (206, whole[100:])


@pytest.mark.parametrize("name", ["manifest.json", "..%2Fupdate.json", "fastblog-9.9.9.zip"])
def test_nothing_but_releases_is_given_out(http: httpx.Client, name: str) -> None:
    """A file the manifest does not name is not served, even if it exists."""
    answer = http.get(f"/releases/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"]
