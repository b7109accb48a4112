"""supervisord's own classes, run in memory: the oracle for events, listeners and capture mode.

Nothing is replaced but the edge of the daemon: its options, which read descriptors and log.
"""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

from supervisor import events, loggers, process, states
from supervisor.dispatchers import PEventListenerDispatcher, POutputDispatcher, default_handler

STDOUT = 11
STATES = states.ProcessStates
LISTENER_STATES = {
    code: name for name, code in vars(states.EventListenerStates).items() if name.isupper()
}
TYPES: dict[str, Any] = {
    name: kind for name, kind in vars(events.EventTypes).items() if name.isupper()
}


class Sink:
    """Where the real thing logs: lines by level."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __getattr__(self, level: str) -> Any:
        def log(text: str, **more: Any) -> None:
            self.lines.append((level, text % more if more else text))

        return log


class Options:
    """The daemon's: bytes are there when `feed` has brought them."""

    identifier = "supervisor"
    strip_ansi = False
    loglevel = loggers.LevelsByName.INFO

    def __init__(self) -> None:
        self.logger = Sink()
        self.chunks: deque[bytes] = deque()
        self.written: list[tuple[str, bytes]] = []

    def readfd(self, fd: int) -> bytes:
        return self.chunks.popleft() if self.chunks else b""

    def getLogger(self) -> Any:  # noqa: N802
        return loggers.getLogger()

    def close_parent_pipes(self, pipes: Any) -> None: ...


class Listener(process.Subprocess):  # type: ignore[misc]
    """A real Subprocess whose stdin is a list."""

    def write(self, chars: bytes) -> None:
        self.config.options.written.append((self.config.name, chars))


def config_of(options: Options, name: str, **more: Any) -> Any:
    """What a process is made from."""
    fields: dict[str, Any] = {
        "name": name, "options": options, "priority": -1, "exitcodes": [0], "startsecs": 0,
        "startretries": 3, "autorestart": False, "autostart": False, "stopwaitsecs": 10,
    }  # fmt: skip
    for channel in ("stdout", "stderr"):
        fields |= {
            f"{channel}_logfile": None, f"{channel}_logfile_maxbytes": 0,
            f"{channel}_logfile_backups": 0, f"{channel}_syslog": False,
            f"{channel}_capture_maxbytes": 0, f"{channel}_events_enabled": False,
        }  # fmt: skip
    config = SimpleNamespace(**(fields | more))
    config.make_process = lambda group: in_group(Listener(config), group)
    return config


def in_group(made: Any, group: Any) -> Any:
    made.group = group
    return made


class RealPool:
    """An EventListenerPool, whose processes are started and end when told."""

    def __init__(
        self, name: str, listeners: list[str], subscribed: list[str], buffer_size: int
    ) -> None:
        events.clear()
        process.GlobalSerial.serial = -1
        self.options = Options()
        self.pool = process.EventListenerPool(
            SimpleNamespace(
                name=name,
                options=self.options,
                priority=-1,
                process_configs=[config_of(self.options, one) for one in listeners],
                buffer_size=buffer_size,
                pool_events=[TYPES[one] for one in subscribed],
                result_handler=default_handler,
            )
        )

    def __enter__(self) -> RealPool:
        return self

    def __exit__(self, *error: object) -> None:
        events.clear()

    def _process(self, name: str) -> Any:
        return self.pool.processes[name]

    def start(self, name: str, pid: int) -> None:
        one = self._process(name)
        one.change_state(STATES.STARTING)
        one.dispatchers = {STDOUT: PEventListenerDispatcher(one, "stdout", STDOUT)}
        one.pid = pid

    def run(self, name: str) -> None:
        self._process(name).change_state(STATES.RUNNING)

    def end(self, name: str) -> None:
        one = self._process(name)
        one.finish(one.pid, 0)

    def stop(self, name: str) -> None:
        one = self._process(name)
        one.killing = True
        one.change_state(STATES.STOPPING)

    def say(self, name: str, data: bytes) -> None:
        self.options.chunks.append(data)
        self._process(name).dispatchers[STDOUT].handle_read_event()

    def seen(self) -> dict[str, Any]:
        """What is to be compared: what was written, what waits, and who is in which state."""
        return {
            "written": self.options.written,
            "waiting": [
                (event.serial, event.pool_serials[self.pool.config.name])
                for event in self.pool.event_buffer
            ],
            "states": {
                name: LISTENER_STATES.get(one.listener_state, "ACKNOWLEDGED")
                for name, one in self.pool.processes.items()
            },
            "errors": [text for level, text in self.options.logger.lines if level == "error"],
        }


class RealOutput:
    """A POutputDispatcher: chunks in, log and events out."""

    def __init__(self, channel: str, *, strip_ansi: bool = False, **settings: Any) -> None:
        events.clear()
        self.options = Options()
        self.options.strip_ansi = strip_ansi
        config = config_of(
            self.options, "cat", **{f"{channel}_{k}": v for k, v in settings.items()}
        )
        group = SimpleNamespace(config=SimpleNamespace(name="pets"))
        owner = in_group(Listener(config), group)
        owner.pid = 42
        kinds = {
            "stdout": events.ProcessCommunicationStdoutEvent,
            "stderr": events.ProcessCommunicationStderrEvent,
        }
        self.dispatcher = POutputDispatcher(owner, kinds[channel], STDOUT)
        self.logged = b""
        self.dispatcher.normallog = self.dispatcher.childlog = self
        self.told: list[tuple[str, str]] = []
        events.subscribe(events.Event, self._tell)

    def info(self, data: bytes) -> None:
        self.logged += data

    def _tell(self, event: Any) -> None:
        self.told.append((events.getEventNameByType(type(event)), event.payload()))

    def say(self, data: bytes) -> None:
        assert data
        self.options.chunks.append(data)
        self.dispatcher.handle_read_event()
