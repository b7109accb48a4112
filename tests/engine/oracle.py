"""What must hold at any moment in any tree, worked out apart from the engine's own code.

`Oracle` watches the events and effects of a `World` and keeps its own books: which children were
up in the present life of their supervisor, who was restarted when, what operators have touched.
Its tables are written out here, not imported: a rule that is wrong in the engine must not be wrong
here for the same reason.
"""

from __future__ import annotations

from collections import defaultdict

from otpsup.engine.child import Child
from otpsup.engine.effects import Effect, Kill, Reply, Report, StateChange
from otpsup.engine.events import (
    CountChildren,
    Event,
    Exited,
    Healthy,
    Ignored,
    MonitorChild,
    ReplaceChild,
    Shutdown,
    StartChild,
    TerminateChild,
    ToChild,
    Unhealthy,
    WhichChildren,
)
from otpsup.engine.node import Node
from otpsup.engine.process import ProcessChild
from otpsup.errors import StartFailed
from otpsup.specs import ChildSpec, DynamicSupervisor, Supervisor
from tests.engine.world import World

IS_RESTARTED = {
    ("permanent", "normal"): True,
    ("permanent", "abnormal"): True,
    ("transient", "normal"): False,
    ("transient", "abnormal"): True,
    ("temporary", "normal"): False,
    ("temporary", "abnormal"): False,
}
"""OTP.md 8.1."""


class WatchedWorld(World):
    """A world in which everything is checked as it happens."""

    def __init__(self, spec: Supervisor | DynamicSupervisor) -> None:
        super().__init__(spec)
        self.oracle = Oracle(self)
        self.is_broken = False

    def deliver(self, event: Event) -> list[Effect]:
        """As `World.deliver`, and check."""
        self.is_broken = True
        self.oracle.heard(event)
        effects = super().deliver(event)
        self.oracle.done(event, effects)
        self.is_broken = False
        return effects

    def perform(self, effect: Effect) -> None:
        """As `World.perform`, and check."""
        self.oracle.told(effect)
        super().perform(effect)


def _is_graph(spec: ChildSpec) -> bool:
    """Whether dependencies are the order of the children of a supervisor, in place of its list."""
    if not isinstance(spec, Supervisor):
        return False
    return spec.parallel or any(child.after for child in spec.children)


def parent_of(path: str) -> str:
    """The path of the supervisor of `path`."""
    return path.rpartition("/")[0]


def is_below(path: str, other: str) -> bool:
    """Whether `path` is `other` or something under it."""
    return path == other or path.startswith(other + "/")


