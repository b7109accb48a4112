"""The API of FastBlog's old process supervisor, kept for its users, on top of otpsup.

Decides: how the old words map to a tree. Every process has a small supervisor of its own, so that
one that exceeds its `restart_limit` is given up alone, as the old document has it.
Must not know: how processes are started, watched, restarted or stopped; otpsup does that.

Unlike the original, it does what it says: processes are restarted, `restart_limit` ends that, and
`restart_delay` lies between an exit and the next start.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
from attrs import evolve, field, frozen
from attrs.converters import optional
from loguru import logger

import otpsup
from examples.fastblog.data_dir import DataDir
from examples.fastblog.releases import first_start
from examples.fastblog.tree import Settings, build
from otpsup import Backoff, ChildStatus, Command, LogFile, OtpsupError, Supervisor, Worker
from otpsup.config import load_list
from otpsup.config.forms import NAME_OF_VARIABLE, SECONDS, Table, Text, Value
from otpsup.config.notations import CommandLine, FilePath
from otpsup.config.records import Key, Record
from otpsup.specs import check

_ALWAYS = 10 * 365 * 86400.0
"""The restart window, in seconds: `restart_limit` counts since the start, however long ago."""

_STATUS = {"running": "running", "starting": "starting", "stopping": "stopping"}


@frozen
class ProcessConfig:
    """One process, in the old words.

    Args:
        name: its name.
        command: the program and its arguments.
        working_dir: the folder it runs in.
        autostart: whether `start_all_processes` starts it.
        autorestart: whether it is started again when it ends by itself.
        restart_limit: how often, at most, until somebody starts it by hand.
        restart_delay: seconds between its end and the next start.
        stdout_logfile, stderr_logfile: files for its output; `logs/<name>.log` and
            `logs/<name>.err.log` if not given.
        environment: variables on top of ours.
    """

    name: str = field(validator=check.name)
    command: list[str]
    working_dir: str = field(default=".", converter=os.fspath)
    autostart: bool = field(default=True, validator=check.boolean)
    autorestart: bool = field(default=True, validator=check.boolean)
    restart_limit: int = field(
        default=3, validator=check.rule(check.is_below(check.MANY), "a count", "restart_limit=3")
    )
    restart_delay: float = field(
        default=5,
        validator=check.rule(
            lambda v: check.is_seconds(v) and v >= 0, "seconds (0 or more)", "restart_delay=5"
        ),
    )
    stdout_logfile: str | None = field(default=None, converter=optional(os.fspath))
    stderr_logfile: str | None = field(default=None, converter=optional(os.fspath))
    environment: Mapping[str, str] = field(factory=dict, repr=False)

    @property
    def spec(self) -> Command:
        """The process as otpsup takes it."""
        return Command(
            self.name, self.command, cwd=self.working_dir, environment=dict(self.environment)
        )


_IN_FILES = Record(
    ProcessConfig,
    {
        "name": Key("name", Text("a name")),
        "command": Key("command", CommandLine()),
        "working_dir": Key("working_dir", FilePath()),
        "autostart": Key("autostart", Value("true or false")),
        "autorestart": Key("autorestart", Value("true or false")),
        "restart_limit": Key("restart_limit", Value("a count")),
        "restart_delay": Key("restart_delay", SECONDS),
        "stdout_logfile": Key("stdout_logfile", FilePath()),
        "stderr_logfile": Key("stderr_logfile", FilePath()),
        "environment": Key("environment", Table(Text(), "names and values", NAME_OF_VARIABLE)),
    },
    "a mapping with 'name' and 'command'",
)


def load_configs(path: str | os.PathLike[str]) -> list[ProcessConfig]:
    """The processes in a JSON or YAML file: a list, or a mapping by names, maybe under `processes`.

    The keys are the fields of `ProcessConfig`; paths are relative to the file.

    Raises:
        otpsup.InvalidFile: all that is wrong, each with file, line and column.
    """
    return load_list(path, _IN_FILES, "processes")


@frozen
class _Process:
    """What is known of a process's settings: the config, and how otpsup runs it."""

    config: ProcessConfig
    spec: Command | Worker

    @property
    def path(self) -> str:
        """Of the process itself, below the supervisor that bears the same name."""
        return f"{self.config.name}/{self.config.name}"

    def supervisor(self) -> Supervisor:
        """The process under a supervisor of its own, which ends when it is given up."""
        config = self.config
        child = evolve(
            self.spec,
            restart="permanent" if config.autorestart else "temporary",
            significant=not config.autorestart,
            autostart=True,
            backoff=_backoff(config.restart_delay),
            stdout=LogFile(config.stdout_logfile or f"logs/{config.name}.log"),
            stderr=LogFile(config.stderr_logfile or f"logs/{config.name}.err.log"),
        )
        return Supervisor(
            config.name,
            restart="transient",
            autostart=False,
            auto_shutdown="any_significant",
            intensity=config.restart_limit,
            period=_ALWAYS,
            children=[child],
        )


