"""supervisor's own parser, to be compared with: what it makes of a file, in the form that the tests
of our reader have. Used in tests only."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from supervisor import datatypes, events, options
    from supervisor.loggers import getLevelNumByDescription

WORDS = {
    datatypes.RestartWhenExitUnexpected: "unexpected",
    datatypes.RestartUnconditionally: True,
    datatypes.Automatic: "AUTO",
}
PROCESS = (
    "name command priority startsecs startretries stopwaitsecs stopasgroup killasgroup directory"
    " serverurl redirect_stderr autostart uid umask exitcodes environment"
).split()
LOG = "logfile logfile_maxbytes logfile_backups capture_maxbytes events_enabled syslog".split()
DAEMON = (
    "minfds minprocs directory user umask logfile logfile_maxbytes logfile_backups pidfile"
    " identifier nodaemon silent childlogdir nocleanup strip_ansi environment"
).split()


class Refused(Exception):
    """With supervisord's text; `crashed` if it is a traceback instead of a text."""

    def __init__(self, text: str, *, crashed: bool = False) -> None:
        super().__init__(text)
        self.crashed = crashed


class _Options(options.ServerOptions):  # type: ignore[misc]
    """As supervisord has it, but nothing is imported that a file names, and nothing exits."""

    def import_spec(self, spec: str) -> str:
        return spec

    def usage(self, msg: object) -> None:
        raise Refused(str(msg))


def read(path: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """What supervisord makes of a file.

    Raises:
        Refused: it does not take it.
    """
    found = _Options()
    found.environ_expansions = {f"ENV_{name}": value for name, value in environ.items()}
    try:
        found.realize(["-c", path], doc="", progname="supervisord")
    except Refused:
        raise
    except Exception as error:
        raise Refused(repr(error), crashed=True) from error
    return _values(found)


def _values(found: Any) -> dict[str, Any]:
    section = found.configroot.supervisord
    return {
        "daemon": {each: getattr(section, each) for each in DAEMON} | {"level": section.loglevel},
        "groups": [_group(each) for each in found.process_group_configs],
        "servers": [_server(each) for each in found.server_configs],
        "interfaces": [tuple(each) for each in found.rpcinterface_factories],
        "serverurl": found.serverurl,
        "warnings": found.parse_warnings,
        "infos": found.parse_infos,
    }


def _server(config: Mapping[str, Any]) -> dict[str, Any]:
    return {each: config[each] for each in config if each not in ("name", "family")}


def _group(group: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": group.name, "priority": group.priority}
    found["processes"] = [process(each) for each in group.process_configs]
    if hasattr(group, "pool_events"):
        found["events"] = sorted(events.getEventNameByType(each) for each in group.pool_events)
        found["buffer_size"], found["handler"] = group.buffer_size, group.result_handler
    if hasattr(group, "socket_config"):
        found["socket"] = _socket(group.socket_config)
    return found


def _socket(config: Any) -> tuple[Any, ...]:
    owner = getattr(config, "owner", None)
    return config.url, config.backlog, owner, getattr(config, "mode", None)


def process(config: Any) -> dict[str, Any]:
    """Of one process."""
    found = {each: getattr(config, each) for each in PROCESS}
    for stream in ("stdout", "stderr"):
        for each in LOG:
            value = getattr(config, f"{stream}_{each}")
            found[f"{stream}_{each}"] = "AUTO" if value is datatypes.Automatic else value
    restart = config.autorestart
    return found | {
        "autorestart": WORDS.get(restart, restart),
        "stopsignal": int(config.stopsignal),
        "kind": type(config).__name__,
    }


def level(name: str) -> int:
    """supervisord's number of a level of its log."""
    return int(getLevelNumByDescription(name))


def uid(user: str | None) -> int | None:
    """supervisord's number of a user."""
    return None if user is None else int(datatypes.name_to_uid(user))


def owner(text: str | None) -> tuple[int, int] | None:
    """supervisord's numbers of `user[:group]`."""
    return None if text is None else tuple(datatypes.colon_separated_user_group(text))
