"""Scenarios: a tree, how its starts go, and what happens to it; read from JSON and checked.

Decides what a legal scenario is. Where something is left out it has OTP's default, not otpsup's:
the format serves to compare with OTP. Does not run anything.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from attrs import frozen

from ..errors import InvalidSpec, OtpsupError
from ..specs import ChildSpec, DynamicSupervisor, Supervisor, Worker
from ..specs.check import BRUTAL_KILL, INFINITY, is_name, nearest
from ..specs.children import Restart

Outcome = Literal["ok", "extra", "ignore", "error", "exit", "throw", "bad", "init_crash"]
OnShutdown = Literal["shutdown", "normal", "crash", "shutdown_term", "ignore"]
Ending = Literal["crash", "normal", "shutdown", "shutdown_term", "kill"]

OUTCOMES: tuple[str, ...] = get_args(Outcome)
FAILURES = ("error", "exit", "throw", "bad", "init_crash", "ignore")
"""The outcomes that leave no process."""
ENDINGS: tuple[str, ...] = get_args(Ending)
STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one")

WORKER = "otpsup.testing:worker"
"""The target of a scenario's workers; nothing is ever run."""

_MS = 1e-12
"""Seconds that a millisecond of a stop timeout takes here. `advance` alone moves the clock on, as
far as restart windows can tell, and they are made half a second longer to be blind to this."""

_LEVELS = 50
_MANY = 100_000
_LONG = 1e12
"""Larger ones than these are mistakes."""

_SCENARIO_KEYS = ("id", "tree", "plan", "events", "snapshots")
_CHILD_KEYS = {"id", "type", "restart", "shutdown", "significant"}
_WORKER_KEYS = {*_CHILD_KEYS, "on_shutdown"}
_SUPERVISOR_KEYS = {*_CHILD_KEYS, "strategy", "intensity", "period", "auto_shutdown", "children"}

_RESTARTS: tuple[str, ...] = get_args(Restart)
_ANSWERS: tuple[str, ...] = get_args(OnShutdown)
_REMEMBERED = 4096

CALLS = ("start_child", "terminate_child", "restart_child", "delete_child", "which_children",
         "count_children")  # fmt: skip
IN_A_BATCH = ("kill", "plan", "fail_next", *CALLS)


class BadScenario(OtpsupError, ValueError):
    """A scenario that cannot be run; says where in it, and what was expected."""

    code = "bad_scenario"


@frozen
class Scenario:
    """A scenario that can be run.

    Attributes:
        id: the caller's own.
        spec: the tree's root.
        plan: outcomes of the next starts, by path.
        events: as given, with the specs of `start_child` in place of their JSON.
        snapshots: whether the state is wanted after every event.
    """

    id: Any
    spec: Supervisor | DynamicSupervisor
    plan: Mapping[str, list[str]]
    events: list[dict[str, Any]]
    snapshots: bool


def parse(value: Any) -> Scenario:
    """Check a scenario.

    Raises:
        BadScenario: says where in it, and what was expected.
    """
    given = _object(value, "the scenario")
    _not_misspelt(given)
    root = _child(_member(given, "tree", "the scenario"), "tree", is_root=True)
    assert isinstance(root, Supervisor | DynamicSupervisor)
    events = _list(given.get("events", []), "events")
    return Scenario(
        given.get("id"),
        root,
        {
            path: _outcomes(outcomes, f"plan.{path}")
            for path, outcomes in _object(given.get("plan", {}), "plan").items()
        },
        [_event(event, f"events[{n}]", tuple(_OPS)) for n, event in enumerate(events)],
        _bool(given.get("snapshots", False), "snapshots"),
    )


# Values.


def _fail(where: str, expected: str, value: Any) -> BadScenario:
    return BadScenario(f"{where}: expected {expected}, not {_shown(value)}")


