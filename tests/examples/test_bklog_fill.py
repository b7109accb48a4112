"""What BK-LOG's files become."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

import otpsup
from examples.bklog.__main__ import tree
from examples.bklog.fill import FILES, HERE, Place, fill
from tests.support import ROOT


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, redis=1, api=2, uwsgi=3, grafana=4, health=5)


def test_no_placeholder_is_left(place: Place) -> None:
    fill(place)
    texts = [path.read_text() for path in place.home.rglob("*") if path.is_file()]
    assert len(texts) == 11
    assert not [
        found for text in texts for found in re.findall(r"{{.*?}}|__[A-Z_]+__|/cache/", text)
    ]


def test_what_is_not_a_command_is_as_bk_log_wrote_it(place: Place) -> None:
    """Line by line: only placeholders, commands, and the broker at the end."""
    fill(place)
    for name, target in FILES.items():
        before = (HERE / "templates" / name).read_text().splitlines()
        after = (place.home / target).read_text().splitlines()
        for old, new in zip(before, after, strict=False):
            kept = "{{" in old or "__" in old or "/var/run/bklog" in old or "/cache/.bk" in old
            assert kept or old == new
        assert len(after) - len(before) == (7 if name.startswith("supervisord") else 0)


def test_the_commands_of_celery_4_are_rewritten(place: Place) -> None:
    changed = [pair for pair in fill(place) if "/celery " in pair[1]]
    assert len(changed) == 6
    for old, new in changed:
        assert ("manage.py celery worker" in old) != (
            "celery worker -A blueapps.core.celery" in old
        )
        assert new.startswith(f"command = {place.env}/bin/celery -A tasks worker ")
        assert new.endswith(" --max-tasks-per-child=50")
        assert old.split(" -Q ")[1].split()[0] in new


@pytest.mark.parametrize("has_uwsgi", [False, True])
def test_without_uwsgi_gunicorn_has_its_place(has_uwsgi: bool, tmp_path: Path) -> None:
    place = Place(tmp_path / "home", env=tmp_path / "env")
    (place.env / "bin").mkdir(parents=True)
    if has_uwsgi:
        (place.env / "bin/uwsgi").touch()
    changed = [new for _, new in fill(place) if "celery" not in new]
    conf = (place.home / "conf/supervisord.conf").read_text()
    assert f"command = {place.web}\n" in conf
    assert changed == ([] if has_uwsgi else [f"command = {place.web}"])
    assert ("/bin/gunicorn " in place.web) != has_uwsgi


def test_a_second_time_changes_nothing_else(place: Place) -> None:
    fill(place)
    kept = place.home / "logs/bklog/celery.log"
    kept.write_text("what was said\n")
    fill(evolve(place, redis=5))
    assert kept.read_text() == "what was said\n"
    assert 'REDIS_PORT="5"' in (place.home / "conf/supervisord.conf").read_text()


def test_the_step_tells_what_it_rewrote(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.bklog.fill", "home", "--api", "4711"], cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert sum(line.startswith("- command") for line in lines) >= 6
    assert lines[-1].startswith(f"filled: {tmp_path}/home/conf/supervisord.conf, ")
    assert "BKLOG_API_PORT=4711\n" in (tmp_path / "home/bklog/api/bin/environ.sh").read_text()


@pytest.mark.parametrize("name", ["a folder", "50%"])
def test_a_folder_that_no_file_could_name(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.bklog.fill", name], cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith(f"choose another than {tmp_path}/{name}\n")
    assert not list(tmp_path.iterdir())


def test_tree_and_files_have_the_same_programs_and_commands(place: Place) -> None:
    """The tree leaves out the paths of programs, the wait, bash, and a `-P gevent` too many."""
    fill(place)
    spec = tree(place).spec
    assert isinstance(spec, otpsup.Supervisor)
    ours = {child.name: child.argv for child in spec.children if isinstance(child, otpsup.Command)}
    text = "".join((place.home / target).read_text() for target in FILES.values())
    theirs = dict(re.findall(r"\[program: ?(?:bklog_)?(\S+)\][^[]*?\ncommand ?= ?(.*)", text))
    assert set(ours) == set(theirs)
    for name in set(ours) - {"redis", "bklog-api", "celery_service_schedule"}:
        assert theirs[name].endswith(" ".join(ours[name]))
