"""Updates: the way there, and the way back."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.fastblog import journal
from examples.fastblog.data_dir import DataDir, locked
from examples.fastblog.install import current_version
from examples.fastblog.releases import build
from examples.fastblog.updater import UpdateFailed
from tests.examples.fastblog_parts import Served, Site, assert_tidy, installed, released


@pytest.fixture
def site(data: DataDir, releases_url: str) -> Site:
    return Site(data, releases_url)


def test_an_update(site: Site, tmp_path: Path) -> None:
    """The newest release is installed, on record and served; the one before is kept."""
    site.update()
    assert site.app.version() == current_version(site.data) == "1.1.0"
    assert installed(site.data) == released("1.1.0", tmp_path)
    assert (site.last().phase, site.last().previous) == ("verified", "1.0.0")
    assert site.reports[0] == "looking for a newer release"
    assert "downloading 1.1.0: 100 %" in site.reports
    assert site.reports[-1] == "updated to 1.1.0"
    assert_tidy(site.data, "1.0.0", "1.1.0")


def test_nothing_newer(site: Site) -> None:
    """An update with nothing to do says so, changes nothing and restarts nothing."""
    site.update()
    record = site.last()
    site.update()
    assert site.reports[-1] == "nothing newer than 1.1.0"
    assert site.last() == record


def test_two_updates_in_a_row(site: Site) -> None:
    """After a second update the release before the last is gone and the history has both."""
    site.update()
    site.publish("1.2.0")
    site.update()
    assert [line["version"] for line in site.last().history] == ["1.1.0", "1.2.0"]
    assert_tidy(site.data, "1.1.0", "1.2.0")


def test_a_release_that_does_not_start(site: Site) -> None:
    """It is rolled back: the old one is linked, on record and served, and the reason is told."""
    site.app = Served(site.data, broken={"1.1.0"})
    with pytest.raises(UpdateFailed, match=r"rolled back to 1\.0\.0: .* exited with status 1"):
        site.update()
    assert site.app.version() == current_version(site.data) == "1.0.0"
    assert site.last().phase == "rolled_back"
    assert "exited with status 1" in (site.last().reason or "")
    assert site.reports[-1].startswith("failed: rolled back to 1.0.0")


def test_a_rolled_back_release_can_be_mended(site: Site) -> None:
    """The same version published anew is tried again, with its new files."""
    site.app = Served(site.data, broken={"1.1.0"})
    with pytest.raises(UpdateFailed):
        site.update()
    site.publish("1.1.0", build("1.1.0") + b"\0")
    site.app = Served(site.data)
    site.update()
    assert site.app.version() == "1.1.0"


def test_a_release_that_answers_as_another(site: Site) -> None:
    """Coming up is not enough: whoever answers with the wrong version is rolled back."""
    site.app.version = lambda: "1.0.0"  # type: ignore[method-assign]
    with pytest.raises(UpdateFailed, match=r"answers as 1\.0\.0, expected 1\.1\.0"):
        site.update()
    assert current_version(site.data) == "1.0.0"


def test_main_app_gives_up_during_the_check(site: Site) -> None:
    """If main_app's own count has already switched back, the updater adopts that and its reason."""

    class Crashing(Served):
        """Its new version dies at once and the tree starts it again, as trees do."""

        def restart(self) -> None:
            for _ in range(journal.MAX_BOOTS + 1):
                super().restart()

    site.app = Crashing(site.data)
    with pytest.raises(UpdateFailed, match="started 2 times and never confirmed"):
        site.update()
    assert site.app.version() == current_version(site.data) == "1.0.0"
    assert len(site.last().history) == 1


def test_given_up_between_the_answer_and_the_confirmation(site: Site) -> None:
    """A release that answered once but has been given up since is not confirmed after all."""

    class Flapping(Served):
        """It comes up as the new version; two more starts are on their way."""

        def restart(self) -> None:
            super().restart()
            for _ in range(journal.MAX_BOOTS):
                journal.boot(self._data)

    site.app = Flapping(site.data)
    with pytest.raises(UpdateFailed, match="started 2 times and never confirmed"):
        site.update()
    assert site.app.version() == current_version(site.data) == "1.0.0"


