"""What operators ask of a supervisor, and OTP's answers (OTP.md section 14).

Decides who may do what in which state. The work itself is a plan, carried out by the node.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any

from .. import errors
from ..specs import ChildSpec, DynamicSupervisor, check, check_on_its_own, check_significant
from ..specs.after import among, check_graph
from ..specs.output import check_files
from ..specs.supervisors import files_of
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
    StopSupervisor,
    TerminateChild,
    ToChild,
    WhichChildren,
)

if TYPE_CHECKING:
    from .node import Node

_LEAVES = ("worker", "command")
_WORDS: dict[type[Request], str] = {
    StartChild: "start_child",
    StartDeclared: "start_child",
    TerminateChild: "terminate_child",
    ReplaceChild: "restart",
    DeleteChild: "delete_child",
    StopSupervisor: "stop",
}
_UPDATES: dict[type[Request], str] = {
    StartChild: "update_start",
    StartDeclared: "update_start",
    TerminateChild: "update_stop",
}


class Handler:
    """Answers the requests that reach one supervisor."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def must_wait(self, request: Request) -> bool:
        """Whether `request` has to wait for a plan; a stop first cuts short the start it meets."""
        at_once = WhichChildren | CountChildren | MonitorChild
        if isinstance(request, at_once) or self._is_from_below(request):
            return False
        child = self._subject(request)
        if isinstance(request, TerminateChild | ReplaceChild) and child is not None:
            self._cut_short(child, request)
        return self._node.is_busy_with(child) or self._is_busy_below(request, child)

    def _is_busy_below(self, request: Request, child: Child | None) -> bool:
        """A start waits while something is being done to those that it is after."""
        if child is None or not isinstance(request, StartDeclared | ReplaceChild):
            return False
        siblings = self._node.children
        names = (dependency.name for dependency in child.spec.after)
        return any(self._node.is_busy_with(siblings.get(name)) for name in names)

    def _cut_short(self, child: Child, request: Request) -> None:
        if child.state in ("starting", "running") and child.is_being_started:
            child.stop(_cause(request, child))

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
            _ANSWERS[type(request)](self, request)
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
        why = purpose.ApiStart(_cause(request, child), request.ref, child, new=True)
        node.carry_out(why, starts=[child])

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
        name = f"{spec.template.name}#{node.core.next_instance(node.path)}"
        return node.add(spec.template, name, request.args)

    def _new_child(self, request: StartChild) -> Child:
        spec = request.spec
        if spec is None or request.args:
            raise errors.NotFound(
                f"cannot start a child under {self._node.name!r} from arguments: it has no "
                "template; name a declared child or give a spec"
            )
        check_significant(self._node.spec, spec)
        check_on_its_own(self._node.spec, spec)
        self._check_free(spec)
        self._check_files(spec)
        self._check_names(spec)
        return self._node.add(spec, spec.name)

    def _check_files(self, spec: ChildSpec) -> None:
        """It rotates a log as those do that write to it already."""
        added = list(files_of(spec, self._node.path_of(spec.name)))
        if added:
            known = self._node.core.children.values()
            there = (files_of(child.spec, child.path) for child in known if child.type in _LEAVES)
            check_files([*chain.from_iterable(there), *added])

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
        if child.is_on_its_own:
            child.attempts = 0
        if not request.for_update:  # nobody is there to ask again; as in a boot, it waits
            self._check_dependencies("start", child)
        why = purpose.ApiStart(_cause(request, child), request.ref, child, new=False)
        self._node.carry_out(why, starts=[child])

    def _check_names(self, spec: ChildSpec) -> None:
        """Who is added names siblings that are there, and fits what these say of its name.

        They may have been after another child of that name, which was deleted.
        """
        owner = check.label(self._node.spec)
        if not self._node.order.is_graph:
            if not spec.after:
                return
            raise errors.InvalidSpec(
                f"{owner} orders its children by its list, where {spec.name!r} would come last "
                "anyway; leave its `after` out",
                "bad_combination",
            )
        siblings = [child.spec for child in self._node.children.values()]
        names = {spec.name, *(sibling.name for sibling in siblings)}
        check_graph(owner, [*(among(names, sibling) for sibling in siblings), spec])

    def _check_dependencies(self, verb: str, child: Child) -> None:
        """Who asks is told at once for what it would have to wait."""
        if unmet := self._node.order.unmet(child):
            dependency, other = unmet
            need = "" if dependency.condition == "ready" else f" ({dependency.condition})"
            raise errors.DependencyNotMet(
                f"cannot {verb} child {child.path!r}: it is after {other.path!r}{need}, which is "
                f"{other.state}; {_what_to_do(other)}"
            )

    # terminate_child, delete_child, restart

    def _terminate(self, request: TerminateChild) -> None:
        if self._has_ended(request.path):
            self._node.core.emit(Reply(request.ref))
            return
        child = self._find(request.path, "terminate")
        child.wanted = False
        child.owed = request.for_update and child.owed
        why = purpose.ApiStop(_cause(request, child), request.ref, child)
        self._node.carry_out(why, stops=[child])

    def _has_ended(self, path: str) -> bool:
        """Whether this is an instance that there was once; to stop it is done (OTP.md 16.4)."""
        node, name = self._node, path.rpartition("/")[2]
        if not isinstance(node.spec, DynamicSupervisor) or name in node.children:
            return False
        template, _, number = name.partition("#")
        made = node.core.instances(node.path)
        return template == node.spec.template.name and _is_from_1_to(made, number)

    def _replace(self, request: ReplaceChild) -> None:
        child = self._find(request.path, "restart")
        self._check_dependencies("restart", child)
        if not self._node.is_dynamic and child.spec.restart == "temporary" and not child.on_demand:
            raise errors.NotFound(
                f"cannot restart child {child.path!r}: it is temporary, so its record ends with it"
            )
        if child.is_on_its_own:
            child.attempts = 0
        if child.wanted and child.spec.restart != "temporary":
            why = purpose.Replace(_cause(request, child), request.ref, child)
            self._node.restarter.replace(child, why)
        else:
            start = purpose.ApiStart(_cause(request, child), request.ref, child, new=False)
            self._node.carry_out(start, stops=[child], starts=[child])

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
        node, name = self._node, path.rpartition("/")[2]
        child = node.children.get(name)
        is_instance = "#" in name and verb in ("terminate", "monitor")
        if node.is_dynamic and not is_instance:
            raise errors.SimpleOneForOne(
                f"cannot {verb} {check.shown(path)}: instances of a template, as 'job#1', can only "
                "be started anew and terminated"
            )
        if child is None:
            raise not_found(verb, path, node.core.children)
        return child

    def _running(self, child: Child, verb: str) -> errors.Running:
        return errors.Running(
            f"cannot {verb} child {child.path!r}: it is {child.state}{_pid(child)}; "
            "terminate it first"
        )

    # The supervisor itself.

    def _stop(self, request: StopSupervisor) -> None:
        self._node.core.emit(Reply(request.ref))
        self._node.end("stopped", request.reason, _cause(request, self._node))

    # Queries.

    def _which(self, request: WhichChildren) -> None:
        self._node.core.emit(Reply(request.ref, which(self._node)))

    def _count(self, request: CountChildren) -> None:
        self._node.core.emit(Reply(request.ref, count(self._node)))


