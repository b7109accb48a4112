"""What a tree says, of all kinds, in the English that the project's own functions make.

Names and details are made of letters that are not Latin: what is Latin in a translation is English
that was not translated. Each sentence comes with the kind under which the page looks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import attrs
from hypothesis import strategies as st

from otpsup import Backoff, Command, DynamicSupervisor, Supervisor, Worker, explain
from otpsup import specs as all_specs
from otpsup.engine import words
from otpsup.engine.cause import BOOT, Attempt, Cause, CauseKind
from otpsup.engine.difference import difference
from otpsup.engine.effects import Effect, Halt, LastOutput, Readiness, Report, StateChange
from otpsup.engine.events import (
    Boot,
    DeleteChild,
    Marked,
    Reload,
    ReplaceChild,
    StartDeclared,
    TerminateChild,
    Unhealthy,
)
from otpsup.engine.reasons import Crash, Exit, Reason, classify
from otpsup.errors import OtpsupError
from otpsup.events import from_effect
from otpsup.runtime import health as looks
from otpsup.runtime.checks import why_not
from otpsup.runtime.hanging import _STOPPED
from otpsup.specs import health
from otpsup.specs.after import CONDITIONS
from otpsup.testing import what_if
from otpsup.testing.system import System
from otpsup.views import State

Said = tuple[str, str]
"""A text and its kind."""

_LETTERS = "λβψδжщю数据库0123456789"
_MARKS = "-_.:;,()'\"+* "
NAMES = (
    st.text(_LETTERS + _MARKS, min_size=1, max_size=9)
    .map(str.strip)
    .filter(lambda text: text not in ("", ".", ".."))
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
DETAILS = st.text(_LETTERS + _MARKS + "/[]%", min_size=1, max_size=40).map(str.strip).filter(bool)
SECONDS = st.floats(0.0, 500_000.0) | st.sampled_from([0.0, 0.05, 1.0, 60.0, 5000.0, 100_000.0])
STRATEGIES = st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"])

# Reasons.

_SIGNALS = st.sampled_from([int(each) for each in signal.Signals]) | st.just(40)
_EXITS = st.builds(Exit, code=st.integers(0, 255)) | st.builds(
    Exit,
    signal=_SIGNALS,
    core=st.booleans(),
    hung=st.sampled_from(["", "it did not listen", _STOPPED]),
)
_CRASHES = st.builds(Exit, crash=st.builds(Crash, DETAILS, DETAILS), code=st.just(1))
ENDS = st.builds(
    lambda end, stopping, killed: classify(
        end, exitcodes={0}, stop_signal=15, stopping=stopping, killed=killed
    ),
    _EXITS | _CRASHES,
    st.booleans(),
    st.booleans(),
)


# Checks: what fails says so itself.

_LOOP = asyncio.new_event_loop()


class _Meter:
    """A child that takes so much memory, and one processor."""

    def __init__(self, memory: int) -> None:
        self._at = 0.0
        self._memory = memory

    async def usage(self, _: int) -> tuple[float, Any]:
        self._at += 1.0
        return self._at, SimpleNamespace(memory=self._memory, cpu=self._at)


async def _nothing() -> None:
    """All is well."""


def _facts(memory: int = 1) -> Any:
    return SimpleNamespace(
        loop=_LOOP, path="λ", pid=1, busy={}, meter=_Meter(memory), exec=lambda _: _nothing,
        plugged=lambda *_: _nothing, heartbeat_at=0.0, output_at=0.0,
    )  # fmt: skip


def _look(look: Callable[[], Any]) -> str:
    """What it says once it says something."""
    while (said := _LOOP.run_until_complete(why_not(look, 0.01))) is None:
        pass
    return said


def _sayings() -> Iterator[str]:
    for kind in (health.Heartbeat(1e-9), health.Silence(1e-9), health.MaxAge(1e-9)):
        yield _look(looks._kind(_facts(), health.Check(kind), 0).look)
    for memory in (50, 50_000, 50_000_000):
        yield _look(looks._memory(_facts(memory), 1))
    yield _look(looks._cpu(_facts(), 0.5))
    yield str(looks._file_age(health.FileAge(Path("/"), 1e-9), 1.0))
    yield _look(lambda: asyncio.sleep(9))
    yield from ("HTTP status 503", "exit code 3: δ δ", "it returned 0", "SIGKILL")


_SAYINGS = list(_sayings())
_LOOP.close()  # from here on it is only asked for the time
_WHATS = [
    *(health.Heartbeat(9), health.Silence(9), health.Memory(1), health.Cpu(0.5)),
    *(health.FileAge(Path("/"), 9), health.Plugged("δж:ψ"), health.Exec(("δ",))),
    *(all_specs.Probe("δж:ψ"), all_specs.Port(8001), all_specs.Http("http://127.0.0.1/δ")),
]
_AGE = f"{health.described(health.MaxAge(9))} failed: it has run for 9 s"


@st.composite
def failures(draw: st.DrawFn) -> str:
    """What a check that fails says, as its watch tells it."""
    check = health.Check(draw(st.sampled_from(_WHATS)), failures=draw(st.integers(1, 3)))
    watch = looks.Watch(_facts(), draw(st.sampled_from(health.PURPOSES)), check, lambda _: None)
    said = draw(DETAILS | st.sampled_from(_SAYINGS))
    for _ in range(check.threshold):
        watch._judge(said)
    return draw(st.sampled_from([watch.why, watch.why, f"{watch.why}; {watch.why}", _AGE]))


UNHEALTHY = st.builds(
    lambda why, startup: Reason("unhealthy", f"unhealthy: {'startup: ' * startup}{why}"),
    failures(),
    st.booleans(),
)
_EARLY = st.sampled_from(["it was ready", "it was healthy", "it had completed"])
ERRORS = (
    st.builds(lambda end, goal: Reason("error", f"{end} before {goal}"), ENDS, _EARLY)
    | st.builds(lambda why: Reason("error", f"not ready within 5 s: {why}"), failures())
    | st.builds(lambda name: Reason("error", f"{name!r}, which it is after, has ended"), NAMES)
    | st.builds(lambda n, end: Reason("error", f"child {n!r} did not start: {end}"), NAMES, ENDS)
    | st.builds(lambda detail: Reason("error", detail), DETAILS)
)
DECLINED = [
    Reason("normal", "declined to run"),
    Reason("shutdown", "too many restarts"),
    Reason("shutdown", "stopped"),
    Reason("killed", "killed with all below it"),
]
REASONS = ENDS | UNHEALTHY | ERRORS | st.sampled_from(DECLINED)

# Causes.

_RULES: dict[str, st.SearchStrategy[str]] = {
    "request": st.sampled_from(sorted(words._ASKED)),
    "waits": st.sampled_from(CONDITIONS),
    "satisfied": st.sampled_from(CONDITIONS),
}


def _attempts(below: int = 1) -> st.SearchStrategy[tuple[Attempt, ...]]:
    inner = _attempts(below - 1) if below else st.just(())
    one = st.builds(Attempt, SECONDS, PATHS, REASONS | st.none(), inner)
    return st.lists(one, max_size=3).map(lambda found: tuple(sorted(found, key=lambda a: a.at)))


def _causes(parents: st.SearchStrategy[Cause | None]) -> st.SearchStrategy[Cause]:
    def of(kind: str) -> st.SearchStrategy[Cause]:
        return st.builds(
            Cause,
            st.just(kind),
            st.just("") | PATHS,
            REASONS,
            _RULES.get(kind, STRATEGIES),
            st.integers(0, 3),
            st.integers(0, 3),
            SECONDS,
            st.none() | PATHS,
            supervisor=PATHS,
            attempts=_attempts() if kind == "gave_up" else st.just(()),
            parent=parents,
        )

    return st.sampled_from(get_args(CauseKind)).flatmap(of)


_LEAVES = st.sampled_from([None, BOOT])
CAUSES = _causes(st.none() | _causes(_LEAVES | _causes(_LEAVES)))

# What is said of them.

REPORTS = st.builds(
    Report,
    SECONDS,
    st.sampled_from(
        ["child_terminated", "start_error", "shutdown_error", "shutdown", "restart", "progress"]
    ),
    PATHS,
    PATHS | st.just(""),
    REASONS,
    CAUSES,
    st.none() | st.integers(2, 99999),
    delay=SECONDS,
)
CHANGES = st.builds(
    StateChange,
    SECONDS,
    PATHS | st.just(""),
    st.sampled_from(get_args(State)),
    CAUSES,
    st.none(),
    st.none() | REASONS,
)
READINESS = st.builds(
    Readiness, SECONDS, PATHS, st.none(), failures() | st.just(""), CAUSES, st.booleans()
)
OUTPUTS = st.builds(LastOutput, SECONDS, PATHS, st.tuples(DETAILS))
HALTS = st.builds(
    Halt,
    st.sampled_from(["stopped", "start_failed", "gave_up", "auto_shutdown", "failed"]),
    REASONS,
    CAUSES,
)


def of_events(found: Any) -> list[Said]:
    """All that an event says."""
    event = from_effect(found, 0.0, 0.0)
    return lines(event.text, event.reason, event.cause, *event.chain)


def lines(*texts: str | None) -> list[Said]:
    """Those that say something."""
    return [(text, "line") for text in texts if text]


@st.composite
def whys(draw: st.DrawFn) -> list[Said]:
    """Why a child is as it is."""
    path, cause = draw(PATHS | st.just("")), draw(CAUSES)
    waits = draw(
        st.just("")
        | st.builds(lambda s: f"next attempt in {words.span(s)}", SECONDS)
        | st.builds(lambda p: f"it waits until {words.named(p)} is ready", PATHS)
    )
    last = draw(REASONS)
    return lines(
        *words.why(path, draw(st.sampled_from(get_args(State))), cause, waits),
        *words.unready(path, draw(failures())),
        *words.quote(path, last, ["λ"])[:1],
        words.recent(Attempt(0.0, path, last), draw(SECONDS)),
        *words.history(cause),
        str(last),
    )


# A tree at work: what its engine decides, refuses and plans.

_TARGET = "λβ:ψ"


@st.composite
def children(draw: st.DrawFn, depth: int = 1) -> list[Any]:
    """Some siblings; a few are supervisors."""
    found: list[Any] = []
    names = draw(
        st.lists(NAMES.filter(lambda n: "#" not in n), min_size=1, max_size=3, unique=True)
    )
    for name in names:
        restart: Any = draw(st.sampled_from(["permanent", "transient", "temporary"]))
        kind = draw(st.sampled_from(["worker", "command", "tree", "pool"] if depth else ["worker"]))
        if kind == "tree":
            found.append(draw(trees(name, depth - 1)))
        elif kind == "pool":
            found.append(DynamicSupervisor(name, template=Worker("δ", _TARGET)))
        elif kind == "command":
            found.append(_command(draw, name, restart))
        else:
            found.append(
                Worker(
                    name, _TARGET, restart=restart,
                    shutdown=draw(st.sampled_from([1, 5.0, "infinity", "brutal_kill"])),
                    backoff=draw(st.sampled_from([None, Backoff(initial=9, max=99)])),
                    autostart=draw(st.booleans()),
                )
            )  # fmt: skip
    return found


def _command(draw: st.DrawFn, name: str, restart: Any) -> Command:
    return Command(
        name,
        [draw(NAMES), draw(DETAILS)],
        restart=restart,
        environment=draw(st.dictionaries(st.sampled_from("АБВ"), st.just("1"), max_size=2)),
        ready=draw(st.sampled_from([all_specs.Spawned(), all_specs.Port(8001)])),
    )


def trees(name: str = "корень", depth: int = 1) -> st.SearchStrategy[Supervisor]:
    """A supervisor with all below it."""
    return st.builds(
        lambda strategy, intensity, below: Supervisor(
            name, strategy=strategy, intensity=intensity, period=60, children=below
        ),
        STRATEGIES,
        st.integers(0, 2),
        children(depth),
    )


class _Heard(System):
    """Remembers what was told, and what was refused."""

    def __init__(self, spec: Supervisor) -> None:
        self.heard: list[Said] = []
        super().__init__(spec)

    def _perform(self, effects: Any) -> None:
        def each() -> Iterator[Effect]:
            for effect in effects:
                if isinstance(effect, StateChange | Report | Readiness | Halt):
                    self.heard += of_events(effect)
                yield effect

        super()._perform(each())

    def look(self) -> None:
        """Why each is as it is."""
        for node in self.engine.snapshot(now=self.now).walk():
            self.heard += [
                (text, "line") for text in (*node.why, node.waits, node.last_exit) if text
            ]

    def request(self, make: Callable[[int], Any]) -> Any:
        ref = self.ask(make(self.next_ref()))
        self.rests(20)
        with contextlib.suppress(KeyError):  # it is not answered yet
            answer = self.answer(ref)
            if answer.error is not None:
                self.heard.append((str(answer.error), "line"))
            return answer.value
        return None


_REQUESTS = [StartDeclared, TerminateChild, ReplaceChild, DeleteChild]


@st.composite
def lives(draw: st.DrawFn) -> list[Said]:
    """What a tree says in its life."""
    system = _Heard(draw(trees()))
    system.request(lambda ref: Boot(ref=ref))
    for _ in range(draw(st.integers(1, 6))):
        if system.engine.is_halted:
            break
        paths = [node.path for node in system.engine.snapshot().walk()]
        path = draw(st.sampled_from(paths) | PATHS)
        _happens(draw, system, path)
        system.look()
    if not system.engine.is_halted:
        _becomes(system, draw(trees()))
        system.look()
    return system.heard


def _becomes(system: _Heard, spec: Supervisor) -> None:
    """What an update would do, and does."""
    planned = system.request(lambda ref: Reload(ref=ref, spec=spec, preview=True))
    done = system.request(lambda ref: Reload(ref=ref, spec=spec))
    for change in (*(planned or ()), *(done or ())):
        system.heard += lines(change.why, change.error)


def _happens(draw: st.DrawFn, system: _Heard, path: str) -> None:
    child: Any = system.engine.find(path)
    what = draw(st.sampled_from(["ends", "breaks", "is asked", "is marked", "is ill"]))
    is_up = system.up.get(path, 0) > 0
    if what in ("ends", "breaks") and is_up:
        if what == "breaks":
            system.break_down(path)
        system.exits(path, draw(ENDS))
        system.rests(20)
    elif what == "is marked" and is_up:
        system._news.append(Marked(path, child.run, draw(failures())))
        system.hear()
    elif what == "is ill" and is_up:
        system._news.append(Unhealthy(path, child.run, draw(UNHEALTHY)))
        system.hear()
    else:
        kind = draw(st.sampled_from(_REQUESTS))
        caller = draw(st.none() | PATHS)
        system.request(lambda ref: kind(ref=ref, path=path, caller=caller))


@st.composite
def deaths(draw: st.DrawFn) -> list[Said]:
    """What would come of a child's death."""
    spec = draw(trees())
    paths = list(_processes(spec, ""))
    if not paths:
        return []
    kill = draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3))
    broken = draw(st.lists(st.sampled_from(paths), max_size=1))
    try:
        found = what_if(spec, kill, broken)
    except OtpsupError as error:
        return [(str(error), "line")]
    steps = [step for each in found for step in each.steps]
    return [
        *((each.summary, "line") for each in found),
        *((step.what, "doing") for step in steps),
        *((step.why, "line") for step in steps),
    ]


