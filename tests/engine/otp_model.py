"""OTP's supervisor, written down once more as simply as possible, to compare the engine with.

A transcription of OTP.md sections 4 to 14 and 16. It is blocking, as OTP's own is: a start or a
stop is done when the call returns. It shares no code with the engine, and knows neither plans nor
time limits nor readiness. Where otpsup differs from OTP on purpose (children that nobody wants,
see DESIGN), a line says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import Literal

from attrs import define, field

from otpsup.specs import ChildSpec, DynamicSupervisor, Supervisor

Start = Literal["ok", "fail", "decline"]

RESTARTED: dict[str, tuple[str, ...]] = {
    "permanent": ("normal", "crash"),
    "transient": ("crash",),
    "temporary": (),
}


class StartError(Exception):
    """A start function returned an error."""


class Refused(Exception):
    """A request was refused; the argument is the name of our exception for OTP's atom."""


class SupervisorEnded(Exception):
    """The supervisor has ended while it handled a message."""


@define(eq=False)
class Pid:
    """A process: a worker, or a supervisor with its state."""

    path: str
    supervisor: SupervisorState | None = None
    exit: str | None = None
    """`normal` or `crash`, once it has ended by itself."""


@define(eq=False)
class Record:
    """A child record (OTP.md 1.2)."""

    name: str
    spec: ChildSpec
    pid: Pid | Literal["undefined", "restarting"] = "undefined"
    is_wanted: bool = True

    @property
    def is_kept(self) -> bool:
        """Whether the record outlives its process."""
        return self.spec.restart != "temporary" or not self.spec.autostart  # ours: on demand


@define(eq=False)
class SupervisorState:
    """What one supervisor process knows (OTP.md 1.1)."""

    spec: Supervisor | DynamicSupervisor
    path: str
    record: Record
    children: list[Record] = field(factory=list)
    restarts: list[float] = field(factory=list)

    @property
    def strategy(self) -> str:
        """A template's instances are restarted one by one."""
        return self.spec.strategy if isinstance(self.spec, Supervisor) else "one_for_one"

    @property
    def is_dynamic(self) -> bool:
        """Whether it runs instances of a template."""
        return isinstance(self.spec, DynamicSupervisor)

    def path_of(self, record: Record) -> str:
        """The path of a child."""
        return f"{self.path}/{record.name}" if self.path else record.name


