"""kill -9 at every step of an update, and of the start that gives a release up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.fastblog import journal, update_server
from examples.fastblog.data_dir import DataDir
from examples.fastblog.install import current_version
from examples.fastblog.releases import first_start
from examples.fastblog.tree import SOURCE_ROOT
from tests.examples.fastblog_parts import Site, assert_tidy, installed, released, served

POSTS = b"the posts"
Scenes = tuple[list[Path], str]


def kill_everywhere(action: str, template: Path, *arguments: str) -> list[Path]:
    """One folder per kill, as it was left, and a last one where nothing was killed any more."""
    scenes = template.parent / action
    command = [sys.executable, "-m", "tests.examples.killed_updates", action]
    subprocess.run([*command, str(template), str(scenes), *arguments], cwd=SOURCE_ROOT, check=True)
    return sorted(path for path in scenes.iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    """The folders that killed updates have left behind, and the update server's URL."""
    template = DataDir(tmp_path_factory.mktemp("killed") / "template")
    first_start(template)
    (template.root / "blog.db").write_bytes(POSTS)
    with served(update_server.app(template, 0)) as url:
        yield kill_everywhere("update", template.root, url), url


def take(scene: Path, folder: Path) -> DataDir:
    """A copy of the scene, and of what main_app was doing in it."""
    running = scene.with_name(scene.name + ".running")
    shutil.copytree(scene, folder / scene.name, symlinks=True)
    shutil.copy(running, folder / running.name)
    return DataDir(folder / scene.name)


@pytest.mark.slow
def test_kills_cover_every_phase(scenes: Scenes) -> None:
    """The kills reach from before the first download to after the confirmation."""
    phases = [last and last.phase for last in map(journal.read, map(DataDir, scenes[0]))]
    assert len(phases) > 30
    assert list(dict.fromkeys(phases)) == [None, "switched", "verified"]


@pytest.mark.slow
def test_killed_anywhere_then_updated_again(scenes: Scenes, tmp_path: Path) -> None:
    """Whatever step an update is killed at, the next one ends with 1.1.0 served, and tidies up."""
    for scene in scenes[0]:
        site = Site(take(scene, tmp_path), scenes[1])
        site.update()
        assert site.app.version() == current_version(site.data) == "1.1.0", scene
        assert site.last().phase == "verified"
        assert_tidy(site.data, "1.0.0", "1.1.0")
        assert (site.data.root / "blog.db").read_bytes() == POSTS


@pytest.mark.slow
def test_killed_anywhere_then_only_started(scenes: Scenes, tmp_path: Path) -> None:
    """Without another update, every start serves a whole release and the trial comes to an end.

    1.1.0 may be served for its two tries; unless it was confirmed, 1.0.0 is in the end.
    """
    whole = {version: released(version, tmp_path) for version in ("1.0.0", "1.1.0")}
    for scene in scenes[0]:
        data = take(scene, tmp_path)
        before = journal.read(data)
        served = [journal.boot(data) for _ in range(4)]
        assert installed(data) == whole[served[-1]], scene
        assert served[-1] == ("1.1.0" if before and before.phase == "verified" else "1.0.0")
        assert served == sorted(served, reverse=True), f"{scene}: forth again after back"
        assert (data.root / "blog.db").read_bytes() == POSTS


def test_killed_while_giving_up(data: DataDir) -> None:
    """main_app killed at any step of switching back: its next start serves the old release."""
    (data.releases / "1.1.0").mkdir()
    journal.switch(data, "1.1.0")
    for _ in range(journal.MAX_BOOTS):
        journal.boot(data)
    folders = kill_everywhere("boot", data.root)
    assert len(folders) > 4
    for folder in map(DataDir, folders):
        assert journal.boot(folder) == "1.0.0"
        last = journal.read(folder)
        assert last is not None
        assert (last.phase, len(last.history)) == ("rolled_back", 1)
