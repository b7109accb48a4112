"""Random scenarios that aim: what is killed is alive, what is asked about is there, mostly.

A scenario is made one event at a time, beside a simulation of it, so that the generator can see
what is up, what is down and how much of a restart window is left. It knows no rule of supervision
and takes no care to keep away from any: whatever comes of an event may come.

What it never makes, because OTP's own answer is not fixed or not right there:

- the kill of a supervisor (SIGKILL, or `brutal_kill`): its children die of broken links, in no
  order, while its own supervisor may be starting others already; a supervisor here is no process
- a stop timeout that a supervisor could miss, for the same reason
- a worker that ignores its stop request and is waited for without limit: OTP hangs
- a template whose instances have no time (`shutdown` 0) for an answer of their own: whether they
  give it all the same is a race in OTP
- two bugs of OTP: a template's instance whose restart returns `ignore` crashes OTP 25's supervisor
  (mended by OTP 27); the `active` count of a template is one too low for ever after
  terminate_child of an instance that is restarting (also in OTP 29)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from otpsup.engine.child import Child
from otpsup.engine.node import Node
from otpsup.specs import Supervisor
from otpsup.testing.scenario import FAILURES, parse
from otpsup.testing.simulation import Simulation

Json = dict[str, Any]

STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")
RESTARTS = ("permanent",) * 4 + ("transient",) * 3 + ("temporary",) * 2
ENDINGS = ("crash",) * 4 + ("normal", "normal", "shutdown", "shutdown_term", "kill")
SUPERVISOR_ENDINGS = ("crash", "normal", "shutdown", "shutdown_term")
ON_SHUTDOWN = ("shutdown",) * 6 + ("normal", "crash", "shutdown_term", "ignore")
INTENSITIES = (0, 1, 1, 2, 2, 3, 5)
PERIODS = (1, 2, 5, 10)


class Generator:
    """Scenarios from one stream of random numbers; the same seed gives the same scenarios."""

    def __init__(self, seed: int, simulation: Callable[[Any], Simulation] = Simulation) -> None:
        self._random = random.Random(seed)
        self._simulation = simulation

    def scenarios(self, count: int) -> Iterator[Json]:
        """So many scenarios, numbered from 0."""
        for number in range(count):
            yield Maker(self._random, self._simulation).scenario(number)


class Maker:
    """Makes one scenario."""

    def __init__(
        self, rng: random.Random, simulation: Callable[[Any], Simulation] = Simulation
    ) -> None:
        self._rng = rng
        self._make_simulation = simulation
        self._added = 0

    def scenario(self, number: int) -> Json:
        """A whole scenario of six events on the average."""
        tree = self._supervisor("root", depth=2, under_auto_shutdown=None)
        scenario: Json = {"id": number, "tree": tree, "plan": self._plan(tree), "events": []}
        self._simulation = self._make_simulation(parse(scenario))
        self._simulation.start()
        for _ in range(self._rng.randint(3, 9)):
            event = self._event()
            scenario["events"].append(event)
            self._simulation.do(_parsed(scenario, event))
        if self._chance(0.1):
            scenario["snapshots"] = True
        return scenario

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _pick(self, things: Any) -> Any:
        return self._rng.choice(things)

    # Trees.

    def _supervisor(self, id: str, *, depth: int, under_auto_shutdown: bool | None) -> Json:
        auto = self._pick(("never", "never", "any_significant", "all_significant"))
        below = auto != "never"
        if under_auto_shutdown is not None and self._chance(0.25):
            return self._template(id, under_auto_shutdown=under_auto_shutdown)
        spec: Json = {
            "id": id,
            "type": "supervisor",
            "strategy": self._pick(STRATEGIES),
            "intensity": self._pick(INTENSITIES),
            "period": self._pick(PERIODS),
            "auto_shutdown": auto,
            "children": [
                self._child(name, depth - 1, under_auto_shutdown=below)
                for name in "abcd"[: self._rng.randint(0 if self._chance(0.1) else 1, 4)]
            ],
        }
        return self._as_child(spec, under_auto_shutdown=under_auto_shutdown)

    def _template(self, id: str, *, under_auto_shutdown: bool) -> Json:
        spec: Json = {
            "id": id,
            "type": "supervisor",
            "strategy": "simple_one_for_one",
            "intensity": self._pick(INTENSITIES),
            "period": self._pick(PERIODS),
            "children": [self._instance()],
        }
        return self._as_child(spec, under_auto_shutdown=under_auto_shutdown)

    def _instance(self) -> Json:
        worker = self._worker("w", under_auto_shutdown=False)
        if worker["shutdown"] == 0 and worker["on_shutdown"] != "shutdown":
            worker["shutdown"] = "brutal_kill"
        return worker

    def _child(self, id: str, depth: int, *, under_auto_shutdown: bool) -> Json:
        if depth >= 0 and self._chance(0.35):
            return self._supervisor(id, depth=depth, under_auto_shutdown=under_auto_shutdown)
        return self._worker(id, under_auto_shutdown=under_auto_shutdown)

    def _worker(self, id: str, *, under_auto_shutdown: bool) -> Json:
        on_shutdown = self._pick(ON_SHUTDOWN)
        quick = on_shutdown == "ignore"
        shutdown = self._pick(("brutal_kill", 0, 5) if quick else (5000, 5000, "infinity", 0))
        if self._chance(0.1):
            shutdown = "brutal_kill"
        spec = {"id": id, "shutdown": shutdown, "on_shutdown": on_shutdown}
        return self._as_child(spec, under_auto_shutdown=under_auto_shutdown)

    def _as_child(self, spec: Json, *, under_auto_shutdown: bool | None) -> Json:
        if under_auto_shutdown is None:
            return spec
        spec["restart"] = self._pick(RESTARTS)
        if under_auto_shutdown and spec["restart"] != "permanent":
            spec["significant"] = self._chance(0.7)
        return spec

    def _plan(self, tree: Json) -> dict[str, list[str]]:
        """Mostly nothing, or the tree would not come up; now and then just that."""
        if not self._chance(0.15):
            return {}
        paths = list(_worker_paths(tree, tree["id"]))
        return {self._pick(paths): [self._outcome()] for _ in range(1) if paths}

    def _outcome(self) -> str:
        outcome: str = self._pick(("extra", "ignore", *FAILURES))
        return outcome

    def _outcomes(self, path: str) -> list[str]:
        count = self._rng.randint(1, 4)
        outcomes = [self._pick(("ok", self._outcome(), self._outcome())) for _ in range(count)]
        if "#" in path:  # the restart of an instance that returns ignore: see above
            outcomes = ["error" if outcome == "ignore" else outcome for outcome in outcomes]
        return outcomes

    # What is there.

    def _nodes(self) -> list[Node]:
        engine = self._simulation.system.engine
        return [node for path in self._up() if isinstance(node := engine.find(path), Node)]

    def _up(self) -> list[str]:
        return list(self._simulation.system.up)

    def _children(self) -> list[Child]:
        return [child for node in self._nodes() for child in node.children.values()]

    def _workers(self, node: Node | None = None) -> list[Child]:
        children = node.children.values() if node else self._children()
        return [c for c in children if not isinstance(c, Node) and c.path in set(self._up())]

    def _shown(self, path: str) -> str:
        return self._simulation.system.shown(path)

    # Events.

    def _event(self) -> Json:
        if self._simulation.system.engine.is_halted:  # then all answers are noproc
            return {"op": "which_children", "sup": "root"}
        kinds: tuple[Callable[[], Json | None], ...] = (
            self._kill,
            self._kill,
            self._kill,
            self._trouble,
            self._call,
            self._call,
            self._batch,
            self._advance,
            self._stop,
        )
        weights = (4, 4, 4, 4, 4, 4, 4, 2, 1)
        while True:
            event = self._rng.choices(kinds, weights)[0]()
            if event is not None:
                return event

    def _kill(self) -> Json | None:
        workers = self._workers()
        if not workers:
            return None
        path = self._shown(self._pick(workers).path)
        return {"op": "kill", "path": path, "reason": self._pick(ENDINGS)}

    def _trouble(self) -> Json | None:
        """Starts that will fail: of what is up, and of what is not."""
        workers = [c for c in self._children() if not isinstance(c, Node)]
        if not workers:
            return None
        path = self._shown(self._pick(workers).path)
        if self._chance(0.3):
            modes = [m for m in FAILURES if m != "ignore"]
            n = self._rng.randint(1, 4)
            return {"op": "fail_next", "path": path, "n": n, "mode": self._pick(modes)}
        return {"op": "plan", "path": path, "outcomes": self._outcomes(path)}

    def _advance(self) -> Json:
        return {"op": "advance", "s": self._pick((1, 2, 5, 6, 10, 11))}

    def _stop(self) -> Json:
        """A supervisor ends by itself, or the whole tree."""
        nodes = [node for node in self._nodes() if node.path]
        reason = self._pick(SUPERVISOR_ENDINGS)
        if nodes and self._chance(0.8):
            return {"op": "kill", "path": self._shown(self._pick(nodes).path), "reason": reason}
        return {"op": "stop_root", "reason": reason}

    def _call(self, node: Node | None = None) -> Json:
        node = node or self._pick(self._nodes())
        sup = self._shown(node.path)
        op = self._pick(
            ("start_child", "start_child", "terminate_child", "terminate_child", "restart_child",
             "delete_child", "which_children", "count_children")
        )  # fmt: skip
        if op in ("which_children", "count_children"):
            return {"op": op, "sup": sup}
        if op == "start_child":
            return self._start_child(node, sup)
        return {"op": op, "sup": sup, "id": self._some_id(node)}

    def _some_id(self, node: Node) -> str:
        """Mostly one that is there."""
        names = list(node.children) or ["a"]
        if self._chance(0.1):
            return "w#1" if node.is_dynamic else "nobody"
        name: str = self._pick(names)
        return name

    def _start_child(self, node: Node, sup: str) -> Json:
        if node.is_dynamic:
            return {"op": "start_child", "sup": sup}
        auto = isinstance(node.spec, Supervisor) and node.spec.auto_shutdown != "never"
        if self._chance(0.2) and node.children:
            return {"op": "start_child", "sup": sup, "child": {"id": self._pick([*node.children])}}
        self._added += 1
        child = self._child(f"n{self._added}", 0, under_auto_shutdown=auto)
        return {"op": "start_child", "sup": sup, "child": child}

    def _batch(self) -> Json | None:
        node = self._pick(self._nodes())
        kills = [self._one_kill(c) for c in self._victims(node)]
        others = [self._in_batch(node) for _ in range(self._rng.randint(0, 3))]
        items = [*kills, *others]
        self._rng.shuffle(items)
        return {"op": "batch", "sup": self._shown(node.path), "do": items} if items else None

    def _victims(self, node: Node) -> list[Child]:
        """Children of one supervisor; now and then also a child of one of them."""
        up = [child for child in node.children.values() if child.path in self._simulation.system.up]
        nodes = [child for child in up if isinstance(child, Node) and not child.is_dynamic]
        below = [worker for child in nodes for worker in self._workers(child)]
        if below and self._chance(0.2):
            up.append(self._pick(below))
        return self._rng.sample(up, min(len(up), self._rng.randint(1, 3)))

    def _one_kill(self, child: Child) -> Json:
        endings = SUPERVISOR_ENDINGS if isinstance(child, Node) else ENDINGS
        return {"op": "kill", "path": self._shown(child.path), "reason": self._pick(endings)}

    def _in_batch(self, node: Node) -> Json:
        names = [c for c in node.children.values() if not isinstance(c, Node)]
        if names and self._chance(0.4):
            path = self._shown(self._pick(names).path)
            return {"op": "plan", "path": path, "outcomes": self._outcomes(path)}
        call = self._call(node)
        if node.is_dynamic and call["op"] == "terminate_child":  # of one that is restarting
            return {"op": "count_children", "sup": call["sup"]}
        return call


def _parsed(scenario: Json, event: Json) -> Mapping[str, Any]:
    return parse({**scenario, "events": [event]}).events[0]


def _worker_paths(spec: Json, path: str) -> Iterator[str]:
    if spec.get("strategy") == "simple_one_for_one":
        return
    for child in spec.get("children", ()):
        below = f"{path}/{child['id']}"
        if child.get("type") == "supervisor":
            yield from _worker_paths(child, below)
        else:
            yield below