class Otp:
    """A tree of OTP supervisors; `history` has every start and end of a worker, in order."""

    def __init__(self, spec: Supervisor) -> None:
        self.now = 0.0
        self.starts: defaultdict[str, deque[Start]] = defaultdict(deque)
        self.history: list[tuple[str, str]] = []
        self.root = Record(spec.name, spec)
        self._instances: Counter[str] = Counter()  # ours: an instance's name is never used again
        self._mail: deque[tuple[Pid, Record, Pid | Literal["retry"]]] = deque()
        self._parents: dict[Pid, Pid] = {}

    # Starting.

    def boot(self) -> bool:
        """Start the tree; True if it is up."""
        try:
            self._start(self.root, "")
        except StartError:
            return False
        return True

    def _start(self, record: Record, path: str) -> None:
        if isinstance(record.spec, Supervisor | DynamicSupervisor):
            record.pid = self._start_supervisor(record.spec, record, path)
            return
        self.history.append(("start", path))
        queue = self.starts[path]
        outcome = queue.popleft() if queue else "ok"
        if outcome == "fail":
            raise StartError
        record.pid = Pid(path) if outcome == "ok" else "undefined"
        if outcome == "decline":
            self.history.append(("exit", path))

    def _start_supervisor(
        self, spec: Supervisor | DynamicSupervisor, record: Record, path: str
    ) -> Pid:
        state = SupervisorState(spec, path, record)
        pid = Pid(path, state)
        if isinstance(spec, Supervisor):
            state.children = [Record(s.name, s, is_wanted=s.autostart) for s in spec.children]
        for child in list(state.children):
            if not child.is_wanted:
                continue
            try:
                self._start_child(pid, child)
            except StartError:
                self._stop_all(state)
                raise
        return pid

    def _start_child(self, owner: Pid, child: Record) -> None:
        state = _state(owner)
        self._start(child, state.path_of(child))
        if isinstance(child.pid, Pid):
            self._parents[child.pid] = owner
        elif not child.is_kept or state.is_dynamic:  # it declined
            state.children.remove(child)

    # Stopping.

    def stop(self) -> None:
        """Stop the tree."""
        self._stop(self.root)

    def _stop(self, record: Record) -> None:
        pid, record.pid = record.pid, "undefined"
        if not isinstance(pid, Pid) or pid.exit is not None:
            return
        if pid.supervisor is not None:
            self._stop_all(pid.supervisor)
        else:
            self.history.append(("exit", pid.path))

    def _stop_all(self, state: SupervisorState) -> None:
        for child in reversed(state.children):
            self._stop(child)

    # Deaths and retries, one message at a time.

    def dies(self, path: str, exit: str) -> None:
        """A worker ends by itself; its supervisor has not heard of it yet."""
        owner, record = self.find(path)
        assert isinstance(record.pid, Pid)
        record.pid.exit = exit
        self.history.append(("exit", path))
        self._mail.append((owner, record, record.pid))

    def settle(self) -> None:
        """Handle all messages."""
        while self._mail:
            owner, record, message = self._mail.popleft()
            if owner.exit is not None or record not in _state(owner).children:
                continue
            try:
                if message == "retry" and record.pid == "restarting":
                    self._restart(owner, record)
                elif message is record.pid:
                    self._exited(owner, record, message)
            except SupervisorEnded:
                self._supervisor_ended(owner)

    def _supervisor_ended(self, pid: Pid) -> None:
        self._stop_all(_state(pid))
        pid.exit = "normal"
        if pid in self._parents:
            self._mail.append((self._parents[pid], _state(pid).record, pid))
        else:
            self.root.pid = "undefined"

    def _exited(self, owner: Pid, child: Record, pid: Pid) -> None:
        state = _state(owner)
        if pid.exit in RESTARTED[child.spec.restart]:
            self._restart(owner, child)
            return
        child.pid = "undefined"
        if not child.is_kept or state.is_dynamic:
            state.children.remove(child)
        if child.spec.significant and self._shuts_down(state):
            raise SupervisorEnded

    def _shuts_down(self, state: SupervisorState) -> bool:
        assert isinstance(state.spec, Supervisor)
        left = [c for c in state.children if c.spec.significant and c.pid != "undefined"]
        return state.spec.auto_shutdown == "any_significant" or not left

    def _restart(self, owner: Pid, child: Record) -> None:
        state = _state(owner)
        state.restarts = [at for at in state.restarts if at >= self.now - state.spec.period]
        state.restarts.append(self.now)
        if len(state.restarts) > state.spec.intensity:
            child.pid = "undefined"
            raise SupervisorEnded
        child.pid = "undefined"
        group = [child]
        if state.strategy == "one_for_all":
            group = list(state.children)
        if state.strategy == "rest_for_one":
            group = state.children[state.children.index(child) :]
        for member in reversed(group):
            self._stop(member)
            if member is not child and not member.is_kept:
                state.children.remove(member)
        back = [m for m in group if m.spec.restart != "temporary" and m.is_wanted]  # ours: wanted
        all(self._is_started_again(owner, member) for member in back)  # up to the first that fails

    def _is_started_again(self, owner: Pid, child: Record) -> bool:
        try:
            self._start_child(owner, child)
        except StartError:
            child.pid = "restarting"
            self._mail.append((owner, child, "retry"))
            return False
        return True

    # Requests.

    def find(self, path: str) -> tuple[Pid, Record]:
        """The supervisor and the record of a child."""
        above, _, name = path.rpartition("/")
        owner = self.root.pid if above == "" else self.find(above)[1].pid
        if not isinstance(owner, Pid) or owner.supervisor is None:
            raise Refused("NotRunning")
        for child in owner.supervisor.children:
            if child.name == name:
                return owner, child
        raise Refused("NotFound")

    def start_child(self, path: str) -> None:
        """Start a declared child that is down (OTP: restart_child); ours: it is wanted then."""
        owner, child = self.find(path)
        if _state(owner).is_dynamic:
            raise Refused("SimpleOneForOne")
        if child.pid == "restarting":
            raise Refused("Restarting")
        if child.pid != "undefined":
            raise Refused("AlreadyStarted")
        self._api_start(owner, child)

    def start_instance(self, path: str) -> None:
        """Start an instance of a template."""
        pool = self.find(path)[1]
        assert isinstance(pool.pid, Pid)
        state = _state(pool.pid)
        assert isinstance(state.spec, DynamicSupervisor)
        if state.spec.max_children is not None and len(state.children) >= state.spec.max_children:
            raise Refused("MaxChildren")
        self._instances[path] += 1
        child = Record(f"{state.spec.template.name}#{self._instances[path]}", state.spec.template)
        state.children.append(child)
        self._api_start(pool.pid, child, is_new=True)

    def start_new(self, path: str, spec: ChildSpec) -> None:
        """Add a child and start it."""
        owner = self.root.pid if path == "" else self.find(path)[1].pid
        assert isinstance(owner, Pid)
        for child in _state(owner).children:
            if child.name == spec.name:
                raise Refused("AlreadyStarted" if isinstance(child.pid, Pid) else "AlreadyPresent")
        child = Record(spec.name, spec, is_wanted=spec.autostart)
        _state(owner).children.append(child)
        self._api_start(owner, child, is_new=True)

    def _api_start(self, owner: Pid, child: Record, *, is_new: bool = False) -> None:
        try:
            self._start_child(owner, child)
        except StartError:
            if is_new:
                _state(owner).children.remove(child)
            raise Refused("StartFailed") from None
        child.is_wanted = True

    def terminate_child(self, path: str) -> None:
        """Stop a child; ours: nobody wants it then."""
        owner, child = self.find(path)
        self._stop(child)
        child.is_wanted = False
        if not child.is_kept or _state(owner).is_dynamic:
            _state(owner).children.remove(child)

    def delete_child(self, path: str) -> None:
        """Forget a child that is down."""
        owner, child = self.find(path)
        if _state(owner).is_dynamic:
            raise Refused("SimpleOneForOne")
        if child.pid == "restarting":
            raise Refused("Restarting")
        if child.pid != "undefined":
            raise Refused("Running")
        _state(owner).children.remove(child)

    # What a test looks at.

    def picture(self) -> list[tuple[str, str]]:
        """Path and state of every record, in start order."""
        return _picture("", self.root)


def _state(pid: Pid) -> SupervisorState:
    assert pid.supervisor is not None
    return pid.supervisor


def _picture(path: str, record: Record) -> list[tuple[str, str]]:
    if not isinstance(record.pid, Pid):
        return [(path, "down" if record.pid == "undefined" else "restarting")]
    lines = [(path, "running")]
    for child in record.pid.supervisor.children if record.pid.supervisor else ():
        lines += _picture(_state(record.pid).path_of(child), child)
    return lines
