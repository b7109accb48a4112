"""What a supervisord.conf says, as frozen values, every option expanded, converted and checked.

The names are supervisord's own (http://supervisord.org/configuration.html). Decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen

AutoRestart = Literal[True, False, "unexpected"]
Kind = Literal["program", "fcgi-program", "eventlistener"]
LogPath = str | None
"""A path, `AUTO`, `syslog`, or None for no log."""

AUTO = "AUTO"


@frozen(kw_only=True)
class Log:
    """One of the two logs of a process (`stdout_*` or `stderr_*`)."""

    logfile: LogPath = AUTO
    maxbytes: int = 50 * 1024 * 1024
    backups: int = 10
    capture_maxbytes: int = 0
    events_enabled: bool = False
    syslog: bool = False


@frozen(kw_only=True)
class Process:
    """One process: a program, or one of its `numprocs`.

    Attributes:
        name: of the process; unique in its group.
        section: the section that it comes from, as `program:web`.
        number: `%(process_num)d` of it.
        environment: of the daemon's section and of its own, the latter winning.
        umask: None inherits the daemon's.
        stopsignal: a number.
        serverurl: None is AUTO.
    """

    name: str
    section: str
    kind: Kind = "program"
    number: int = 0
    command: str
    priority: int = 999
    autostart: bool = True
    autorestart: AutoRestart = "unexpected"
    startsecs: int = 1
    startretries: int = 3
    exitcodes: tuple[int, ...] = (0,)
    stopsignal: int = 15
    stopwaitsecs: int = 10
    stopasgroup: bool = False
    killasgroup: bool = False
    user: str | None = None
    directory: str | None = None
    umask: int | None = None
    environment: Mapping[str, str] = field(factory=dict)
    serverurl: str | None = None
    redirect_stderr: bool = False
    stdout: Log = Log()
    stderr: Log = Log()


@frozen(kw_only=True)
class Listening:
    """What makes a group one of event listeners."""

    events: tuple[str, ...]
    buffer_size: int = 10
    result_handler: str = "supervisor.dispatchers:default_handler"


@frozen(kw_only=True)
class FastCgiSocket:
    """The socket of a `[fcgi-program:x]`, which its processes get as descriptor 0.

    Attributes:
        url: `tcp://host:port` or `unix:///path`.
        owner: user and group as written, `user[:group]`; None is the one who starts it.
    """

    url: str
    backlog: int | None = None
    owner: str | None = None
    mode: int | None = None


@frozen(kw_only=True)
class Group:
    """A process group: of a `[group:x]`, or of one program in none."""

    name: str
    priority: int = 999
    processes: tuple[Process, ...] = ()
    listening: Listening | None = None
    socket: FastCgiSocket | None = None


@frozen(kw_only=True)
class HttpServer:
    """A `[unix_http_server]` or `[inet_http_server]`.

    Attributes:
        section: its name, with what comes after a colon.
        file: of a unix socket; None for inet.
        host, port: of an inet one; an empty host is all addresses.
        chown: user id and group id, -1 for those of the daemon.
        owner: the same as written, `user[:group]`; None if nothing is written.
        password: as written, plain or `{SHA}` and 40 hex digits.
    """

    section: str
    file: str | None = None
    host: str = ""
    port: int | None = None
    chmod: int = 0o700
    chown: tuple[int, int] = (-1, -1)
    owner: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@frozen(kw_only=True)
class RpcInterface:
    """An `[rpcinterface:x]`: its name, `module:callable`, and what that is called with."""

    name: str
    factory: str
    arguments: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Supervisord:
    """The `[supervisord]` section. Paths are as written after expansion; relative ones are relative
    to the folder in which the daemon was started."""

    logfile: str = "supervisord.log"
    logfile_maxbytes: int = 50 * 1024 * 1024
    logfile_backups: int = 10
    loglevel: str = "info"
    pidfile: str = "supervisord.pid"
    umask: int = 0o022
    nodaemon: bool = False
    silent: bool = False
    minfds: int = 1024
    minprocs: int = 200
    nocleanup: bool = False
    childlogdir: str = "/tmp"
    user: str | None = None
    directory: str | None = None
    strip_ansi: bool = False
    environment: Mapping[str, str] = field(factory=dict)
    identifier: str = "supervisor"


@frozen(kw_only=True)
class Settings:
    """All of a configuration.

    Attributes:
        file: the main file, absolute.
        groups: in start order: by priority, then by name. Those of one section are so, too, but
            those of a `[group:x]` are program by program as listed there, and start so. Names may
            be there twice: `unique.one_of_each`.
        serverurl: what AUTO means for the processes; None if there is no server.
        warnings, infos: what the daemon's log is to tell of the reading.
        ignored: options by section, or "section ignored", that mean nothing to supervisord.
    """

    file: Path
    supervisord: Supervisord = Supervisord()
    groups: tuple[Group, ...] = ()
    servers: tuple[HttpServer, ...] = ()
    rpcinterfaces: tuple[RpcInterface, ...] = ()
    serverurl: str | None = None
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    ignored: Mapping[str, Any] = field(factory=dict)
