"""`otpsup import`: the tree file means what the supervisord.conf or Procfile means."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from otpsup import config
from otpsup.errors import InvalidFile
from otpsup.specs import Command, Supervisor
from otpsup.supervisord import procfile
from otpsup.supervisord.conf import load
from otpsup.supervisord.importing import imported
from otpsup.supervisord.tree import tree_of
from otpsup.supervisord.tree_file import text_of
from tests.cli.test_cli import otpsup

PLACES = [each / "shared/data/supervisord" for each in Path(__file__).resolve().parents[2:5]]
REAL = sorted(next((each for each in PLACES if each.is_dir()), PLACES[0]).glob("*.conf"))
EXPECTED = json.loads((REAL[0].parent / "expected.json").read_text()) if REAL else {}
VALID = [path for path in REAL if EXPECTED[path.name]["error"] is None]

CONF = """
[supervisord]
user=nosuchuser
environment=ALL="$1"
[unix_http_server]
file=/tmp/x.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[rpcinterface:more]
supervisor.rpcinterface_factory=more:make
[program:web]
command=sh -c 'echo ${HOME} 100%%'
stdout_events_enabled=true
stderr_syslog=true
wrong=1
[eventlistener:e]
command=cat
events=TICK_5
"""


def _again(text: str, folder: Path) -> Supervisor:
    """The tree in a tree file with this text."""
    file = folder / "again.yaml"
    file.write_text(text)
    found = config.load(file, {})
    assert isinstance(found, Supervisor)
    return found


@pytest.mark.parametrize("path", VALID, ids=lambda each: each.name)
def test_the_tree_file_of_a_real_configuration_is_its_tree(path: Path, tmp_path: Path) -> None:
    found = imported(path, {"HOME": "/root", **EXPECTED[path.name]["env"]})
    assert _again(text_of(found), tmp_path) == found.tree


def test_what_has_no_equivalent_is_told(tmp_path: Path) -> None:
    path = tmp_path / "supervisord.conf"
    path.write_text(CONF)
    found = imported(path, {})
    words = ["[unix_http_server]", "[rpcinterface:more]", "user=nosuchuser", "[eventlistener:e]",
             "stdout_events_enabled", "stderr_syslog", "AUTO", "wrong"]  # fmt: skip
    for word in words:
        assert any(word in note for note in found.notes), word
        assert word in text_of(found).partition("\n\n")[0]
    assert [each.name for each in found.tree.children] == ["web"]


def test_the_tree_is_that_of_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "supervisord.conf"
    path.write_text(CONF)
    tree = tree_of(load(path, {}, strict=False))
    (there,) = next(_children(each) for each in tree.children if each.name == "web")  # type: ignore[arg-type]
    (program,) = _children(imported(path, {}).tree)
    assert (program.stdin, there.stdin) == ("null", "pipe")
    assert not any(name.startswith("SUPERVISOR_") for name in program.environment)
    elsewhere = ("stdin", "environment", "stdout", "stderr")
    for field in attrs.fields(Command):
        if field.name not in elsewhere:
            assert getattr(program, field.name) == getattr(there, field.name)


def test_what_all_programs_share_stands_once(tmp_path: Path) -> None:
    path = tmp_path / "web.conf"
    path.write_text("\n".join(f"[program:{name}]\ncommand=cat\nstartsecs=5" for name in "ab"))
    found = imported(path, {})
    text = text_of(found)
    assert text.count("restart: transient") == text.count("seconds: 5.0") == 1
    assert _again(text, tmp_path) == found.tree


def test_a_relative_directory_is_from_here(tmp_path: Path) -> None:
    path = tmp_path / "web.conf"
    path.write_text("[program:web]\ncommand=cat\ndirectory=sub\n")
    found = imported(path, {})
    assert _children(found.tree)[0].cwd == Path.cwd() / "sub"
    assert _again(text_of(found), tmp_path) == found.tree


def test_a_part_of_a_configuration_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "web.conf"
    path.write_text("[program:web]\ncommand=cat\n")
    found = imported(path, {})
    assert "no [supervisord]" in found.notes[0]
    assert [each.name for each in found.tree.children] == ["web"]


def _procfile(folder: Path, text: str) -> Path:
    (folder / "Procfile").write_text(text)
    return folder / "Procfile"


def _children(tree: Supervisor) -> list[Command]:
    return [each for each in tree.children if isinstance(each, Command)]


def test_each_line_of_a_procfile_is_a_process_with_a_port_of_its_own(tmp_path: Path) -> None:
    text = "# all\nweb: gunicorn -b :$PORT app\n\nworker:python w.py # 1\r\nweb-2:  x\nno line\n"
    found = imported(_procfile(tmp_path, text))
    children = _children(found.tree)
    assert [each.name for each in children] == ["web", "worker", "web-2"]
    assert [list(each.argv)[2] for each in children] == [
        "gunicorn -b :$PORT app",
        "python w.py # 1",
        "x",
    ]
    assert [each.environment["PORT"] for each in children] == ["5000", "5100", "5200"]
    assert {each.restart for each in children} == {"permanent"}
    assert found.tree.strategy == "one_for_one"
    told = f"{tmp_path}/Procfile:6: 'no line' is no `name: command`, and was left out."
    assert found.notes == (told,)
    assert _again(text_of(found), tmp_path) == found.tree


def test_env_beside_a_procfile_is_read_and_has_the_first_port(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=7000\nA=1\n")
    found = imported(_procfile(tmp_path, "a: b\nc: d\n"))
    assert [each.environment["PORT"] for each in _children(found.tree)] == ["7000", "7100"]
    assert _children(found.tree)[0].env_file == (tmp_path / ".env",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Procfile: there is no `name: command` in it"),
        ("a: b\na: c\n", "Procfile:2:1: a: 'a' is on line 1, too; name one otherwise"),
    ],
)
def test_a_wrong_procfile_is_refused(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile) as refused:
        procfile.entries(text, "Procfile")
    assert str(refused.value) == told


def test_the_command_prints_a_tree_file_and_tells_what_was_left_out(tmp_path: Path) -> None:
    path = tmp_path / "supervisord.conf"
    path.write_text(CONF)
    result = otpsup("import", str(path))
    assert result.returncode == 0
    assert result.stdout.startswith(f"# Made from {path} by `otpsup import`.\n# - [")
    assert "otpsup: [eventlistener:e] was left out" in result.stderr


def test_the_command_writes_a_file_but_over_none(tmp_path: Path) -> None:
    path, out = _procfile(tmp_path, "a: b\n"), tmp_path / "otpsup.yaml"
    result = otpsup("import", str(path), "-o", str(out))
    assert (result.returncode, result.stdout) == (0, f"{out}: written\n")
    again = otpsup("import", str(path), "-o", str(out))
    assert again.returncode == 1
    assert again.stderr == f"otpsup: {out} exists; move it away, or give another name\n"
    assert otpsup("check", str(out)).stdout == f"{out}: good, 1 child\n"


def test_the_command_tells_what_is_wrong_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("[supervisord]\n\n[program:web]\ncommand=x\nnumprocs=a\n")
    result = otpsup("import", str(path))
    assert result.returncode == 1
    told = (
        f"{path}:5:1: program:web.numprocs: invalid literal for int() with base 10: 'a' in section "
        f"'program:web' (file: '{path}')"
    )
    assert result.stderr == f"{told}\notpsup: 1 problem\n"
