"""The old supervisor's processes, from JSON and YAML files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import otpsup
from examples.fastblog.process_supervisor import ProcessConfig, ProcessSupervisor, load_configs

FOREVER = ["sleep", "1000"]

SEED: dict[str, Any] = {
    "name": "main_app",
    "command": ["python", "main.py"],
    "working_dir": "app",
    "autostart": True,
    "autorestart": True,
    "restart_limit": 3,
    "restart_delay": 5,
    "stdout_logfile": "logs/app.log",
    "stderr_logfile": "logs/app.err.log",
    "environment": {"KEY": "VALUE"},
}
"""All fields of the old document."""


@pytest.mark.parametrize(
    "shape",
    [
        lambda config: [config],
        lambda config: {"processes": [config]},
        lambda config: {"processes": {config["name"]: {**config, "name": None}}},
    ],
    ids=["list", "processes", "by name"],
)
def test_all_fields(shape: Any, tmp_path: Path) -> None:
    """Every field of the old document is taken, in each shape of file; paths are the file's."""
    document = json.loads(json.dumps(shape(SEED)), object_hook=_without_nothing)
    (tmp_path / "processes.json").write_text(json.dumps(document))
    here = {key: str(tmp_path / SEED[key]) for key in
            ("working_dir", "stdout_logfile", "stderr_logfile")}  # fmt: skip
    assert load_configs(tmp_path / "processes.json") == [ProcessConfig(**{**SEED, **here})]


def _without_nothing(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not None}


def test_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML with variables and durations; what is left out has the old defaults."""
    path = tmp_path / "processes.yaml"
    path.write_text(
        "- name: web\n  command: serve --port ${PORT:-80}\n  restart_delay: 500ms\n"
        "  environment: {VERSION: 1.10}\n"
    )
    (config,) = load_configs(path)
    wanted = ProcessConfig(
        "web", ["serve", "--port", "80"], restart_delay=0.5, environment={"VERSION": "1.10"}
    )
    assert config == wanted


def test_all_mistakes_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mistake is told with its place, as in a tree file."""
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(
        "processes:\n"
        "  web:\n    comand: [serve]\n    restart_limit: -1\n"
        "  db:\n    command: [db]\n    autorestart: always\n    restart_delay: 5 sec\n"
        "  mail:\n    command: []\n    environment: {A=: 1}\n"
    )
    with pytest.raises(otpsup.InvalidFile) as caught:
        load_configs("p.yaml")
    assert str(caught.value) == (
        "p.yaml:3:5: processes.web.comand: unknown key 'comand'; did you mean 'command'?\n"
        "p.yaml:4:20: processes.web.restart_limit: must be a count, not -1\n"
        "p.yaml:7:18: processes.db.autorestart: must be true or false, not 'always'\n"
        "p.yaml:8:20: processes.db.restart_delay: must be seconds, or a text such as '1m 30s', "
        "not '5 sec'\n"
        "p.yaml:10:14: processes.mail.command: must begin with a program\n"
        "p.yaml:11:19: processes.mail.environment: 'A=' is no name: it must not be empty or have a "
        "'=' in it"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", None),
        ("{}", "'processes' is missing"),
        ("processes: 3", "must be a list, or a mapping from names"),
        ("- 3", "must be a mapping with 'name' and 'command', not 3"),
        ("- {name: a}", "'command' is missing"),
        ("- {command: a}", "'name' is missing"),
        ("[{name: a, command: b}, {name: a, command: c}]", "another one is named 'a', in line 1"),
        ("web: {command: a}", "unknown key 'web'"),
    ],
)
def test_shapes(text: str, words: str | None, tmp_path: Path) -> None:
    """What is no list of processes is refused."""
    (tmp_path / "p.yaml").write_text(text)
    if words is None:
        assert load_configs(tmp_path / "p.yaml") == []
        return
    with pytest.raises(otpsup.InvalidFile, match=words):
        load_configs(tmp_path / "p.yaml")


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessSupervisor]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTPSUP_RUNTIME_DIR", str(tmp_path / "run"))
    Path("p.json").write_text(json.dumps({"processes": {"web": {"command": FOREVER}}}))
    supervisor = ProcessSupervisor.from_file("p.json")
    yield supervisor
    supervisor.shutdown()


def test_they_run(supervisor: ProcessSupervisor) -> None:
    """What was read from a file is started and stopped by the old words."""
    assert supervisor.start_all_processes()
    assert supervisor.get_process_status("web")["status"] == "running"
    assert supervisor.stop_process("web")
    assert supervisor.get_process_status("web")["status"] == "stopped"
