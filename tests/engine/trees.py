"""Random trees for the property tests, as source text that can be pasted into a transcript."""

from __future__ import annotations

from hypothesis import strategies as st

from otpsup.specs import Worker
from tests.engine.script import spec_of

STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")
AUTO_SHUTDOWNS = ("never", "never", "any_significant", "all_significant")
RESTARTS = ("permanent", "permanent", "transient", "temporary")
SHUTDOWNS = (5, 5, 0, "brutal_kill", "infinity")
BACKOFF = "backoff=Backoff(initial=1, max=4, jitter=0, reset_after=10)"
BACKOFFS = ("", "", "", BACKOFF)


def _call(name: str, *arguments: str) -> str:
    return f"{name}({', '.join(argument for argument in arguments if argument)})"


def _one_of(draw: st.DrawFn, field: str, values: tuple[object, ...]) -> str:
    return f"{field}={draw(st.sampled_from(values))!r}"


def _common(draw: st.DrawFn, *, under_auto_shutdown: bool) -> str:
    """The fields of every child, as far as they are not left at their defaults."""
    restart = draw(st.sampled_from(RESTARTS))
    fields = [] if restart == "permanent" else [f"restart={restart!r}"]
    if under_auto_shutdown and restart != "permanent" and draw(st.booleans()):
        fields.append("significant=True")
    if draw(st.integers(0, 3)) == 3:
        fields.append("autostart=False")
    fields.append(draw(st.sampled_from(BACKOFFS)))
    return ", ".join(field for field in fields if field)


@st.composite
def workers(
    draw: st.DrawFn, name: str, *, under_auto_shutdown: bool = False, may_be_own: bool = False
) -> str:
    """A worker of any kind; on its own only where that may be."""
    retries = draw(st.sampled_from((None, None, 0, 2))) if may_be_own else None
    return _call(
        "Worker",
        f"{name!r}, run",
        _one_of(draw, "ready", ("spawned", "notify")),
        _one_of(draw, "shutdown", SHUTDOWNS),
        "" if retries is None else f"start_retries={retries}",
        _common(draw, under_auto_shutdown=under_auto_shutdown),
    )


def _window(draw: st.DrawFn) -> str:
    intensity = _one_of(draw, "intensity", (0, 1, 2, 3, 50))
    return f"{intensity}, {_one_of(draw, 'period', (1, 5, 10))}"


@st.composite
def dynamic_supervisors(draw: st.DrawFn, name: str, *, under_auto_shutdown: bool) -> str:
    """A supervisor of instances of one worker."""
    return _call(
        "DynamicSupervisor",
        repr(name),
        draw(workers("job")),
        _one_of(draw, "max_children", (None, 1, 3)),
        _window(draw),
        _common(draw, under_auto_shutdown=under_auto_shutdown),
    )


@st.composite
def supervisors(draw: st.DrawFn, name: str, *, depth: int, under_auto_shutdown: bool) -> str:
    """A supervisor with other supervisors below it, down to this depth."""
    auto_shutdown = draw(st.sampled_from(AUTO_SHUTDOWNS))
    strategy = draw(st.sampled_from(STRATEGIES))
    return _call(
        "Supervisor",
        repr(name),
        f"strategy={strategy!r}",
        f"auto_shutdown={auto_shutdown!r}",
        _one_of(draw, "shutdown", ("infinity", "infinity", "infinity", 3, "brutal_kill")),
        _window(draw),
        _common(draw, under_auto_shutdown=under_auto_shutdown),
        _children(draw, strategy, depth, under_auto_shutdown=auto_shutdown != "never"),
    )


def _children(draw: st.DrawFn, strategy: str, depth: int, *, under_auto_shutdown: bool) -> str:
    names = "abcd"[: draw(st.sampled_from((1, 2, 2, 3, 3, 4)))]
    may_be_own = strategy == "one_for_one"
    children = [_child(draw, name, depth, under_auto_shutdown, may_be_own) for name in names]
    order = draw(st.sampled_from(("list", "list", "graph", "parallel")))
    if order != "list":
        children = [_with_after(draw, children, n) for n in range(len(children))]
    listed = f"children=[{', '.join(children)}]"
    return f"parallel=True, {listed}" if order == "parallel" else listed


def _with_after(draw: st.DrawFn, children: list[str], number: int) -> str:
    """The child, after some of those before it."""
    after = [text for n in range(number) if (text := _dependency(draw, "abcd"[n], children[n]))]
    return f"{children[number][:-1]}, after=[{', '.join(after)}])" if after else children[number]


def _dependency(draw: st.DrawFn, name: str, child: str) -> str:
    conditions = ["", "", "ready", "ready", "started", "healthy"]
    spec = spec_of(child)
    if spec.restart != "permanent" and isinstance(spec, Worker):
        conditions += ["completed", "completed"]
    condition = draw(st.sampled_from(conditions))
    return f"After({name!r}, {condition!r})" if condition else ""


def _child(
    draw: st.DrawFn, name: str, depth: int, under_auto_shutdown: bool, may_be_own: bool
) -> str:
    kind = draw(st.sampled_from(("worker", "worker", "worker", "supervisor", "dynamic")))
    if kind == "supervisor" and depth > 0:
        return draw(supervisors(name, depth=depth - 1, under_auto_shutdown=under_auto_shutdown))
    if kind == "dynamic":
        return draw(dynamic_supervisors(name, under_auto_shutdown=under_auto_shutdown))
    return draw(workers(name, under_auto_shutdown=under_auto_shutdown, may_be_own=may_be_own))


@st.composite
def trees(draw: st.DrawFn) -> str:
    """A whole tree, whose root does not give up at the first trouble."""
    strategy = draw(st.sampled_from(STRATEGIES))
    return _call(
        "Supervisor",
        "'top'",
        f"strategy={strategy!r}",
        _one_of(draw, "intensity", (2, 5, 50)),
        _children(draw, strategy, 2, under_auto_shutdown=False),
    )
