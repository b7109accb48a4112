"""Scenarios, played: each event becomes requests and ends, each answer an OTP term.

Decides nothing about supervision, that is the engine's; and nothing about processes, that is
`system`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import frozen

from .. import errors
from ..engine.child import UP
from ..engine.events import (
    Boot,
    CountChildren,
    DeleteChild,
    Request,
    Resume,
    Shutdown,
    StartChild,
    StartDeclared,
    StopSupervisor,
    Suspend,
    TerminateChild,
    WhichChildren,
)
from ..engine.node import Node
from ..engine.requests import count, which
from . import terms
from .scenario import BadScenario, Scenario, parse
from .system import System
from .terms import NOPROC, Term

Event = Mapping[str, Any]


def simulate(scenario: Mapping[str, Any] | Scenario) -> dict[str, Any]:
    """Run a scenario: what would a tree do?

    Args:
        scenario: as docs/reference/scenarios.md has it.

    Returns:
        the trace, as JSON values.

    Raises:
        BadScenario: says where in it, and what was expected.
    """
    return Simulation(scenario if isinstance(scenario, Scenario) else parse(scenario)).run()


@frozen
class Call:
    """A request that was made, and what it takes to read its answer."""

    ref: int
    op: str
    node: Node
    name: str


class Simulation:
    """One run of one scenario: `run` all of it, or `start`, `do` event by event, and `stop`."""

    make_system: type[System] = System

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.system = self.make_system(scenario.spec, scenario.plan)
        self._ops: dict[str, Callable[[Event], Term]] = {
            "kill": self._kill,
            "stop_root": lambda event: self._kill({"path": scenario.spec.name, **event}),
            "plan": self._plan,
            "fail_next": self._plan,
            "advance": self._advance,
            "batch": self._batch,
        }

    def run(self) -> dict[str, Any]:
        """Start the tree, let all events happen, stop it; returns the trace."""
        return {
            "id": self._scenario.id,
            "start": self.start(),
            "events": [self._do_nth(n, event) for n, event in enumerate(self._scenario.events)],
            "final": self.state(),
            "stop": self.stop(),
        }

    def start(self) -> dict[str, Any]:
        """Start the tree."""
        ref = self.system.ask(Boot(ref=self.system.next_ref()))
        self.system.settle()
        failed = self.system.answer(ref).error is not None
        result = ["error", self.system.last_failure] if failed else ["ok", self.system.shown("")]
        return {"op": "start", "result": result, "trace": self._take_trace()}

    def stop(self) -> dict[str, Any]:
        """Stop the tree, if it has not ended yet."""
        if self.system.engine.is_halted:
            return {"result": NOPROC, "trace": []}
        self.system.ask(Shutdown(ref=self.system.next_ref()))
        self.system.settle()
        return {"result": "ok", "trace": self._take_trace()}

    def _do_nth(self, number: int, event: Event) -> dict[str, Any]:
        try:
            return self.do(event)
        except BadScenario as error:
            raise BadScenario(f"events[{number}]: {error}") from None

    def do(self, event: Event) -> dict[str, Any]:
        """Let one event happen, and the tree come to rest."""
        result = self._ops.get(event["op"], self._call)(event)
        record = {"op": event["op"], "result": result, "trace": self._take_trace()}
        if self.system.root_exit is not None:
            record["root_exit"], self.system.root_exit = self.system.root_exit, None
        if self._scenario.snapshots:
            record["snap"] = self.state()
        return record

    def _take_trace(self) -> list[dict[str, Any]]:
        trace, self.system.trace = self.system.trace, []
        return trace

    # Events.

    def _plan(self, event: Event) -> Term:
        outcomes = event["outcomes"] if event["op"] == "plan" else [event["mode"]] * event["n"]
        self.system.plan(self.system.own(event["path"]), outcomes)
        return "ok"

    def _advance(self, event: Event) -> Term:
        self.system.now += event["s"]
        return "ok"

    def _kill(self, event: Event) -> Term:
        path = self.system.own(event["path"])
        if path not in self.system.up:
            return NOPROC
        reason = terms.ENDINGS[event["reason"]]
        if isinstance(self.system.engine.find(path), Node):
            hurry, ref = event["reason"] == "kill", self.system.next_ref()
            self.system.ask(StopSupervisor(path=path, reason=reason, hurry=hurry, ref=ref))
        else:
            self.system.exits(path, reason)
        self.system.settle()
        return "ok"

    def _batch(self, event: Event) -> Term:
        """All of it reaches the supervisor before it handles the first; then one by one."""
        path = self.system.own(event["sup"])
        node = self._running(path)
        if node is None:
            return NOPROC
        self.system.ask(Suspend(path=path, ref=self.system.next_ref()))
        self.system.is_holding = True
        results = [self._in_batch(item, event["sup"]) for item in event["do"]]
        while len(node.mailbox):  # the retry of a start that failed meanwhile comes last
            self.system.ask(Resume(path=path, one=True, ref=self.system.next_ref()))
            self.system.settle()
        self.system.is_holding = False
        self.system.ask(Resume(path=path, ref=self.system.next_ref()))
        self.system.settle()
        return [self._answer(r) if isinstance(r, Call) else r for r in results]

    def _in_batch(self, item: Event, sup: str) -> Term | Call:
        if item["op"] in self._ops:
            return self._ops[item["op"]](item)
        return self._send({"sup": sup, **item})

    # Calls.

    def _call(self, event: Event) -> Term:
        sent = self._send(event)
        self.system.settle()
        return self._answer(sent) if isinstance(sent, Call) else sent

    def _send(self, event: Event) -> Term | Call:
        node = self._running(self.system.own(event["sup"]))
        if node is None:
            return NOPROC
        if event["op"] == "start_child" and not (node.is_dynamic or "child" in event):
            raise BadScenario(
                f"expected a 'child' to start under {event['sup']}; only a simple_one_for_one "
                "supervisor starts one without"
            )
        name = event["child"].name if "child" in event else event.get("id", "")
        ref = self.system.ask(_request(event, node, node.path_of(name), self.system.next_ref()))
        return Call(ref, event["op"], node, name)

    def _running(self, path: str) -> Node | None:
        node = self.system.engine.find(path)
        return node if isinstance(node, Node) and path in self.system.up else None

    def _answer(self, call: Call) -> Term:
        reply = self.system.answer(call.ref)
        if isinstance(reply.error, errors.NotRunning):
            return ["exit", self.system.ends[call.node.path]]
        if isinstance(reply.error, errors.StartFailed):
            return ["error", _why_not_started(call, reply.value)]
        if reply.error is not None:
            return terms.of_error(reply.error, self.system.shown(call.node.path_of(call.name)))
        return _result(call, reply.value)

    # The state.

    def state(self) -> dict[str, Any]:
        """`which_children` and `count_children` of every supervisor that is up."""
        nodes = [self.system.engine.root] if "" in self.system.up else []
        found = {}
        while nodes:
            node = nodes.pop()
            found[self.system.shown(node.path)] = {"which": _which(node), "count": count(node)}
            nodes += [c for c in node.children.values() if isinstance(c, Node) and c.state in UP]
        return dict(sorted(found.items()))


def _request(event: Event, node: Node, path: str, ref: int) -> Request:
    match event["op"]:
        case "start_child":
            spec = None if node.is_dynamic else event.get("child")
            return StartChild(path=node.path, spec=spec, ref=ref)
        case "terminate_child":
            return TerminateChild(path=path, ref=ref)
        case "restart_child":
            return StartDeclared(path=path, restart_only=True, ref=ref)
        case "delete_child":
            return DeleteChild(path=path, ref=ref)
        case "which_children":
            return WhichChildren(path=node.path, ref=ref)
    return CountChildren(path=node.path, ref=ref)


def _result(call: Call, value: Any) -> Term:
    match call.op:
        case "start_child" | "restart_child":
            return ["ok", *value] if isinstance(value, list) else ["ok", value]
        case "which_children":
            return _listed(call.node, value)
        case "count_children":
            return value
    return "ok"


def _why_not_started(call: Call, why: Term) -> Term:
    """OTP.md 14.1, 14.3 and 16.2: a start_child that would add a record tells which."""
    is_new = call.op == "start_child" and not call.node.is_dynamic
    return [why, {"child": call.name}] if is_new else why


def _which(node: Node) -> Term:
    return _listed(node, which(node))


def _listed(node: Node, children: Iterable[tuple[str, str, str]]) -> Term:
    """OTP's order, the newest first; instances of a template are sorted.

    OTP does not tell which instance it is that restarts.
    """
    rows = [[name, _STATES.get(state, "running"), _TYPES[kind]] for name, state, kind in children]
    if not node.is_dynamic:
        return rows[::-1]
    return sorted([i if s == "running" else "undefined", s, kind] for i, s, kind in rows)


_STATES = {"down": "undefined", "restarting": "restarting"}
_TYPES = {
    "worker": "worker",
    "command": "worker",
    "supervisor": "supervisor",
    "dynamic_supervisor": "supervisor",
}
