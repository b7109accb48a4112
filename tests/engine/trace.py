"""What goes into an engine and comes out of it, in words: one short line each.

    start web                   a process, or a supervisor, begins to start
    ready web                   it is up and can serve
    stop web, kill web          its stop signal, SIGKILL
    exit web: code 1            the process is gone
    down web: ...               the supervisor is down, and why
    restart web (1 of 3 in 5 s) a restart was decided, the first of three that are allowed
    report ...                  a supervisor report
    start_child web: ok         the answer to a request

What a reader can infer is left out: a process's own changes of state, and progress reports.
"""

from __future__ import annotations

from otpsup.engine import Engine
from otpsup.engine.cause import Cause
from otpsup.engine.changes import Change
from otpsup.engine.effects import (
    Effect,
    Halt,
    Kill,
    LastOutput,
    Readiness,
    Reply,
    Report,
    Spawn,
    StateChange,
    Terminate,
)
from otpsup.engine.events import Event, Exited, Ignored
from otpsup.engine.node import Node
from otpsup.engine.reasons import Exit, signal_name


class Scribe:
    """Writes the lines of one engine.

    Attributes:
        labels: how a request is named in the line of its answer, by its `ref`.
    """

    def __init__(self, engine: Engine) -> None:
        self.labels: dict[int, str] = {}
        self._engine = engine
        self._supervisors: set[str] = set()

    def heard(self, event: Event) -> list[str]:
        """The lines for an event."""
        match event:
            case Exited():
                return [f"exit {event.path}: {_exit(event.exit)}"]
            case Ignored():
                return [f"decline {event.path}"]
            case _:
                return []

    def told(self, effect: Effect) -> list[str]:
        """The lines for an effect."""
        match effect:
            case Spawn():
                args = "".join(f" {arg}" for arg in effect.args)
                return [f"start {effect.path}{args}"]
            case Terminate():
                return [f"stop {effect.path}"]
            case Kill():
                return [f"kill {effect.path}"]
            case Reply():
                return [f"{self.labels.get(effect.ref, effect.ref)}: {_answer(effect)}"]
            case Halt():
                return [f"halt {effect.kind}: {effect.reason}"]
            case StateChange():
                return self._change(effect)
            case Report():
                return self._report(effect)
            case Readiness():
                return [
                    f"not ready {effect.path}: {effect.why}"
                    if effect.why
                    else f"ready again {effect.path}"
                ]
            case LastOutput():
                return [f"{effect.path} wrote: {line}" for line in effect.lines]

    def _name(self, path: str) -> str:
        return path or self._engine.root.name

    def _change(self, change: StateChange) -> list[str]:
        if isinstance(self._engine.find(change.path), Node):
            self._supervisors.add(change.path)
        name = self._name(change.path)
        if change.state == "running":
            return [f"ready {name}"]
        if change.path not in self._supervisors:
            return []
        match change.state:
            case "starting":
                return [f"start {name}"]
            case "stopping":
                return [f"stop {name}"]
            case "down":
                return [f"down {name}: {change.reason}"]
            case _:
                return []

    def _report(self, report: Report) -> list[str]:
        match report.context:
            case "progress":
                return []
            case "restart":
                wait = f", after {report.delay:g} s" if report.delay else ""
                return [f"restart {self._name(report.path)}{_window(report.cause)}{wait}"]
            case "shutdown":
                name = self._name(report.supervisor)
                return [f"report shutdown {name}: {report.reason}{_window(report.cause)}"]
            case _:
                return [f"report {report.context} {self._name(report.path)}: {report.reason}"]


def _exit(exit: Exit) -> str:
    return f"code {exit.code}" if exit.signal is None else signal_name(exit.signal)


def _window(cause: Cause) -> str:
    return f" ({cause.restarts} of {cause.intensity} in {cause.period:g} s)"


def _answer(reply: Reply) -> str:
    if reply.error is not None:
        return f"{type(reply.error).__name__}: {reply.error}"
    if reply.value and isinstance(reply.value, tuple) and isinstance(reply.value[0], Change):
        return "".join(f"\n    {_change(change)}" for change in reply.value)
    if isinstance(reply.value, tuple):
        return ", ".join(f"{name} {state}" for name, state, _ in reply.value) or "none"
    if isinstance(reply.value, dict):
        return ", ".join(f"{key} {count}" for key, count in reply.value.items())
    return "ok"


def _change(change: Change) -> str:
    why = f" ({change.why})" if change.why else ""
    error = f": {change.error}" if change.error else ""
    return f"{change.action} {change.path or '/'}{why}{error}"
