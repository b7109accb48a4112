"""What operators ask of a supervisor, and OTP's answers (OTP.md section 14).

Decides who may do what in which state. The work itself is a plan, carried out by the node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import errors
from ..specs import ChildSpec, DynamicSupervisor, check, check_significant
from . import purpose
from .cause import Cause
from .child import UP, Child
from .effects import Reply
from .events import (
    CountChildren,
    DeleteChild,
    MonitorChild,
    ReplaceChild,
    Request,
    StartChild,
    StartDeclared,
    TerminateChild,
    ToChild,
    ToSupervisor,
    WhichChildren,
)
from .plan import chain

if TYPE_CHECKING:
    from .node import Node

_WORDS: dict[type[Request], str] = {
    StartChild: "start_child",
    StartDeclared: "start_child",
    TerminateChild: "terminate_child",
    ReplaceChild: "restart",
    DeleteChild: "delete_child",
}


class Handler:
    """Answers the requests that reach one supervisor."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._answers: dict[type[Request], Callable[[Any], None]] = {
            StartChild: self._start_new,
            StartDeclared: self._start_declared,
            TerminateChild: self._terminate,
            ReplaceChild: self._replace,
            DeleteChild: self._delete,
            MonitorChild: self._monitor,
            WhichChildren: self._which,
            CountChildren: self._count,
        }

    def must_wait(self, request: Request) -> bool:
        """Whether `request` has to wait for a plan; a stop first cuts short the start it meets."""
        at_once = WhichChildren | CountChildren | MonitorChild
        if isinstance(request, at_once) or self._is_from_below(request):
            return False
        child = self._subject(request)
        if not self._node.is_busy_with(child):
            return False
        if isinstance(request, TerminateChild | ReplaceChild) and child is not None:
            self._cut_short(child, _cause(request))
        return True

    def _cut_short(self, child: Child, cause: Cause) -> None:
        if child.state == "starting" and child.plan and child.plan.doing(child) == "start":
            child.stop(cause)

    def _subject(self, request: Request) -> Child | None:
        if isinstance(request, ToChild):
            return self._node.children.get(request.path.rpartition("/")[2])
        if isinstance(request, StartChild) and request.spec is not None:
            return self._node.children.get(request.spec.name)
        return None

    def handle(self, request: Request) -> None:
        """Answer now, or begin what will answer. A refusal changes nothing."""
        try:
            self._check_caller(request)
            self._answers[type(request)](request)
        except errors.OtpsupError as error:
            self._node.core.emit(Reply(request.ref, error=error))

    def _check_caller(self, request: Any) -> None:
        if self._is_from_below(request):
            raise errors.CallerNotReady(
                f"cannot {_WORDS[type(request)]} {request.path or self._node.name!r}: "
                f"{request.caller!r} asked before it was ready itself; let it call "
                "current_child().ready() first"
            )

    def _is_from_below(self, request: Request) -> bool:
        """Whether a child asks for a start that may itself wait for that child (OTP.md 17.4)."""
        if not isinstance(request, StartChild | StartDeclared | ReplaceChild):
            return False
        known = self._node.core.children
        child = known.get(request.caller or "")
        while child and child.path and child.state == "starting":
            if child.parent is self._node:
                return True
            child = known.get(child.path.rpartition("/")[0])
        return False

    # start_child

    def _start_new(self, request: StartChild) -> None:
        node = self._node
        if isinstance(node.spec, DynamicSupervisor):
            child = self._new_instance(node.spec, request)
        else:
            child = self._new_child(request)
        why = purpose.ApiStart(_cause(request), request.ref, child, new=True)
        node.carry_out(why, chain([], [child]))

    def _new_instance(self, spec: DynamicSupervisor, request: StartChild) -> Child:
        node = self._node
        if request.spec is not None:
            raise errors.SimpleOneForOne(
                f"cannot start a child of its own under {node.name!r}: it runs instances of its "
                f"template {spec.template.name!r} only; give arguments instead of a spec"
            )
        if spec.max_children is not None and len(node.children) >= spec.max_children:
            raise errors.MaxChildren(
                f"cannot start an instance under {node.name!r}: all {spec.max_children} places "
                "(max_children) are taken"
            )
        node.instances += 1
        return node.add(spec.template, f"{spec.template.name}#{node.instances}", request.args)

    def _new_child(self, request: StartChild) -> Child:
        spec = request.spec
        if spec is None or request.args:
            raise errors.NotFound(
                f"cannot start a child under {self._node.name!r} from arguments: it has no "
                "template; name a declared child or give a spec"
            )
        check_significant(self._node.spec, spec)
        self._check_free(spec)
        return self._node.add(spec, spec.name)

    def _check_free(self, spec: ChildSpec) -> None:
        other = self._node.children.get(spec.name)
        if other is None:
            return
        if other.state in UP:
            raise _already_started(other)
        raise errors.AlreadyPresent(
            f"cannot add child {other.path!r}: the name is taken by a child that is {other.state}; "
            "start that one, or terminate and delete it first"
        )

    def _start_declared(self, request: StartDeclared) -> None:
        child = self._find(request.path, "start")
        if child.state == "restarting":
            raise errors.Restarting(
                f"cannot start child {child.path!r}: it waits for its next restart attempt; "
                "terminate it first, or use restart"
            )
        if child.state in UP:
            raise (
                self._running(child, "restart") if request.restart_only else _already_started(child)
            )
        why = purpose.ApiStart(_cause(request), request.ref, child, new=False)
        self._node.carry_out(why, chain([], [child]))

    # terminate_child, delete_child, restart

    def _terminate(self, request: TerminateChild) -> None:
        child = self._find(request.path, "terminate")
        child.wanted = False
        why = purpose.ApiStop(_cause(request), request.ref, child)
        self._node.carry_out(why, chain([child], []))

    def _replace(self, request: ReplaceChild) -> None:
        child = self._find(request.path, "restart")
        if not self._node.is_dynamic and child.spec.restart == "temporary" and not child.on_demand:
            raise errors.NotFound(
                f"cannot restart child {child.path!r}: it is temporary, so its record ends with it"
            )
        if child.wanted and child.spec.restart != "temporary":
            why = purpose.Replace(_cause(request), request.ref, child)
            self._node.restarter.replace(child, why)
        else:
            start = purpose.ApiStart(_cause(request), request.ref, child, new=False)
            self._node.carry_out(start, chain([child], [child]))

    def _delete(self, request: DeleteChild) -> None:
        child = self._find(request.path, "delete")
        if child.state == "restarting":
            raise errors.Restarting(
                f"cannot delete child {child.path!r}: it waits for its next restart attempt; "
                "terminate it first"
            )
        if child.state in UP:
            raise self._running(child, "delete")
        self._node.forget(child)
        self._node.core.emit(Reply(request.ref, None))

    def _monitor(self, request: MonitorChild) -> None:
        child = self._find(request.path, "monitor")
        child.monitored = request.on
        self._node.core.emit(Reply(request.ref, child))

    def _find(self, path: str, verb: str) -> Child:
        node = self._node
        child = node.children.get(path.rpartition("/")[2])
        if node.is_dynamic and verb not in ("terminate", "monitor"):
            raise errors.SimpleOneForOne(
                f"cannot {verb} {path!r}: instances of a template can only be started anew and "
                "terminated"
            )
        if child is None:
            raise not_found(verb, path, node.core.children)
        return child

    def _running(self, child: Child, verb: str) -> errors.Running:
        return errors.Running(
            f"cannot {verb} child {child.path!r}: it is {child.state}{_pid(child)}; "
            "terminate it first"
        )

    # Queries.

    def _which(self, request: WhichChildren) -> None:
        value = tuple((c.name, c.state, c.type) for c in self._node.children.values())
        self._node.core.emit(Reply(request.ref, value))

    def _count(self, request: CountChildren) -> None:
        """OTP: supervisors and workers count records, dead or alive; active only living ones."""
        children = self._node.children.values()
        supervisors = sum(c.type.endswith("supervisor") for c in children)
        value = {
            "specs": 1 if self._node.is_dynamic else len(children),
            "active": sum(c.state in UP and c.pending is None for c in children),
            "supervisors": supervisors,
            "workers": len(children) - supervisors,
        }
        self._node.core.emit(Reply(request.ref, value))


def _cause(request: ToChild | ToSupervisor | Any) -> Cause:
    return Cause("request", request.path, rule=_WORDS[type(request)], by=request.caller)


def _pid(child: Child) -> str:
    return f" (pid {child.pid})" if child.pid else ""


def _already_started(child: Child) -> errors.AlreadyStarted:
    text = f"cannot start child {child.path!r}: already {child.state}{_pid(child)}"
    return errors.AlreadyStarted(text, child.pid)


def not_found(verb: str, path: str, known: dict[str, Child]) -> errors.NotFound:
    """The error for a path that names nobody, with the nearest path that names somebody."""
    hint = check.nearest(path, filter(None, known)) or "`status` lists all paths"
    return errors.NotFound(f"cannot {verb} child {path!r}: there is no such child; {hint}")