def _shown(value: Any) -> str:
    """The beginning of a value, whatever it is."""
    try:
        return reprlib.repr(value)[:60]
    except (ValueError, RecursionError):  # a whole number of thousands of digits
        return f"this {type(value).__name__}"


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _fail(where, "an object", value)
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise _fail(where, "a list", value)
    return value


def _bool(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _fail(where, "true or false", value)
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or value == "":
        raise _fail(where, "a text", value)
    return value


def _id(value: Any, where: str) -> str:
    if not is_name(value):
        raise _fail(where, "a text without '/', '#', line breaks or outer blanks", value)
    return str(value)


def _seconds(value: Any, where: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _LONG:
        raise _fail(where, "seconds from 0", value)
    return value


def _whole(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _fail(where, "a whole number from 0", value)
    return int(value)


def _count(value: Any, where: str) -> int:
    whole = _whole(value, where)
    if whole > _MANY:
        raise _fail(where, f"a whole number from 0 to {_MANY}", value)
    return whole


def _member(value: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in value:
        raise BadScenario(f"{where}: expected a {key!r}, and there is none")
    return value[key]


def _one_of(value: Any, words: tuple[str, ...], where: str) -> str:
    if not isinstance(value, str) or value not in words:
        raise _unknown(value, words, where)
    return value


def _known(given: Mapping[str, Any], keys: set[str], where: str) -> None:
    for key in given:
        if key not in keys:
            raise _unknown(key, sorted(keys), where)


def _not_misspelt(given: Mapping[str, Any]) -> None:
    """Further keys of a scenario are its author's own, unless one is nearly one of ours."""
    for key in given:
        if key not in _SCENARIO_KEYS and nearest(key[:60], _SCENARIO_KEYS):
            raise _unknown(key, _SCENARIO_KEYS, "the scenario")


def _unknown(value: Any, words: Sequence[str], where: str) -> BadScenario:
    near = nearest(value[:60], words) if isinstance(value, str) else ""
    hint = f"; {near}" if near else ""
    return BadScenario(f"{_fail(where, 'one of ' + ', '.join(words), value)}{hint}")


def _outcomes(value: Any, where: str) -> list[str]:
    return [_one_of(o, OUTCOMES, f"{where}[{n}]") for n, o in enumerate(_list(value, where))]


# Trees.


def _child(value: Any, where: str, *, is_root: bool = False) -> ChildSpec:
    given = _object(value, where)
    if (known := _known_worker(given)) is not None and not is_root:
        return known
    if where.count(".children") > _LEVELS:
        raise BadScenario(f"tree: expected at most {_LEVELS} levels")
    kind = given.get("type", "supervisor" if is_root else "worker")
    _one_of(kind, ("supervisor",) if is_root else ("supervisor", "worker"), f"{where}.type")
    _id(_member(given, "id", where), f"{where}.id")
    try:
        if kind == "worker":
            return _worker(given, where)
        _known(given, _SUPERVISOR_KEYS, where)
        return _supervisor(given, where)
    except InvalidSpec as error:
        raise BadScenario(f"{where}: {str(error)[:400]}") from None


_workers: dict[Any, Worker] = {}
"""Those that were read already: random scenarios have the same few again and again."""


def _key(given: Mapping[str, Any]) -> Any:
    """What is the same for the same worker only; `True` is `1` to Python, but not to JSON."""
    return (*given.items(), *map(type, given.values()))


def _known_worker(given: Mapping[str, Any]) -> Worker | None:
    try:
        return _workers.get(_key(given))
    except TypeError:  # there is a list in it: a supervisor, or nonsense
        return None


def _worker(given: Mapping[str, Any], where: str) -> Worker:
    _known(given, _WORKER_KEYS, where)
    restart: Any = _one_of(given.get("restart", "permanent"), _RESTARTS, f"{where}.restart")
    answer = _one_of(given.get("on_shutdown", "shutdown"), _ANSWERS, f"{where}.on_shutdown")
    worker = Worker(
        given["id"],
        WORKER,
        kwargs={"on_shutdown": answer},
        restart=restart,
        shutdown=_shutdown(given.get("shutdown", 5000), where),
        significant=_bool(given.get("significant", False), f"{where}.significant"),
    )
    if len(_workers) < _REMEMBERED:
        _workers[_key(given)] = worker
    return worker


def _shutdown(value: Any, where: str) -> Any:
    if value in (BRUTAL_KILL, INFINITY):
        return value
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _LONG:
        raise _fail(f"{where}.shutdown", f"milliseconds, {BRUTAL_KILL!r} or {INFINITY!r}", value)
    return value * _MS


def _supervisor(given: Mapping[str, Any], where: str) -> ChildSpec:
    period = _seconds(given.get("period", 5), f"{where}.period")
    fields: dict[str, Any] = {
        "intensity": _whole(given.get("intensity", 1), f"{where}.intensity"),
        "period": period + 0.5 if period > 0 else period,
        "restart": given.get("restart", "permanent"),
        "shutdown": _shutdown(given.get("shutdown", INFINITY), where),
        "significant": given.get("significant", False),
    }
    below = _list(given.get("children", []), f"{where}.children")
    children = [_child(child, f"{where}.children[{n}]") for n, child in enumerate(below)]
    strategy: Any = _one_of(given.get("strategy", "one_for_one"), STRATEGIES, f"{where}.strategy")
    if strategy == "simple_one_for_one":
        return _template(given, children, where, fields)
    return Supervisor(
        given["id"],
        strategy=strategy,
        auto_shutdown=given.get("auto_shutdown", "never"),
        children=children,
        **fields,
    )


def _template(
    given: Mapping[str, Any], children: list[ChildSpec], where: str, fields: dict[str, Any]
) -> DynamicSupervisor:
    if len(children) != 1 or not isinstance(children[0], Worker):
        raise BadScenario(f"{where}.children: expected one worker, the template, and nothing else")
    if given.get("auto_shutdown", "never") != "never":
        raise _fail(f"{where}.auto_shutdown", "'never' for a template", given["auto_shutdown"])
    return DynamicSupervisor(given["id"], children[0], **fields)


# Events.


def _event(value: Any, where: str, ops: tuple[str, ...]) -> dict[str, Any]:
    given = _object(value, where)
    op = _one_of(_member(given, "op", where), ops, f"{where}.op")
    fields = _OPS[op]
    _known(given, {"op", *fields}, where)
    optional = ("sup", "child") if ops is IN_A_BATCH else ("child",)
    event = {"op": op}
    for key, check in fields.items():
        if key in given or key not in optional:
            event[key] = check(_member(given, key, where), f"{where}.{key}")
    return event


def _batch(value: Any, where: str) -> list[dict[str, Any]]:
    return [_event(item, f"{where}[{n}]", IN_A_BATCH) for n, item in enumerate(_list(value, where))]


_OPS: dict[str, dict[str, Callable[[Any, str], Any]]] = {
    "kill": {"path": _text, "reason": lambda v, w: _one_of(v, ENDINGS, w)},
    "plan": {"path": _text, "outcomes": _outcomes},
    "fail_next": {"path": _text, "n": _count, "mode": lambda v, w: _one_of(v, OUTCOMES, w)},
    "start_child": {"sup": _text, "child": _child},
    "terminate_child": {"sup": _text, "id": _text},
    "restart_child": {"sup": _text, "id": _text},
    "delete_child": {"sup": _text, "id": _text},
    "which_children": {"sup": _text},
    "count_children": {"sup": _text},
    "advance": {"s": _seconds},
    "batch": {"sup": _text, "do": _batch},
    "stop_root": {"reason": lambda v, w: _one_of(v, ENDINGS, w)},
}
"""The fields of each event. In a batch `sup` may be left out, it is the batch's own; a template's
`start_child` has no child."""
