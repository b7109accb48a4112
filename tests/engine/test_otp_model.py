"""The engine and a plain transcription of OTP's supervisor do the same in random stories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, evolve
from hypothesis import note, settings
from hypothesis import strategies as st

from otpsup.engine.child import Child
from otpsup.engine.events import DeleteChild, Request, StartChild, StartDeclared, TerminateChild
from otpsup.engine.node import Node
from otpsup.specs import Supervisor, Worker
from tests.engine.oracle import parent_of
from tests.engine.otp_model import Otp, Refused, Start
from tests.engine.script import spec_of
from tests.engine.trees import BACKOFF, trees, workers
from tests.engine.world import StopAnswer, World
from tests.support.sizes import sized

numbers = st.integers(0, 60)
start_lists = st.lists(st.sampled_from(("ok", "fail", "decline")), max_size=4)


@define
class Deaths:
    """Workers of one supervisor end at the same moment."""

    number: int
    exits: list[tuple[int, str]]
    starts: list[Start]


@define
class Habits:
    """How a child's next starts and stops go."""

    number: int
    starts: list[Start]
    stop: StopAnswer


@define
class Ask:
    """A request about a child."""

    verb: str
    number: int


@define
class Add:
    """A request for a new child, or for a new instance."""

    number: int
    worker: str


@define
class Wait:
    """Time passes."""

    seconds: float


Act = Deaths | Habits | Ask | Add | Wait

exits = st.tuples(numbers, st.sampled_from(("normal", "crash", "crash")))
deaths = st.builds(Deaths, numbers, st.lists(exits, min_size=1, max_size=3), start_lists)

acts: st.SearchStrategy[Act] = st.one_of(
    deaths,
    deaths,
    deaths,
    st.builds(Habits, numbers, start_lists, st.sampled_from(("dies", "exits", "fails"))),
    st.builds(Ask, st.sampled_from(("start", "terminate", "delete")), numbers),
    st.builds(Add, numbers, st.sampled_from("abxy").flatmap(workers)),
    st.builds(Wait, st.sampled_from((1.0, 2.0, 5.0))),
)


def in_list_order(spec: Any) -> Any:
    """A spec without dependencies, and children that are on their own, which OTP does not have."""
    spec = evolve(spec, after=())
    if isinstance(spec, Worker):
        spec = evolve(spec, start_retries=None)
    if isinstance(spec, Supervisor):
        children = [in_list_order(child) for child in spec.children]
        return evolve(spec, parallel=False, children=children)
    return spec


class Pair:
    """The engine and the model, side by side."""

    def __init__(self, tree: str) -> None:
        spec = in_list_order(spec_of(tree.replace(BACKOFF, "backoff=None")))
        self.world = World(spec)
        self.model = Otp(spec)

    def boot(self) -> None:
        self.world.boot()
        assert self.model.boot() == (self.world.halt is None)

    def do(self, act: Act) -> None:
        match act:
            case Deaths():
                self._deaths(act)
            case Habits():
                path = self._pick(act.number).path
                self.habits(path, act.starts)
                self.world.stops[path] = act.stop
            case Ask():
                self._ask(act)
            case Add():
                self._add(act)
            case Wait():
                self.world.advance(act.seconds)
                self.model.now += act.seconds

    def compare(self) -> None:
        assert self.model.history == self.world.history
        nodes = self.world.engine.snapshot().walk()
        if self.world.halt is None:
            running = [(node.path, node.state) for node in nodes if self._is_seen(node.path)]
            assert self.model.picture() == running
        else:
            assert self.model.root.pid == "undefined"

    def _is_seen(self, path: str) -> bool:
        """Records under a supervisor that is down exist only in the engine."""
        above = path.rpartition("/")[0]
        return path == "" or (self.world.state(above) == "running" and self._is_seen(above))

    def _seen(self) -> list[Child]:
        engine = self.world.engine
        paths = [node.path for node in engine.snapshot().walk() if self._is_seen(node.path)]
        return [child for child in map(engine.find, paths) if child is not None]

    def _pick(self, number: int) -> Child:
        """One of the records."""
        children = self._seen()
        return children[number % len(children)]

    def _deaths(self, act: Deaths) -> None:
        """Workers of one supervisor end before it has heard of the first; then all settles."""
        live = self.world.live_paths()
        if live:
            parent = parent_of(live[act.number % len(live)])
            live = [path for path in live if parent_of(path) == parent]
        for number, exit in act.exits[: len(live)]:
            victim = live.pop(number % len(live))
            self.world.exit(victim, code=0 if exit == "normal" else 1)
            self.model.dies(victim, exit)
            self.habits(victim, act.starts)
        self.world.settle()
        self.model.settle()

    def habits(self, path: str, starts: list[Start]) -> None:
        self.world.starts[path].extend(starts)
        self.model.starts[path].extend(starts)

    def _ask(self, act: Ask) -> None:
        child = self._pick(act.number)
        path = child.path
        if path == "":
            return
        if act.verb == "start" and isinstance(child, Node) and child.is_dynamic:
            act = Ask("start instance" if child.state == "running" else "start", act.number)
        requests: dict[str, tuple[Request, Callable[[str], None]]] = {
            "start": (StartDeclared(path), self.model.start_child),
            "start instance": (StartDeclared(path), self.model.start_instance),
            "terminate": (TerminateChild(path), self.model.terminate_child),
            "delete": (DeleteChild(path), self.model.delete_child),
        }
        request, call = requests[act.verb]
        self._both(request, lambda: call(path))

    def _add(self, act: Add) -> None:
        nodes = [child for child in self._seen() if isinstance(child, Node)]
        node = nodes[act.number % len(nodes)]
        if node.state != "running":
            return
        if node.is_dynamic:
            self._both(StartChild(node.path), lambda: self.model.start_instance(node.path))
        else:
            spec = spec_of(act.worker.replace(BACKOFF, "backoff=None"))
            self._both(StartChild(node.path, spec), lambda: self.model.start_new(node.path, spec))

    def _both(self, request: Request, call: Callable[[], None]) -> None:
        error = self.world.answer(request).error
        refusal = ""
        try:
            call()
        except Refused as refused:
            refusal = str(refused)
        self.model.settle()

        assert refusal == (type(error).__name__ if error else "")


@sized(
    settings().max_examples,
    10 * settings().max_examples,
    trees(),
    start_lists,
    st.lists(acts, min_size=6, max_size=20),
)
def test_as_otp(tree: str, first_starts: list[Start], story: list[Act]) -> None:
    """The same children are started and stopped in the same order, and end up in the same state."""
    pair = Pair(tree)
    pair.habits("a", first_starts)
    pair.boot()
    pair.compare()
    for act in story:
        note(f"{act}")
        pair.do(act)
        pair.compare()
    pair.world.shut_down()
    pair.model.stop()

    assert pair.model.history == pair.world.history
