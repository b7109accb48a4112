"""The settings of supervisord as an otpsup tree that behaves as they say.

A supervisor for each process group, also for one of a single program, and a command for each of
its processes. What a program's life is, are `start_retries`, a backoff that grows by one second,
and readiness by staying up (http://supervisord.org/subprocess.html).
"""

from __future__ import annotations

import shlex
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import InvalidFile, InvalidSpec, Problem
from ..specs import Backoff, Command, Inherit, LogFile, Socket, StaysUp, Supervisor
from ..specs import Spawned as AtOnce
from ..specs.children import Restart
from ..specs.output import NULL, STDOUT, Format, Output
from ..specs.stdin import PIPE, Stdin
from .conf import lines
from .conf.model import AUTO, FastCgiSocket, Group, Log, Process, Settings

AutoLog = Callable[[Process, str], str]
"""Where the log of a process is that has `AUTO` for its `stdout` or `stderr`."""

_RESTART: dict[bool | str, Restart] = {
    True: "permanent", False: "temporary", "unexpected": "transient",
}  # fmt: skip
_HOST = {
    **dict.fromkeys(("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"), "stdout"),
    **dict.fromkeys(("/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"), "stderr"),
}
_SPARE = 60.0
"""Seconds within which a start is over, at least; only a machine that stands still needs them."""
OURS = (
    *("SUPERVISOR_ENABLED", "SUPERVISOR_SERVER_URL"),
    *("SUPERVISOR_PROCESS_NAME", "SUPERVISOR_GROUP_NAME"),
)
"""The variables by which a program knows where it is."""


def tree_of(settings: Settings, auto_log: AutoLog | None = None) -> Supervisor:
    """The tree that behaves as a supervisord with these settings.

    Args:
        auto_log: says where `AUTO` logs are; without it, they are in `childlogdir` under names that
            do not change. Relative paths of logs are relative to the current folder.

    Raises:
        InvalidSpec: two groups, or two of a group, have one name; `conf.one_of_each` leaves one.
        InvalidFile: a value is none that a process can have.
    """
    trees = _Groups(settings, auto_log or _Named(settings))
    return Supervisor(
        name_of(settings.supervisord.identifier),
        children=tuple(trees.group(group) for group in settings.groups),
    )


def name_of(name: str) -> str:
    """The name of a child for a group or process; supervisord allows what ours cannot have."""
    return name.replace("%", "%25").replace("#", "%23").replace("/", "%2F").strip() or "supervisor"


def path_of(group: str, process: str) -> str:
    """Where a process is in the tree."""
    return f"{name_of(group)}/{name_of(process)}"


def group_tree(settings: Settings, group: Group, auto_log: AutoLog | None = None) -> Supervisor:
    """The tree of one group, as it stands in `tree_of`."""
    return _Groups(settings, auto_log or _Named(settings)).group(group)


class _Named:
    """Names for `AUTO` logs that do not change from start to start."""

    def __init__(self, settings: Settings) -> None:
        self._of = settings.supervisord

    def __call__(self, process: Process, stream: str) -> str:
        name = f"{process.name}-{stream}---{self._of.identifier}.log"
        return str(Path(self._of.childlogdir) / name)


class _Groups:
    """Makes the trees of groups; remembers how each log is rotated, for there is one way only."""

    def __init__(self, settings: Settings, auto_log: AutoLog) -> None:
        self._settings = settings
        self._auto_log = auto_log
        self._files: dict[Path, LogFile] = {}
        self._shared = _shared(settings)

    def group(self, group: Group) -> Supervisor:
        """One group."""
        children = tuple(self._checked(group, process) for process in group.processes)
        return Supervisor(name_of(group.name), children=children)

    def _checked(self, group: Group, process: Process) -> Command:
        """One process, unless it has values that supervisord has no limits for."""
        try:
            return self._command(group, process)
        except InvalidSpec as error:
            file, line = lines.find([str(self._settings.file)], process.section, "")
            where = (file or str(self._settings.file), line, 1 if line else 0)
            raise InvalidFile.of([Problem(*where, process.section, str(error))]) from None

    def _command(self, group: Group, process: Process) -> Command:
        ready = StaysUp(float(process.startsecs)) if process.startsecs > 0 else AtOnce()
        return Command(
            name_of(process.name),
            _argv(process.command),
            restart=_RESTART[process.autorestart],
            autostart=process.autostart,
            ready=ready,
            start_timeout=max(_SPARE, 2.0 * process.startsecs),
            start_retries=max(process.startretries, 0),
            backoff=_backoff(process.startretries),
            exitcodes=frozenset(process.exitcodes),
            stop_signal=process.stopsignal or signal.SIGCONT,  # 0 asks for nothing
            stop_group=process.stopasgroup,
            shutdown=float(max(process.stopwaitsecs, 0)),
            user=process.user,
            cwd=process.directory,
            umask=process.umask,
            environment=dict(self._environment(group, process)),
            stdin=_stdin(group.socket),
            stdout=self._output(process, "stdout", process.stdout),
            stderr=STDOUT
            if process.redirect_stderr
            else self._output(process, "stderr", process.stderr),
        )

    def _environment(self, group: Group, process: Process) -> Iterator[tuple[str, str]]:
        """What it finds beside what it inherits; its own section wins over ours."""
        url = process.serverurl or self._settings.serverurl
        values = ("1", url, process.name, group.name)
        yield from ((n, value) for n, value in zip(OURS, values, strict=True) if value)
        yield from process.environment.items()

    def _output(self, process: Process, stream: str, log: Log) -> Output:
        path = self._auto_log(process, stream) if log.logfile == AUTO else log.logfile
        if path is None or path in ("syslog", "/dev/null"):
            return NULL
        if path in _HOST:
            return Inherit("stdout" if _HOST[path] == "stdout" else "stderr", format="raw")
        format: Format = "raw" if Path(path).absolute() in self._shared else "bytes"
        most, backups = max(log.maxbytes, 0), max(log.backups, 0)
        file = LogFile(path, max_bytes=most, backups=backups, format=format)
        return self._files.setdefault(file.path, file)


def _shared(settings: Settings) -> set[Path]:
    """The logs that more than one writes to: no line in them is torn, so its end is waited for. In
    all others is at once what was written, as it was."""
    processes = [process for group in settings.groups for process in group.processes]
    logs = [log.logfile for each in processes for log in (each.stdout, each.stderr)]
    counts = Counter(Path(path).absolute() for path in logs if path and path != AUTO)
    return {path for path, count in counts.items() if count > 1}


def _backoff(retries: int) -> Backoff:
    """1, 2, 3, ... seconds, as long as there are retries left."""
    return Backoff(initial=1.0, factor=1.0, step=1.0, max=max(retries, 1) + 1.0, jitter=0.0)


def _argv(command: str) -> list[str]:
    """As a shell would split it; what cannot be split is a program that does not exist."""
    try:
        return shlex.split(command) or [command or " "]
    except ValueError:
        return [command]


def _stdin(socket: FastCgiSocket | None) -> Stdin:
    if socket is None:
        return PIPE
    mode = {} if socket.mode is None else {"mode": socket.mode}
    return Socket(socket.url, backlog=socket.backlog, owner=socket.owner, **mode)