def _backoff(delay: float) -> Backoff | None:
    if delay <= 0:
        return None
    return Backoff(initial=delay, factor=1, max=delay, jitter=0)


class ManagedProcess:
    """One process as the old API shows it."""

    def __init__(self, supervisor: ProcessSupervisor, config: ProcessConfig) -> None:
        self.config = config
        self._supervisor = supervisor

    @property
    def status(self) -> str:
        """`running`, `starting`, `stopping`, `restarting`, `stopped`, or `failed`: given up."""
        return str(self._supervisor.get_process_status(self.config.name)["status"])

    @property
    def restart_count(self) -> int:
        """How often it was restarted since it was started by hand."""
        return int(self._supervisor.get_process_status(self.config.name)["restart_count"])

    @property
    def process(self) -> psutil.Process | None:
        """The operating system's process, with its `pid`; None if there is none."""
        pid = self._supervisor.get_process_status(self.config.name)["pid"]
        try:
            return psutil.Process(pid) if pid else None
        except psutil.NoSuchProcess:
            return None

    def is_running(self) -> bool:
        """True while it is up."""
        return self.process is not None


class ProcessSupervisor:
    """Starts, watches and stops processes.

    Args:
        configs: the processes, in the order in which they are started.
    """

    def __init__(self, configs: Iterable[ProcessConfig] = ()) -> None:
        self._known: dict[str, _Process] = {}
        self.processes: dict[str, ManagedProcess] = {}
        self._aliases: dict[str, str] = {}
        self._tree: otpsup.Tree | None = None
        self._log: int | None = None
        self._is_monitoring = True
        self._lock = threading.Lock()
        for config in configs:
            self.add_process(config)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> ProcessSupervisor:
        """One with the processes in a file, see `load_configs`.

        Raises:
            otpsup.InvalidFile: all that is wrong in it.
        """
        return cls(load_configs(path))

    def add_process(
        self, config: ProcessConfig, spec: Command | Worker | None = None, alias: str = ""
    ) -> None:
        """Make a process known; it is started by `start_process` or `start_all_processes`.

        Args:
            spec: how otpsup runs it, if not as the config's command.
            alias: a second name for it.
        """
        self._known[config.name] = _Process(config, spec or config.spec)
        self.processes[config.name] = ManagedProcess(self, config)
        if alias:
            self._aliases[alias] = config.name

    @property
    def tree(self) -> otpsup.Tree:
        """The tree below, for all that the old API has no words for; started if need be."""
        with self._lock:
            if self._tree is None:
                self._tree = self._start_tree()
            return self._tree

    def _start_tree(self) -> otpsup.Tree:
        self._open_log()
        tree = otpsup.Tree(
            Supervisor(
                "process_supervisor", children=[p.supervisor() for p in self._known.values()]
            )
        )
        tree.start()
        return tree

    # Starting and stopping.

    def start_all_processes(self) -> bool:
        """Start every process with `autostart`, in order; True if all are up."""
        wanted = [name for name, known in self._known.items() if known.config.autostart]
        return all([self.start_process(name) for name in wanted])  # noqa: C419 (all are started)

    def start_process(self, name: str) -> bool:
        """Start a process; returns when it is ready. False, and a log line, if that failed."""
        known = self._find(name)
        if known is None:
            return False
        is_new = not self._is_in_tree(known)
        return self._try("start_child", known.supervisor() if is_new else known.config.name)

    def _is_in_tree(self, known: _Process) -> bool:
        return self.tree.status().find(known.config.name) is not None

    def stop_process(self, name: str) -> bool:
        """Stop a process; returns when it is gone."""
        known = self._find(name)
        return known is not None and self._try("terminate_child", known.config.name)

    def restart_process(self, name: str) -> bool:
        """Stop and start a process; returns when it is ready again."""
        known = self._find(name)
        return known is not None and self._try("restart", known.config.name)

    def stop_all_processes(self) -> bool:
        """Stop every process, last first."""
        return all([self.stop_process(name) for name in reversed(self._known)])  # noqa: C419

    def _find(self, name: str) -> _Process | None:
        known = self._known.get(self._aliases.get(name, name))
        if known is None:
            logger.error("there is no process {!r}; known are: {}", name, ", ".join(self._known))
        return known

    def _try(self, verb: str, child: str | Supervisor) -> bool:
        try:
            getattr(self.tree, verb)(child)
        except otpsup.AlreadyStarted:
            return True
        except OtpsupError as error:
            logger.error("{}", error)
            return False
        if not self._is_monitoring:
            self._apply_monitoring(*self._known)
        return True

    # Status.

    def get_process_status(self, name: str) -> dict[str, Any]:
        """One process: name, status, pid, restart_count, since (epoch), last_exit, command."""
        known = self._find(name)
        if known is None:
            return {"name": name, "status": "unknown", "pid": None, "restart_count": 0}
        return self._status_of(known, self._root())

    def get_all_status(self) -> dict[str, dict[str, Any]]:
        """All processes by name."""
        root = self._root()
        return {name: self._status_of(known, root) for name, known in self._known.items()}

    def _root(self) -> ChildStatus | None:
        try:
            return self._tree.status() if self._tree else None
        except otpsup.NotRunning:
            return None

    def _status_of(self, known: _Process, root: ChildStatus | None) -> dict[str, Any]:
        above = root.find(known.config.name) if root else None
        process = root.find(known.path) if root else None
        return {
            "name": known.config.name,
            "status": _status(above, process),
            "pid": process.pid if process else None,
            "restart_count": process.restarts if process else 0,
            "since": process.since if process else None,
            "last_exit": process.last_exit if process else None,
            "command": list(known.config.command),
        }

    # Monitoring.

    def start_monitoring(self) -> None:
        """Restart processes that end by themselves. That is so from the start, too."""
        self._is_monitoring = True
        self._apply_monitoring(*self._known)

    def stop_monitoring(self) -> None:
        """Leave processes alone: one that ends by itself from here on stays down."""
        self._is_monitoring = False
        self._apply_monitoring(*self._known)

    def _apply_monitoring(self, *names: str) -> None:
        """Tell the tree; what is down now is told when it is started."""
        change = self.tree.monitor if self._is_monitoring else self.tree.unmonitor
        for name in names:
            with contextlib.suppress(otpsup.NotRunning, otpsup.NotFound):
                change(self._known[name].path)

    def _open_log(self) -> None:
        """Write what otpsup does to `logs/supervisor.log`."""
        if self._log is None:
            logger.enable("otpsup")
            Path("logs").mkdir(exist_ok=True)
            self._log = logger.add("logs/supervisor.log", rotation="10 MB", retention=5)

    def shutdown(self) -> None:
        """Stop every process, last first, and the supervisor itself."""
        with self._lock:
            tree, self._tree = self._tree, None
        if tree is not None:
            tree.stop()
        if self._log is not None:
            logger.remove(self._log)
            self._log = None


