"""The language of the transcripts: a tree, commands, and what each of them leads to.

    # The guarantee, in a sentence or two.

    Supervisor("top", children=[Worker("a", run)])

    boot
    ----
    start a
    ready a
    ready top
    boot: ok

Parts are separated by blank lines. The lines above `----` are commands, those below are what came
of them. A command is carried out until everything is quiet; commands joined by ` & ` arrive
together, before anything that comes of the first. Everything after ` #` is a remark.

    boot | shutdown [hurry]
    start_child PATH [ARGS | SPEC] | terminate_child PATH | delete_child PATH
    restart PATH | restart_child PATH | which_children PATH | count_children PATH
    monitor PATH | unmonitor PATH
    by CHILD REQUEST            the child itself makes the request
    crash PATH | exit PATH CODE_OR_SIGNAL
    starts PATH OUTCOME ...     how its next starts go, see `world.Outcome`
    stops PATH ANSWER           how it takes its stop signal, see `world.StopAnswer`
    ready PATH | finish PATH    a slow start, a slow stop comes to its end
    heal PATH                   it says that all is well
    plan TREE | reload TREE     what a reload would do, and the reload
    advance SECONDS
    status | deadline

The root's path is `/`.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, cast, get_args

from attrs import define, evolve

from otpsup import specs
from otpsup.engine.events import (
    Boot,
    CountChildren,
    DeleteChild,
    MonitorChild,
    Reload,
    ReplaceChild,
    Request,
    Shutdown,
    StartChild,
    StartDeclared,
    TerminateChild,
    WhichChildren,
)
from otpsup.engine.node import Node
from otpsup.engine.snapshot import ChildStatus
from otpsup.specs import after
from tests.engine.world import Outcome, StopAnswer, World

VOCABULARY: dict[str, object] = {
    "__builtins__": {},
    "Backoff": specs.Backoff,
    "DynamicSupervisor": specs.DynamicSupervisor,
    "Supervisor": specs.Supervisor,
    "Worker": specs.Worker,
    "Command": specs.Command,
    "After": specs.After,
    "completed": after.completed,
    "healthy": after.healthy,
    "started": after.started,
    "run": "app:run",
}


def spec_of(text: str) -> Any:
    """The specification that this source text describes."""
    return eval(text, VOCABULARY)


@define
class Part:
    """Some commands and what came of them."""

    commands: str
    expected: str = ""


@define
class Script:
    """A transcript, taken apart."""

    head: str
    tree: str
    parts: list[Part]

    @classmethod
    def parse(cls, text: str) -> Script:
        """Take a transcript apart."""
        head, tree, *parts = [part.strip("\n") for part in text.split("\n\n") if part.strip()]
        return cls(head, tree, [_part(part) for part in parts])

    def text(self) -> str:
        """Put it together again."""
        parts = [f"{part.commands}\n----\n{part.expected}".rstrip("\n") for part in self.parts]
        return "\n\n".join([self.head, self.tree, *parts]) + "\n"

    def run(self) -> Script:
        """The same transcript with what comes of it now."""
        player = Player(World(spec_of(self.tree)))
        parts = [Part(part.commands, player.play(part.commands)) for part in self.parts]
        return Script(self.head, self.tree, parts)


def _part(text: str) -> Part:
    commands, _, expected = text.partition("\n----")
    return Part(commands, expected.strip("\n"))


def _root(text: str) -> specs.Supervisor | specs.DynamicSupervisor:
    spec = spec_of(text)
    assert isinstance(spec, specs.Supervisor | specs.DynamicSupervisor)
    return spec


def _path(word: str) -> str:
    return "" if word == "/" else word


class Player:
    """Carries out commands on a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands: dict[str, Callable[[str], None]] = {
            "crash": world.exit,
            "exit": self._exit,
            "starts": self._starts,
            "stops": self._stops,
            "ready": world.ready,
            "finish": world.finish,
            "heal": world.heal,
            "advance": lambda seconds: cast("None", world.advance(float(seconds))),
            "status": self._status,
            "deadline": self._deadline,
        }
        self._requests: dict[str, Callable[[str], Request]] = {
            "boot": lambda _: Boot(),
            "shutdown": lambda how: Shutdown(hurry=how == "hurry"),
            "start_child": self._start_child,
            "restart_child": lambda path: StartDeclared(path, restart_only=True),
            "terminate_child": TerminateChild,
            "delete_child": DeleteChild,
            "restart": ReplaceChild,
            "monitor": MonitorChild,
            "unmonitor": lambda path: MonitorChild(path, on=False),
            "which_children": lambda path: WhichChildren(_path(path)),
            "count_children": lambda path: CountChildren(_path(path)),
            "plan": lambda tree: Reload(spec=_root(tree), preview=True),
            "reload": lambda tree: Reload(spec=_root(tree)),
        }

    def play(self, lines: str) -> str:
        """Carry out these lines of commands; return what came of them."""
        self._world.take_log()
        for line in lines.splitlines():
            for command in line.partition(" #")[0].split(" & "):
                self._do(command.strip())
            self._world.settle()
        return "\n".join(self._world.take_log())

    def _do(self, command: str) -> None:
        verb, _, rest = command.partition(" ")
        if verb in self._commands:
            self._commands[verb](rest.strip())
        elif verb == "by":
            caller, _, request = rest.partition(" ")
            self._ask(request, command, caller)
        else:
            self._ask(command, command, None)

    def _ask(self, request: str, label: str, caller: str | None) -> None:
        verb, _, rest = request.partition(" ")
        made = self._requests[verb](rest.strip())
        self._world.ask(evolve(made, caller=caller), label)

    def _start_child(self, words: str) -> Request:
        path, _, rest = words.partition(" ")
        node = self._world.engine.find(_path(path))
        if rest.strip():
            given = spec_of(rest)
            if isinstance(given, specs.ChildSpec):
                return StartChild(_path(path), given)
            return StartChild(path, None, given if isinstance(given, tuple) else (given,))
        if isinstance(node, Node) and node.is_dynamic:
            return StartChild(path)
        return StartDeclared(path)

    def _exit(self, words: str) -> None:
        path, how = words.split()
        if how.isdigit():
            self._world.exit(path, code=int(how))
        else:
            self._world.exit(path, signal=signal.Signals[how])

    def _starts(self, words: str) -> None:
        path, *outcomes = words.split()
        assert set(outcomes) <= set(get_args(Outcome)), outcomes
        self._world.starts[path].clear()
        self._world.starts[path].extend(cast("list[Outcome]", outcomes))

    def _stops(self, words: str) -> None:
        path, answer = words.split()
        assert answer in get_args(StopAnswer), answer
        self._world.stops[path] = cast("StopAnswer", answer)

    def _status(self, _: str) -> None:
        self._world.settle()
        self._world.log += _lines(self._world.engine.snapshot(), "")

    def _deadline(self, _: str) -> None:
        self._world.settle()
        deadline: Any = self._world.engine.deadline
        self._world.log.append("none" if deadline is None else f"at {deadline:g} s")


def _lines(status: ChildStatus, indent: str) -> list[str]:
    lines = [f"{indent}{status.name} {status.state}"]
    for child in status.children:
        lines += _lines(child, indent + "  ")
    return lines