_ANSWERS: dict[type[Request], Callable[[Handler, Any], None]] = {
    StartChild: Handler._start_new,
    StartDeclared: Handler._start_declared,
    TerminateChild: Handler._terminate,
    ReplaceChild: Handler._replace,
    DeleteChild: Handler._delete,
    MonitorChild: Handler._monitor,
    WhichChildren: Handler._which,
    CountChildren: Handler._count,
    StopSupervisor: Handler._stop,
}


def which(node: Node) -> tuple[tuple[str, str, str], ...]:
    """Name, state and type of each child, in start order."""
    return tuple((child.name, child.state, child.type) for child in node.children.values())


def count(node: Node) -> dict[str, int]:
    """OTP: supervisors and workers count records, dead or alive; active only living ones.

    Whether an instance of a template is alive is not looked at (OTP.md 15.2, 16.6).
    """
    children, pool = node.children.values(), node.is_dynamic
    supervisors = sum(child.type.endswith("supervisor") for child in children)
    return {
        "specs": 1 if pool else len(children),
        "active": sum(c.state in UP and (c.pending is None or pool) for c in children),
        "supervisors": supervisors,
        "workers": len(children) - supervisors,
    }


def _cause(request: Any, child: Child) -> Cause:
    """That somebody asked for it; what was before does not count for less."""
    before = None if child.cause.kind == "boot" and child.run == 0 else child.cause
    rule = _UPDATES[type(request)] if request.for_update else _WORDS[type(request)]
    return Cause("request", child.path, rule=rule, by=request.caller, parent=before)


_FEW = 12
"""Paths that a message lists."""


def _is_from_1_to(most: int, number: str) -> bool:
    """Whether it is such a number; it may be any text, and as long as somebody made it."""
    is_short = number.isascii() and number.isdigit() and len(number) <= len(str(most))
    return is_short and 0 < int(number) <= most


def _what_to_do(other: Child) -> str:
    return "start that first" if other.state == "down" else "wait for it, or stop it"


def _pid(child: Child) -> str:
    return f" (pid {child.pid})" if child.pid else ""


def _already_started(child: Child) -> errors.AlreadyStarted:
    text = f"cannot start child {child.path!r}: already {child.state}{_pid(child)}"
    return errors.AlreadyStarted(text, child.pid)


def not_found(verb: str, path: str, known: dict[str, Child]) -> errors.NotFound:
    """The error for a path that names nobody, with the nearest path that names somebody."""
    paths = list(filter(None, known))
    few = f"the paths are: {', '.join(paths)}" if 0 < len(paths) <= _FEW else ""
    hint = check.nearest(path, paths) or few or "`status` lists all paths"
    return errors.NotFound(
        f"cannot {verb} child {check.shown(path)}: there is no such child; {hint}"
    )
