"""The structs that clients get of processes. Every int is an int, nothing is ever nil: Go programs
decode these into fixed types, and die of others.

Source: http://supervisord.org/api.html and 4.3.0.
"""

from __future__ import annotations

import pwd
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ..conf.model import AUTO, Group, Log, Process
from ..processes import Record
from ..states import State
from .faults import Fault, RpcError

INT_MAX, INT_MIN = 2**31 - 1, -(2**31)
Struct = dict[str, Any]
LogOf = Callable[[str], str | None]
"""The path of a process's `stdout` or `stderr` log."""


def capped(value: float) -> int:
    """The nearest number that XML-RPC has."""
    return int(min(max(value, INT_MIN), INT_MAX))


def info(record: Record, log_of: LogOf, now: float) -> Struct:
    """What `getProcessInfo` answers.

    Args:
        log_of: tells where its logs are.
        now: in seconds since 1970.
    """
    stdout = log_of("stdout") or ""
    told: Struct = {
        "name": record.name,
        "group": record.group.name,
        "start": capped(record.started),
        "stop": capped(record.stopped),
        "now": capped(now),
        "state": int(record.state),
        "statename": record.state.name,
        "spawnerr": record.spawnerr,
        "exitstatus": record.exitstatus or 0,
        "logfile": stdout,
        "stdout_logfile": stdout,
        "stderr_logfile": log_of("stderr") or "",
        "pid": record.pid,
    }
    return {**told, "description": _description(record, told["start"], told["now"])}


def _description(record: Record, start: int, now: int) -> str:
    match record.state:
        case State.RUNNING:
            return f"pid {record.pid}, uptime {timedelta(seconds=max(now - start, 0))}"
        case State.FATAL | State.BACKOFF:
            return record.spawnerr or f'unknown error (try "tail {record.name}")'
        case State.STOPPED | State.EXITED if not start:
            return "Not started"
        case State.STOPPED | State.EXITED:
            local = time.localtime(capped(record.stopped))
            return datetime(*local[:6]).strftime("%b %d %I:%M %p")
    return ""


def status(record: Record, error: RpcError | None = None) -> Struct:
    """What became of a request for this process, one of several."""
    return {
        "name": record.name,
        "group": record.group.name,
        "status": int(error.code) if error else int(Fault.SUCCESS),
        "description": error.text if error else "OK",
    }


def config(group: Group, process: Process, log_of: LogOf, *, is_used: bool) -> Struct:
    """What `getAllConfigInfo` answers of a process.

    Args:
        log_of: tells where its logs are; `AUTO` as long as that is not decided.
        is_used: the group is one of those that the daemon has now.
    """
    told: Struct = {
        "autostart": process.autostart,
        "directory": process.directory,
        "uid": _uid(process.user),
        "command": process.command,
        "exitcodes": list(process.exitcodes),
        "group": group.name,
        "group_prio": capped(group.priority),
        "inuse": is_used,
        "killasgroup": process.killasgroup,
        "name": process.name,
        "process_prio": capped(process.priority),
        "redirect_stderr": process.redirect_stderr,
        "startretries": capped(process.startretries),
        "startsecs": capped(process.startsecs),
        "stopsignal": int(process.stopsignal),
        "stopwaitsecs": capped(process.stopwaitsecs),
        "serverurl": process.serverurl,
        **_log("stdout", process.stdout, log_of("stdout")),
        **_log("stderr", process.stderr, log_of("stderr")),
    }
    return {key: "none" if value is None else value for key, value in told.items()}


def _log(channel: str, log: Log, path: str | None) -> Struct:
    return {
        f"{channel}_capture_maxbytes": capped(log.capture_maxbytes),
        f"{channel}_events_enabled": log.events_enabled,
        f"{channel}_logfile": "auto" if path == AUTO else path,
        f"{channel}_logfile_backups": capped(log.backups),
        f"{channel}_logfile_maxbytes": capped(log.maxbytes),
        f"{channel}_syslog": log.syslog,
    }


def _uid(user: str | None) -> int | None:
    """The number of a user, who may be written as one."""
    if user is None:
        return None
    try:
        return int(user)
    except ValueError:
        pass
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None