class Oracle:
    """The books about one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._specs: dict[str, ChildSpec] = {}
        self._states: defaultdict[str, str] = defaultdict(lambda: "down")
        self._ended_normally: dict[str, bool] = {}
        self._were_up: defaultdict[str, set[str]] = defaultdict(set)
        self._excused: defaultdict[str, set[str]] = defaultdict(set)
        """Children that an operator has touched, or that declined to run."""
        self._attempts: defaultdict[str, list[float]] = defaultdict(list)
        self._decisions: defaultdict[str, int] = defaultdict(int)
        self._decided_at: dict[str, int] = {}
        self._started_at: dict[str, int] = {}
        self._killed: set[tuple[str, int]] = set()
        self._alone: set[str] = set()
        """Children that an operator replaced in vain: their retries leave the group alone."""
        self._may_strand: set[str] = set()
        """Supervisors in which an operator stopped a child, and so, perhaps, a restart half-way."""
        self._asked: set[str] = set()
        """Supervisors that stop because they were asked, not of themselves."""
        self._must_end: set[str] = set()
        self._orders: dict[str, list[str]] = {}
        self._wanted: dict[str, bool] = {}
        self._monitored: dict[str, bool] = {}
        self._completed: set[str] = set()
        """Children that have ended normally, or declined, since their last start."""
        self._healthy: set[str] = set()
        self._declined: set[str] = set()
        """Children that have declined to run since their last start: nothing is decided then, also
        if their end took so long that they were told to stop."""
        self._ill: set[tuple[str, int]] = set()
        """Incarnations of which a check has failed while they ran: no end of them is normal."""
        self._quit: set[str] = set()
        self._too_early: defaultdict[str, list[StateChange]] = defaultdict(list)
        """Starts that did not wait for this child, which was down."""
        self._was_hurried = False
        self._count = 0

    # What comes in and goes out, as it happens.

    def heard(self, event: Event) -> None:
        """Take down what an event says, and how things stand before it."""
        records = self._records()
        self._wanted = {child.path: child.wanted for child in records}
        self._monitored = {child.path: child.monitored for child in records}
        if isinstance(event, MonitorChild):
            self._monitored.pop(event.path, None)
        self._orders = {
            node.path: [child.path for child in node.children.values()]
            for node in records
            if isinstance(node, Node)
        }
        if isinstance(event, TerminateChild):
            self._may_strand.add(parent_of(event.path))
        match event:
            case Healthy():
                self._healthy.add(event.path)
            case Unhealthy() if self._states[event.path] == "running":
                self._ill.add((event.path, event.run))
            case Exited():
                is_ill = (event.path, event.run) in self._ill
                self._ended_normally[event.path] = event.exit.code == 0 and not is_ill
            case Ignored() if self._states[event.path] == "starting":
                self._declined.add(event.path)
                self._completed.add(event.path)
                self._excused[parent_of(event.path)].add(event.path)
            case ToChild():
                self._excused[parent_of(event.path)].add(event.path)
            case StartChild(spec=spec) if spec is not None:
                self._excused[event.path].add(f"{event.path}/{spec.name}".lstrip("/"))
            case Shutdown(hurry=True):
                self._was_hurried = self._world.engine.root.state != "down"

    def told(self, effect: Effect) -> None:
        """Check one effect against the books."""
        self._count += 1
        match effect:
            case StateChange():
                self._state_changed(effect)
            case Reply(error=StartFailed()):
                request = self._world.open_requests[effect.ref]
                if isinstance(request, ReplaceChild):
                    self._alone.add(request.path)
            case Kill():
                self._killed.add((effect.path, effect.run))
            case Report(context="restart"):
                self._restart_decided(effect)
            case Report(context="shutdown"):
                self._gave_up(effect)

    def done(self, event: Event, effects: list[Effect]) -> None:
        """Check the whole, now that the engine is done with an event."""
        if isinstance(event, WhichChildren | CountChildren):
            answers = [e for e in effects if isinstance(e, Reply) and e.ref == event.ref]
            assert answers, "a question has to wait"
        assert not self._must_end, f"{self._must_end} did not shut down with its last child"
        self._records_match_processes()
        self._deadline_fits()
        if self.is_at_rest():
            self._nothing_is_left_over()

    # Changes of state.

    def _state_changed(self, change: StateChange) -> None:
        path, cause = change.path, change.cause
        before, self._states[path] = self._states[path], change.state
        was_up = before in ("running", "stopping")
        if change.state in ("running", "down"):
            self._alone.discard(path)
        child = self._world.engine.find(path)
        if child is not None and path not in self._specs:  # it waits before its first start
            self._specs[path] = child.spec
        is_own_exit = was_up and cause.kind == "exit" and cause.path == path
        is_own_exit &= path not in self._declined
        match change.state:
            case "starting":
                self._started(change)
                self._completed.discard(path)
                self._healthy.discard(path)
                self._declined.discard(path)
            case "running":
                self._were_up[parent_of(path)].add(path)
            case "stopping":
                self._stopping(change)
            case "down" | "restarting" if is_own_exit:
                self._decided_about(change)
            case "down" if cause.kind == "retries_used":
                self._look_whether_that_ends(change)
        if change.state == "down" and cause.kind == "exit" and cause.path == path:
            has_completed = self._ended_normally.get(path) and path not in self._quit
            self._completed |= {path} if has_completed else set()
            self._quit.discard(path)

    def _started(self, change: StateChange) -> None:
        path, cause = change.path, change.cause
        child = self._world.engine.find(path)
        if child is not None:
            self._specs[path] = child.spec
        if path:
            self._check_start_order(change)
            self._check_dependencies(change)
            early = [c.path for c in self._too_early.pop(path, []) if c.cause is change.cause]
            assert not early, f"{early} were started before {path}, for the same reason"
            self._check_group(change)
            self._check_is_due(change, child)
            assert not self._is_killed(parent_of(path)), f"{path} is started where all is killed"
        if cause.kind in ("exit", "retry") and cause.path == path:
            assert self._decisions[path] == 1, f"{path}: {self._decisions[path]} decisions, 1 start"
        self._decisions[path] = 0
        self._started_at[path] = self._count
        self._asked.discard(path)
        self._may_strand.discard(path)
        self._were_up.pop(path, None)
        self._excused.pop(path, None)
        self._attempts.pop(path, None)

    def _check_is_due(self, change: StateChange, child: Child | None) -> None:
        """Only a request starts what nobody wants, or starts a temporary child again."""
        cause = change.cause
        on_request = cause.kind == "request" and cause.path in (change.path, parent_of(change.path))
        if child is None or on_request:
            return
        is_wanted = child.wanted or self._wanted.get(change.path, True)
        assert is_wanted, f"{change.path} is started, and nobody wants it"
        is_restart = cause.kind in ("exit", "retry") and parent_of(cause.path) == parent_of(
            child.path
        )
        is_again = is_restart and not self._is_own(
            change.path
        )  # whose failed starts are tried again
        assert child.spec.restart != "temporary" or not is_again, f"{change.path} is temporary"

    def _check_start_order(self, change: StateChange) -> None:
        """Those before are up, and in the restart of a group those after are not."""
        path, parent, cause = change.path, parent_of(change.path), change.cause
        node = self._world.engine.find(parent)
        if not isinstance(node, Node) or node.is_dynamic:
            return
        earlier, later = self._before(path), self._behind(path)
        excused = self._excused[parent]
        if self._states[parent] == "starting" and path not in excused:
            on_demand = {child.path for child in node.children.values() if child.on_demand}
            earlier = [] if node.order.is_graph else earlier  # see _check_dependencies
            excused = excused | on_demand
            awaited = [o for o in earlier if o not in excused and not self._is_own(o)]
            missing = [o for o in awaited if not self._is_up(o)]
            assert not missing, f"{path} is started before {missing}"
        is_restart = cause.kind in ("exit", "retry") and self._states[parent] == "running"
        is_restart = is_restart and path not in self._alone
        if node.is_serial and is_restart:
            alive = [other for other in later if self._is_alive(other)]
            assert not alive, f"{path} is started again while {alive} are up"
        if node.strategy == "one_for_all" and is_restart:
            decided = self._decided_at[parent]
            others = self._order(path) if node.order.is_graph else earlier
            old = [o for o in others if self._is_alive(o) and self._started_at[o] < decided]
            assert not old, f"{path} is started again beside {old} from before"

    def _before(self, path: str) -> list[str]:
        """The siblings that a child comes after: all before it in the list, or in the graph."""
        order = self._order(path)
        return [other for other in order if other != path and path in self._behind(other, order)]

    def _behind(self, path: str, order: list[str] | None = None) -> list[str]:
        """The siblings that come after a child: the rest of the list, or its dependents."""
        order = order or self._order(path)
        spec = self._specs[parent_of(path)]
        if not _is_graph(spec):
            return order[order.index(path) + 1 :]
        above = f"{parent_of(path)}/" if parent_of(path) else ""
        declared = {above + child.name for child in getattr(spec, "children", ())}
        after = {other: self._after(other) for other in {*order, *declared}}
        behind: set[str] = set()
        for _ in after:
            behind |= {other for other in after if after[other] & (behind | {path})}
        return [other for other in order if other in behind]

    def _after(self, path: str) -> set[str]:
        """The siblings that the spec of a child names."""
        child = self._world.engine.find(path)
        name = path.rpartition("/")[2]
        declared = getattr(self._specs[parent_of(path)], "children", ())
        spec = child.spec if child else self._specs.get(path)
        spec = spec or next(spec for spec in declared if spec.name == name)
        above = f"{parent_of(path)}/" if parent_of(path) else ""
        return {above + dependency.name for dependency in spec.after}

    def _check_dependencies(self, change: StateChange) -> None:
        """Whatever a child is after, and is wanted, is satisfied when it is started."""
        child = self._world.engine.find(change.path)
        for dependency in child.spec.after if child else ():
            path = f"{parent_of(change.path)}/{dependency.name}".lstrip("/")
            other = self._world.engine.find(path)
            if other is None or not other.wanted or not self._wanted.get(path, True):
                continue
            good = self._satisfies(path, dependency.condition)
            if self._states[path] == "down" and not good:  # nobody starts it, at least not for this
                self._too_early[path].append(change)
                continue
            assert good, f"{change.path} is started, and {path} is not {dependency.condition}"

    def _satisfies(self, path: str, condition: str) -> bool:
        if path in self._completed:
            return True
        state = self._states[path]
        if condition == "started":
            return state in ("starting", "running")
        is_supervisor = isinstance(self._world.engine.find(path), Node)
        is_healthy = is_supervisor or path in self._healthy
        return state == "running" and (
            condition == "ready" or (condition == "healthy" and is_healthy)
        )

    def _check_group(self, change: StateChange) -> None:
        """A restart concerns nobody but those whom the strategy names."""
        path, cause = change.path, change.cause
        spec = self._specs[parent_of(path)]
        is_siblings = parent_of(cause.path) == parent_of(path) and cause.path != path
        if cause.kind not in ("exit", "retry") or not is_siblings:
            return
        assert isinstance(spec, Supervisor), f"{path} goes with {cause.path}"
        assert spec.strategy != "one_for_one", f"{path} goes with {cause.path}"
        order = self._order(path)
        is_later = cause.path not in order or path in self._behind(cause.path, order)
        assert is_later or spec.strategy == "one_for_all", f"{path} goes with {cause.path}"

    def _is_up(self, path: str) -> bool:
        """Whether it came up; under a group strategy, also that nobody has seen its end yet."""
        spec, was_up = self._specs[parent_of(path)], path in self._were_up[parent_of(path)]
        is_serial = isinstance(spec, Supervisor) and spec.strategy != "one_for_one"
        return was_up and (not is_serial or self._states[path] in ("running", "stopping"))

    def _stopping(self, change: StateChange) -> None:
        path, cause = change.path, change.cause
        if cause.kind == "request" or not is_below(cause.path, path):
            self._asked.add(path)
        if cause.kind == "request" and cause.path != path:
            assert not is_below(cause.path, path), f"{path!r} ends for a request about {cause.path}"
        if cause.kind in ("gave_up", "auto_shutdown"):
            self._ended_normally[path] = True
        if cause.kind == "gave_up" and cause.path == path:
            self._quit.add(path)
        if cause.kind == "auto_shutdown" and parent_of(cause.path) == path:
            assert path in self._must_end, f"{path!r} shuts down for no reason"
            self._must_end.remove(path)
        if cause.kind in ("exit", "retry"):
            self._check_group(change)
        if path and not is_below(cause.path, path) and not self._may_be_killed(parent_of(path)):
            self._check_stop_order(path)

    def _check_stop_order(self, path: str) -> None:
        """A supervisor that stops its children begins with the last."""
        if isinstance(self._specs[parent_of(path)], DynamicSupervisor):
            return
        alive = [other for other in self._behind(path) if self._is_alive(other)]
        if self._is_own(path) and not self._is_in_graph(path):  # these go all at once
            alive = [other for other in alive if not self._is_own(other)]
        assert not alive, f"{path} is stopped before {alive}"

    def _is_own(self, path: str) -> bool:
        """Whether its supervisor neither waits for it nor counts what becomes of it."""
        return getattr(self._specs.get(path), "start_retries", None) is not None

    def _is_in_graph(self, path: str) -> bool:
        return _is_graph(self._specs[parent_of(path)])

    def _order(self, path: str) -> list[str]:
        """The siblings of `path`, in start order; it may be forgotten by the end of the event."""
        node = self._world.engine.find(parent_of(path))
        order = [child.path for child in node.children.values()] if isinstance(node, Node) else []
        before = self._orders.get(parent_of(path), [])
        return next((paths for paths in (order, before) if path in paths), [*order, path])

    def _is_killed(self, path: str) -> bool:
        """Whether what is below this supervisor is killed and not asked: order is no matter."""
        node = self._world.engine.find(path)
        if self._was_hurried:
            return True
        if node is not None and path in self._asked and node.spec.shutdown == "brutal_kill":
            return True
        return path != "" and self._is_killed(parent_of(path))

    def _may_be_killed(self, path: str) -> bool:
        """The same, and true if the time to stop in order is up for it or one above it."""
        node = self._world.engine.find(path)
        if node is None or self._is_killed(path):
            return True
        limit = node.spec.shutdown
        is_late = isinstance(limit, int | float) and node.since + limit <= self._world.now
        if node.state == "stopping" and (is_late or limit == "brutal_kill"):
            return True
        return path != "" and self._may_be_killed(parent_of(path))

    def _is_alive(self, path: str) -> bool:
        return any(is_below(process.path, path) for process in self._world.processes.values())

    def _decided_about(self, change: StateChange) -> None:
        """A child ended by itself, and its supervisor has come to a decision about it."""
        path = change.path
        spec = self._specs[path]
        kind = "normal" if self._ended_normally[path] else "abnormal"
        is_restarted = IS_RESTARTED[spec.restart, kind] and self._monitored.get(path, True)
        if path in self._monitored:
            assert is_restarted == (change.state == "restarting"), f"{path}: {change}"
        self._look_whether_that_ends(change)

    def _look_whether_that_ends(self, change: StateChange) -> None:
        """Of a significant child, also that it was given up is its end."""
        path, parent = change.path, parent_of(change.path)
        is_over = change.state == "down" and self._specs[path].significant
        if is_over and self._is_last_significant(path, parent):
            self._must_end.add(parent)

    def _is_last_significant(self, path: str, parent: str) -> bool:
        """OTP.md 13.3 and 13.5."""
        supervisor = self._specs[parent]
        assert isinstance(supervisor, Supervisor)
        if supervisor.auto_shutdown == "any_significant":
            return True
        return not any(
            spec.significant and self._states[other] != "down"
            for other, spec in self._specs.items()
            if other != path and other != "" and parent_of(other) == parent
        )

    # The restart window.

    def _restart_decided(self, report: Report) -> None:
        self._decisions[report.path] += 1
        self._decided_at[report.supervisor] = self._count
        if self._is_own(report.path):
            return
        used, allowed = self._attempt(report)
        assert used <= allowed, f"{used} restarts under {report.supervisor!r}, {allowed} allowed"

    def _gave_up(self, report: Report) -> None:
        used, allowed = self._attempt(report)
        assert used > allowed, f"{report.supervisor!r} gave up at {used} of {allowed}"

    def _attempt(self, report: Report) -> tuple[int, int]:
        """How many attempts the window holds with this one, and how many it may hold."""
        spec = self._specs[report.supervisor]
        assert isinstance(spec, Supervisor | DynamicSupervisor)
        attempts = self._attempts[report.supervisor]
        attempts.append(report.at)
        return sum(report.at - at <= spec.period for at in attempts), spec.intensity

    # At any time.

    def _records(self) -> list[Child]:
        def below(child: Child) -> list[Child]:
            children = list(child.children.values()) if isinstance(child, Node) else []
            return [child, *(record for c in children for record in below(c))]

        return below(self._world.engine.root)

    def _records_match_processes(self) -> None:
        """A record is up exactly if its process is not known to be gone."""
        records = self._records()
        up = {
            (child.path, child.run)
            for child in records
            if isinstance(child, ProcessChild)
            and child.state in ("starting", "running", "stopping")
            and child.pending is None
        }
        assert up == set(self._world.processes)
        for child in records:
            if isinstance(child, Node) and child.state in ("down", "restarting"):
                left = [c.path for c in child.children.values() if c.state != "down"]
                assert not left, f"{left} under {child.path!r}, which is {child.state}"

    def _deadline_fits(self) -> None:
        """There is a deadline if and only if something is waited for that has a limit."""
        deadline = self._world.engine.deadline
        moving = [c for c in self._records() if c.state not in ("down", "running") or c.is_awaited]
        ill = [c for c in self._records() if isinstance(c, ProcessChild) and c.is_failing]
        assert deadline is None or moving or ill, f"a deadline at {deadline} for nothing"
        for child in moving:
            limit = self._limit(child)
            if limit is not None:
                assert deadline is not None, f"no deadline for {child.path}"
                assert deadline <= child.since + limit, f"the deadline of {child.path} is late"

    def _limit(self, child: Child) -> float | None:
        """How long this process may take for what it is doing."""
        if not isinstance(child, ProcessChild) or (child.path, child.run) in self._killed:
            return None
        if child.state == "starting":
            return child.spec.start_timeout
        shutdown = child.spec.shutdown
        if child.state == "stopping" and isinstance(shutdown, int | float):
            return shutdown
        return None

    # When nothing moves.

    def is_at_rest(self) -> bool:
        """True if nothing is queued, starting or stopping; retries may be waited for."""
        return not self._world.queue and all(
            child.state in ("down", "running", "restarting") and not child.is_awaited
            for child in self._records()
        )

    def _nothing_is_left_over(self) -> None:
        records = self._records()
        unseen = [child.path for child in records if child.pending is not None]
        assert not unseen, f"nobody looked at the end of {unseen}"
        restarting = [child for child in records if child.state == "restarting"]
        waiting = [child.path for child in restarting if child.awaited is None]
        for child in restarting:
            assert not child.awaited or not self._may_start(child), f"{child.path} is forgotten"
        if waiting:
            assert self._world.engine.deadline is not None, f"{waiting} wait for nothing"
        assert not self._world.open_requests, f"no answer to {self._world.open_requests}"
        for node in records:
            if isinstance(node, Node) and node.state == "running" and not node.is_dynamic:
                self._nobody_is_forgotten(node)

    def _may_start(self, child: Child) -> bool:
        """Whether all that it is after is there, or wanted by nobody."""
        above = f"{parent_of(child.path)}/" if parent_of(child.path) else ""
        others = [(self._world.engine.find(above + a.name), a) for a in child.spec.after]
        return all(
            other is None
            or not other.wanted
            or self._satisfies(other.path, after.condition)
            or (other.state == "down" and self._may_start(other))
            for other, after in others
        )

    def _nobody_is_forgotten(self, node: Node) -> None:
        """What should run does, or waits for a retry, unless an operator cut that short (11.6)."""
        excused = self._excused[node.path]
        children = list(node.children.values())
        is_waiting = any(child.state == "restarting" for child in children)
        if node.is_serial and (is_waiting or node.path in self._may_strand):
            return
        for child in children:
            if child.spec.restart == "permanent" and not child.on_demand:
                is_fine = child.state in ("running", "restarting") or child.path in excused
                is_fine |= self._is_own(child.path) and child.cause.kind == "retries_used"
                assert is_fine, f"{child.path} is {child.state}"
