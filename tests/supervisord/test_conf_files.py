"""29 real supervisord.conf files against what supervisor 4.3.0's own parser makes of each."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict

from otpsup.errors import InvalidFile
from otpsup.supervisord.conf import Settings, load
from otpsup.supervisord.conf.model import Group, HttpServer, Log, Process, RpcInterface

PLACES = [each / "shared/data/supervisord" for each in Path(__file__).resolve().parents[2:5]]
DATA = next((each for each in PLACES if each.is_dir()), PLACES[0])
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs the real files in ../shared")
EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text()) if DATA.is_dir() else {}
KINDS = {
    "program": "ProcessConfig",
    "fcgi-program": "FastCGIProcessConfig",
    "eventlistener": "EventListenerConfig",
}
KNOWN = {
    "supervisor.rpcinterface:make_main_rpcinterface",
    "supervisor.dispatchers:default_handler",
}


def _put_here(value: Any) -> Any:
    return json.loads(json.dumps(value).replace("%HERE%", str(DATA)))


def _load(name: str, *, strict: bool = False) -> Settings:
    entry = EXPECTED[name]
    environ = {"HOME": "/root", "PATH": "/usr/bin:/bin", **entry["env"]}
    part = entry["needs_wrapper"] and not strict
    return load(DATA / name, environ, cwd="/", hostname="node1", strict=strict, part=part)


def _factory(name: str) -> str:
    return name if name in KNOWN else f"unresolved:{name}"


def log_values(stream: str, log: Log) -> dict[str, Any]:
    """The six options of a log."""
    return {
        f"{stream}_logfile": log.logfile,
        f"{stream}_logfile_maxbytes": log.maxbytes,
        f"{stream}_logfile_backups": log.backups,
        f"{stream}_capture_maxbytes": log.capture_maxbytes,
        f"{stream}_events_enabled": log.events_enabled,
        f"{stream}_syslog": log.syslog,
    }


SAME = (
    "name command priority autostart autorestart startsecs startretries stopwaitsecs stopasgroup"
    " killasgroup user directory serverurl redirect_stderr"
)


def process_values(process: Process) -> dict[str, Any]:
    """All options of a process, as the file of what is expected has them."""
    return {
        **{each: getattr(process, each) for each in SAME.split()},
        "kind": KINDS[process.kind],
        "environment": dict(process.environment),
        "exitcodes": list(process.exitcodes),
        "stopsignal": signal.Signals(process.stopsignal).name,
        "umask": None if process.umask is None else f"0{process.umask:o}",
        **log_values("stdout", process.stdout),
        **log_values("stderr", process.stderr),
    }


def _group_values(group: Group) -> dict[str, Any]:
    listening = group.listening
    more = (
        {}
        if listening is None
        else {
            "events": sorted(listening.events),
            "buffer_size": listening.buffer_size,
            "result_handler": _factory(listening.result_handler),
        }
    )
    return {
        "kind": "eventlistener" if listening else "fcgi" if group.socket else "group",
        "name": group.name,
        "priority": group.priority,
        "processes": [process_values(each) for each in group.processes],
        **more,
    }


def _chown(server: HttpServer) -> list[Any]:
    if server.owner is None:
        return list(server.chown)
    user, _, group = server.owner.partition(":")
    return [f"user:{user}", f"group:{group}"]


def _server_values(server: HttpServer) -> dict[str, Any]:
    same = {
        "name": server.section.partition(":")[2] or None,
        "section": server.section,
        "username": server.username,
        "password": server.password,
    }
    if server.file is None:
        return same | {"family": "AF_INET", "host": server.host, "port": server.port}
    mode = f"0{server.chmod:o}"
    return same | {"family": "AF_UNIX", "file": server.file, "chmod": mode, "chown": _chown(server)}


def _interface_values(interface: RpcInterface) -> list[Any]:
    return [interface.name, _factory(interface.factory), dict(interface.arguments)]


def _supervisord_values(settings: Settings) -> dict[str, Any]:
    of = settings.supervisord
    found = asdict(of)
    return found | {"umask": f"0{of.umask:o}", "environment": dict(of.environment)}


def _values(settings: Settings) -> dict[str, Any]:
    ignored: Mapping[str, Any] = settings.ignored
    return {
        "supervisord": _supervisord_values(settings),
        "groups": [_group_values(each) for each in settings.groups],
        "servers": [_server_values(each) for each in settings.servers],
        "rpcinterfaces": [_interface_values(each) for each in settings.rpcinterfaces],
        "serverurl": settings.serverurl,
        "warnings": list(settings.warnings),
        "infos": list(settings.infos),
        "ignored": dict(ignored),
    }


@pytest.mark.parametrize("name", [n for n in sorted(EXPECTED) if EXPECTED[n]["error"] is None])
def test_every_value_is_what_supervisord_makes_of_it(name: str) -> None:
    expected = _put_here(EXPECTED[name])
    found = _values(_load(name))
    for each in found:
        assert found[each] == expected[each], each
    assert set(expected) - set(found) == {"env", "error", "needs_wrapper", "strict_error"}


@pytest.mark.parametrize("name", [n for n in sorted(EXPECTED) if EXPECTED[n]["error"]])
def test_a_wrong_file_is_refused_in_supervisords_words(name: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        _load(name)
    assert refused.value.problems[0].text == EXPECTED[name]["error"]


@pytest.mark.parametrize("name", [n for n in sorted(EXPECTED) if EXPECTED[n]["strict_error"]])
def test_what_is_not_here_is_refused_in_supervisords_words(name: str) -> None:
    expected = _put_here(EXPECTED[name]["strict_error"])
    if re.search("rpcinterface|cannot be resolved", expected):
        pytest.skip("what a file names is not imported")
    try:
        _load(name, strict=True)
    except InvalidFile as error:
        assert error.problems[0].text == expected
    else:
        pytest.skip("the users and directories are here")


def test_all_files_are_there() -> None:
    assert {each.name for each in DATA.glob("*.conf")} == set(EXPECTED)
    assert len(EXPECTED) == 29