def _processes(spec: Any, above: str) -> Iterator[str]:
    for child in getattr(spec, "children", ()):
        path = f"{above}{child.name}"
        if isinstance(child, Worker | Command):
            yield path
        yield from _processes(child, f"{path}/")


@st.composite
def differences(draw: st.DrawFn) -> list[Said]:
    """How a spec differs from another."""
    old, new = draw(children(0)), draw(children(0))
    commands = [_command(draw, "λ", "permanent") for _ in range(2)]
    pairs = [(old[0], new[0]), (commands[0], commands[1]), (commands[0], new[0])]
    return [(text, "line") for a, b in pairs if (text := str(difference(a, b)))]


def _all(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Said]]:
    return of.map(of_events)


SENTENCES: dict[str, st.SearchStrategy[list[Said]]] = {
    "whys": whys(),
    "changes": _all(CHANGES),
    "reports": _all(REPORTS),
    "readiness": _all(READINESS),
    "outputs": OUTPUTS.map(lambda found: [(explain.said(found), "line")]),
    "halts": _all(HALTS),
    "lives": lives(),
    "deaths": deaths(),
    "differences": differences(),
}

# What is not English, and stays.

TERMS = {
    *("PID", "CPU", "HTTP", "MiB", "KiB", "core", "otpsup", "http", "check_health", "e", "inf"),
    *("one_for_one", "one_for_all", "rest_for_one", "intensity", "period", "backoff"),
    *("max_children", "status", "job", "temporary", "current_child", "ready"),
}
"""Names: of units, of functions, and of what stands so in a tree file."""


def _of_files() -> set[str]:
    """What a tree file calls fields and their values."""
    kinds = [Worker, Command, Supervisor, DynamicSupervisor, Backoff]
    fields = {field.name for kind in kinds for field in attrs.fields(kind)}
    values = "permanent transient infinity brutal_kill spawned port True False command worker"
    return {*fields, *values.split(), "initial", "max"}


_OF_FILES = _of_files()
_PLANS = ("differences", "lives")


def english_in(text: str, family: str) -> list[str]:
    """The words of a translation that are still English."""
    terms = TERMS | _OF_FILES if family in _PLANS else TERMS
    found = re.findall("[A-Za-z]+(?:_[a-z]+)*", re.sub(r"SIG[A-Z0-9]+", "", text))
    return [word for word in found if word not in terms]