def test_the_updater_is_stopped_during_the_check(site: Site) -> None:
    """Stopped before the new release is confirmed, it takes the switch back and says so."""

    def stopped() -> None:
        raise SystemExit

    site.app.restart = stopped  # type: ignore[method-assign]
    with pytest.raises(UpdateFailed, match=r"rolled back to 1\.0\.0: 1\.1\.0 was not confirmed"):
        site.update()
    assert current_version(site.data) == "1.0.0"
    assert (site.last().phase, site.last().boots) == ("rolled_back", 0)


def test_the_updater_is_stopped_on_the_way_back(site: Site) -> None:
    """Stopped while the old release comes up again: the reason on record is the first one."""

    class Stopping(Served):
        """The tree ends the updater when main_app has failed to start."""

        def restart(self) -> None:
            if current_version(self._data) == "1.0.0":
                raise SystemExit
            super().restart()

    site.app = Stopping(site.data, broken={"1.1.0"})
    with pytest.raises(UpdateFailed, match="exited with status 1"):
        site.update()
    assert site.last().reason == "1.1.0 does not work: exited with status 1"


def test_neither_version_starts(site: Site) -> None:
    """If the old one does not come back either, the error says where to look."""
    site.app = Served(site.data, broken={"1.0.0", "1.1.0"})
    with pytest.raises(UpdateFailed, match="see its log"):
        site.update()
    assert current_version(site.data) == "1.0.0"


def test_only_one_updater(site: Site) -> None:
    """A second updater is refused while the first holds the lock, and told who it is."""
    with (
        locked(site.data.lock("update")),
        pytest.raises(UpdateFailed, match=r"under way, held by process \d+"),
    ):
        site.update()
    assert journal.read(site.data) is None


def test_no_update_server(data: DataDir) -> None:
    """An update server that does not answer is a failed update that changed nothing."""
    site = Site(data, "http://127.0.0.1:9")
    with pytest.raises(UpdateFailed, match=r"127\.0\.0\.1:9/api/v1/releases: .*refused"):
        site.update()
    assert journal.read(data) is None


def corrupt(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)


def shorten(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-100])


def lengthen(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes() + bytes(200_000))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (corrupt, "SHA-256"),
        (shorten, "hung up after"),
        (lengthen, "were promised"),
        (Path.unlink, "500|404|refused"),
    ],
)
def test_a_download_that_is_not_what_was_promised(
    site: Site, damage: Callable[[Path], None], reason: str
) -> None:
    """Wrong, short, long or missing bytes: refused before unpacking, and nothing has changed."""
    damage(site.publish("1.1.0"))
    with pytest.raises(UpdateFailed, match=reason):
        site.update()
    assert [path.name for path in site.data.releases.iterdir()] == ["1.0.0"]
    assert journal.read(site.data) is None
    site.publish("1.1.0")
    site.update()
    assert site.app.version() == "1.1.0"


def test_a_dangerous_archive(site: Site) -> None:
    """An archive with the right hash and a path that leads out is refused all the same."""
    archive = site.data.root / "evil.zip"
    shutil.copy(site.publish("1.1.0"), archive)
    with zipfile.ZipFile(archive, "a") as release:
        release.writestr("../../../evil.py", "boom")
    site.publish("1.1.0", archive.read_bytes())
    with pytest.raises(UpdateFailed, match="leads out of the release folder"):
        site.update()
    assert not list(site.data.root.parent.rglob("evil.py"))


@pytest.mark.parametrize("good", [True, False])
def test_a_download_is_continued(site: Site, good: bool) -> None:
    """The rest of an interrupted download is fetched; if it does not fit, all of it is."""
    archive = build("1.1.0")
    begun = archive[: len(archive) // 2] if good else bytes(len(archive) // 2)
    (site.data.downloads / "fastblog-1.1.0.zip").write_bytes(begun)
    (site.data.downloads / "fastblog-1.0.5.zip").write_bytes(b"of another release")
    site.update()
    assert site.app.version() == "1.1.0"
    first = next(r for r in site.reports if r.startswith("downloading 1.1.0:"))
    assert int(first.split()[2]) > 50
    assert_tidy(site.data, "1.0.0", "1.1.0")
