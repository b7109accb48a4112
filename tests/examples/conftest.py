"""What the FastBlog tests share: a prepared data folder, and the update server over it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.fastblog import update_server
from examples.fastblog.data_dir import DataDir
from examples.fastblog.releases import first_start
from tests.examples.fastblog_parts import FrontDoor, served


@pytest.fixture(scope="session")
def first_data(tmp_path_factory: pytest.TempPathFactory) -> DataDir:
    """A data folder as the first start leaves it; to be copied, not changed."""
    folder = DataDir(tmp_path_factory.mktemp("first") / "data")
    first_start(folder)
    return folder


@pytest.fixture
def data(first_data: DataDir, tmp_path: Path) -> DataDir:
    """A data folder as the first start leaves it: 1.0.0 installed, 1.1.0 on offer."""
    return DataDir(shutil.copytree(first_data.root, tmp_path / "data", symlinks=True))


@pytest.fixture(scope="session")
def front_door() -> Iterator[tuple[FrontDoor, str]]:
    """One real server for all tests, and its URL; each test puts its own application behind it."""
    door = FrontDoor()
    with served(door, lifespan="off") as url:
        yield door, url


@pytest.fixture
def releases_url(front_door: tuple[FrontDoor, str], data: DataDir) -> str:
    """The URL of the update server over `data`."""
    door, url = front_door
    door.behind = update_server.app(data, 0)
    return url
