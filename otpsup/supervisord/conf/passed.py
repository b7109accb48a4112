"""What supervisord passes over in silence: options and sections that it does not know."""

from __future__ import annotations

from .daemon import FACTORY
from .files import Files

IGNORED = "section ignored"
_LOG = "logfile logfile_maxbytes logfile_backups capture_maxbytes events_enabled syslog".split()
_PROCESS = frozenset(
    "command process_name numprocs numprocs_start priority autostart autorestart startsecs"
    " startretries exitcodes stopsignal stopwaitsecs stopasgroup killasgroup user directory umask"
    " environment serverurl redirect_stderr".split()
) | {f"{stream}_{each}" for stream in ("stdout", "stderr") for each in _LOG}
_BY_KIND = {
    "program": _PROCESS,
    "fcgi-program": _PROCESS | {"socket", "socket_backlog", "socket_owner", "socket_mode"},
    "eventlistener": _PROCESS | {"events", "buffer_size", "result_handler"},
    "group": frozenset({"programs", "priority"}),
}
_SERVER = frozenset({"username", "password"})
_SERVERS = {
    "inet_http_server": _SERVER | {"port"},
    "unix_http_server": _SERVER | {"file", "chmod", "chown"},
}
_WHOLE = {
    "supervisord": frozenset(
        "minfds minprocs directory user umask logfile logfile_maxbytes logfile_backups loglevel"
        " pidfile identifier nodaemon silent childlogdir nocleanup strip_ansi environment".split()
    ),
    "include": frozenset({"files"}),
    "supervisorctl": frozenset("serverurl username password prompt history_file".split()),
}


def passed_over(files: Files) -> dict[str, list[str] | str]:
    """By section: its unknown options, sorted; or that all of it is unknown."""
    found: dict[str, list[str] | str] = {}
    for section in files.sections:
        known = _known(section)
        if known is None:
            found[section] = IGNORED
        elif unknown := sorted(set(files.parser.options(section)) - known):
            found[section] = unknown
    return {each: found[each] for each in found if not each.startswith("rpcinterface:")}


def _known(section: str) -> frozenset[str] | None:
    kind, colon, _ = section.partition(":")
    if colon and kind in _BY_KIND:
        return _BY_KIND[kind]
    for each, known in _SERVERS.items():
        if section.startswith(each):
            return known
    return frozenset({FACTORY}) if kind == "rpcinterface" and colon else _WHOLE.get(section)
