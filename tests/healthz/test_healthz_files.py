"""`plugins: healthz:` and `web:` in tree files: what is read, told and described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from otpsup import Healthz, HealthzCollector, InvalidFile, Tree, Web, config

GOOD = """\
name: shop
plugins:
  healthz:
    collectors:
      redis: {use: "shop.health:Redis", timeout: 500ms, kwargs: {url: "redis://${HOST}", db: 0}}
      queues: shop.health:queues
      mysql: mysql
    exclude: mysql
    disk_free: 0.1
    disk_bytes: 1GB
    folders: [logs, /srv]
  web:
    listen: 0.0.0.0:9300
    token_file: web.token
children: []
"""


def loaded(folder: Path, text: str) -> dict[str, Any]:
    """The plug-ins of a file."""
    file = folder / "tree.yaml"
    file.write_text(text)
    return dict(Tree.from_file(file, environ={"HOST": "db:6379"}).plugins)


def test_all_that_can_be_said(tmp_path: Path) -> None:
    """Every key, with its notation: the same settings as from Python."""
    assert loaded(tmp_path, GOOD) == {
        "healthz": Healthz(
            collectors={
                "redis": HealthzCollector(
                    "shop.health:Redis", timeout=0.5, kwargs={"url": "redis://db:6379", "db": 0}
                ),
                "queues": HealthzCollector("shop.health:queues"),
                "mysql": HealthzCollector("mysql"),
            },
            exclude=("mysql",),
            disk_free=0.1,
            disk_bytes=10**9,
            folders=(tmp_path / "logs", Path("/srv")),
        ),
        "web": Web(listen="0.0.0.0:9300", token_file=tmp_path / "web.token"),
    }


def test_nothing_is_enough(tmp_path: Path) -> None:
    text = "name: shop\nplugins: {healthz: , web: }\nchildren: []\n"
    assert loaded(tmp_path, text) == {"healthz": Healthz(), "web": Web()}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("timeout: 500ms", "timeout: soon", "plugins.healthz.collectors.redis.timeout: must be"),
        ("exclude: mysql", "exclude: mysqll", "4:5: plugins.healthz: exclude names 'mysqll', and"),
        ("queues: shop", "tree: shop", "6:13: plugins.healthz.collectors.tree: must be collectors"),
        ("disk_free: 0.1", "disk_free: 10", "9:16: plugins.healthz.disk_free: must be a part"),
        ("disk_bytes", "disk_byte", "10:5: plugins.healthz.disk_byte: "),
        ("token_file: web.token", "", "'0.0.0.0:9300' can be reached from other machines, and"),
        ("listen: 0.0.0.0:9300", "listen: 9300", "13:13: plugins.web.listen: must be 'host:port'"),
    ],
)  # fmt: skip
def test_what_cannot_be_right(old: str, new: str, said: str, tmp_path: Path) -> None:
    """With its place, when the file is read."""
    with pytest.raises(InvalidFile) as caught:
        loaded(tmp_path, GOOD.replace(old, new))
    assert said in str(caught.value)


def test_the_schema_knows_it() -> None:
    """Editors complete and check it."""
    known = jsonschema.Draft202012Validator(config.schema())
    assert known.is_valid(yaml.safe_load(GOOD))
    for old, new in (("disk_free: 0.1", "disk_free: 2"), ("timeout: 500ms", "timeout: []")):
        assert not known.is_valid(yaml.safe_load(GOOD.replace(old, new)))