def _status(above: ChildStatus | None, process: ChildStatus | None) -> str:
    """The old word for the state of a process and of the supervisor above it."""
    if above is None or process is None:
        return "stopped"
    if above.state == "down":
        return "failed" if above.last_exit == "too many restarts" else "stopped"
    if process.state == "down":
        return "stopped"
    return _STATUS.get(process.state, "restarting")


_instance: ProcessSupervisor | None = None
_instance_lock = threading.Lock()


def get_supervisor() -> ProcessSupervisor:
    """The one supervisor of this program, with FastBlog's processes."""
    global _instance
    with _instance_lock:
        if _instance is None:
            _instance = _fastblog()
        return _instance


def _fastblog() -> ProcessSupervisor:
    """FastBlog's processes, with data folder and ports from FASTBLOG_* variables, if set."""
    settings = Settings(
        DataDir(os.environ.get("FASTBLOG_DATA", "fastblog-data")),
        os.environ.get("FASTBLOG_IPC_TOKEN") or secrets.token_urlsafe(),
        int(os.environ.get("FASTBLOG_IPC_PORT", "12345")),
        int(os.environ.get("FASTBLOG_UPDATE_PORT", "8001")),
        int(os.environ.get("FASTBLOG_PORT", "9421")),
    )
    settings.data.root.mkdir(parents=True, exist_ok=True)
    first_start(settings.data)
    supervisor = ProcessSupervisor()
    for spec in build(settings).children:
        assert isinstance(spec, Command | Worker)
        alias = "update_checker" if spec.name == "update_server" else ""
        supervisor.add_process(_config(spec), spec, alias)
    return supervisor


def _config(spec: Command | Worker) -> ProcessConfig:
    what = list(spec.argv) if isinstance(spec, Command) else [str(spec.target)]
    return ProcessConfig(
        name=spec.name,
        command=what,
        autostart=spec.autostart,
        autorestart=spec.restart != "temporary",
    )
