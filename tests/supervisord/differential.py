"""The same calls on otpsup and on the real supervisord; every answer is compared, field by field.

    python -m tests.supervisord.differential

Times, pids and names by chance are compared for their kind alone. A difference is explained by
`EXPLAINED`, or it is a failure.
"""

from __future__ import annotations

import re
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.support.waiting import LONG, until

from .daemons import Daemon, running
from .scenario import PROGRAMS, Ask, Call, Reach, Rewrite, Step, Written, quick, steps

_HEAD = ("content-type", "content-length", "www-authenticate", "connection", "transfer-encoding")


@frozen
class Answer:
    """What a step gave."""

    step: Step
    value: Any


def answers(daemon: Daemon, todo: Iterable[Step]) -> list[Answer]:
    """Take all steps."""
    found = []
    for step in todo:
        try:
            value = taken(daemon, step)
        except Exception as error:
            value = f"client failed: {type(error).__name__}"
            if isinstance(step, Reach | Written):
                out = (daemon.folder / "d.log").read_text()[-2000:]
                raise AssertionError(f"{daemon.folder.name}: {step}: {error}\n{out}") from error
        if value is not None:
            found.append(Answer(step, alike(value, daemon)))
    return found


def taken(daemon: Daemon, step: Step) -> Any:
    """Take one step; None if it has nothing to compare."""
    match step:
        case Call(ordered=False):
            value = daemon.call(step.method, *step.args)
            return sorted(value, key=repr) if isinstance(value, list) else value
        case Call():
            return daemon.call(step.method, *step.args)
        case Reach():
            daemon.until_state(step.name, *step.states)
        case Written():
            path = daemon.folder / step.file
            until(lambda: path.exists() and step.text in path.read_bytes(), LONG)
        case Ask():
            return asked(daemon, step)
        case Rewrite():
            path = daemon.folder / "d.conf"
            path.write_text(step.change(path.read_text()))
    return None


def asked(daemon: Daemon, step: Ask) -> dict[str, Any]:
    """Status, head and body; the head without what each library says of itself."""
    with daemon.request(step.method, step.path, step.body, dict(step.headers)) as answer:
        told: dict[str, Any] = {"status": answer.status}
        if answer.status == 200:
            told["type"] = answer.getheader("content-type")
            told["body"] = answer.read().decode()
        if answer.status == 401:
            told["realm"] = answer.getheader("www-authenticate")
    return told


_TIMES = ("start", "stop", "now")


def alike(value: Any, daemon: Daemon) -> Any:
    """Without what differs from run to run."""
    match value:
        case dict():
            return {key: _member(key, each, daemon) for key, each in value.items()}
        case list():
            return [alike(each, daemon) for each in value]
        case str():
            return _text(value, daemon)
        case int() if value == daemon.process.pid:
            return "<pid of the daemon>"
    return value


def _member(key: str, value: Any, daemon: Daemon) -> Any:
    if key in (*_TIMES, "pid") and type(value) is int:
        return f"<{key}>" if value else 0
    return alike(value, daemon)


def _text(value: str, daemon: Daemon) -> str:
    text = value.replace(str(daemon.folder), "<folder>")
    text = re.sub(r"pid \d+, uptime \d+:\d\d:\d\d", "<pid, uptime>", text)
    text = re.sub(r"^[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M$", "<time>", text)
    return re.sub(r"(---supervisor-)\w+(\.log)", r"\1<chance>\2", text)


# What differs, and why.

Explained = Callable[[Answer, Answer], bool]


def _is_refused(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("fault ")


def _crash(ours: Answer, theirs: Answer) -> bool:
    """Arguments of a wrong type: supervisord fails inside (HTTP 500), otpsup answers a fault."""
    return theirs.value == "http 500" and _is_refused(ours.value)


def _crash_in_multicall(ours: Answer, theirs: Answer) -> bool:
    """As above, within a multicall: FAILED with a Python error's name, or HTTP 500 for all."""
    return (
        isinstance(ours.step, Call) and ours.step.method == "system.multicall"
        and (theirs.value == "http 500" or "<class '" in str(theirs.value))
    )  # fmt: skip


def _crash_on_bytes(ours: Answer, theirs: Answer) -> bool:
    """A log with bytes that are no UTF-8: HTTP 500 there, U+FFFD here."""
    return theirs.value == "http 500" and "\ufffd" in str(ours.value)


def _unreadable(ours: Answer, theirs: Answer) -> bool:
    """A log with characters that XML cannot hold: no client can read that, U+FFFD here."""
    return theirs.value == "client failed: ExpatError" and "\ufffd" in str(ours.value)


def _hangs_up(ours: Answer, theirs: Answer) -> bool:
    """A body that is no UTF-8: supervisord hangs up, otpsup answers."""
    return theirs.value == "client failed: RemoteDisconnected" and isinstance(ours.value, dict)


EXPLAINED: tuple[Explained, ...] = (
    _crash, _crash_in_multicall, _crash_on_bytes, _unreadable, _hangs_up,
)  # fmt: skip


@frozen
class Outcome:
    """How a comparison ended."""

    equal: int
    explained: Counter[str]
    different: list[tuple[Answer, Answer]]

    @property
    def total(self) -> int:
        return self.equal + self.explained.total() + len(self.different)


def compare(ours: list[Answer], theirs: list[Answer]) -> Outcome:
    """Compare answer by answer."""
    outcome = Outcome(0, Counter(), [])
    equal = 0
    for pair in zip(ours, theirs, strict=True):
        why = next((each.__doc__ or "" for each in EXPLAINED if each(*pair)), None)
        if _same(pair[0].value, pair[1].value):
            equal += 1
        elif why:
            outcome.explained[why] += 1
        else:
            outcome.different.append(pair)
    return Outcome(equal, outcome.explained, outcome.different)


def _same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all through: True is not 1."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def run(folder: Path, todo: Callable[[], Iterable[Step]]) -> Outcome:
    """Both daemons at once, each in a folder of its own."""

    def one(name: str) -> list[Answer]:
        place = folder / name
        place.mkdir()
        with running(place, PROGRAMS, real=name == "real") as daemon:
            return answers(daemon, todo())

    with ThreadPoolExecutor() as pool:
        theirs, ours = pool.map(one, ("real", "otpsup"))
    return compare(ours, theirs)


def run_twice(folder: Path, todo: Callable[[], Iterable[Step]]) -> Outcome:
    """What differs is asked again, of new daemons: the real one looks at its programs once a
    second, so whoever asks in the wrong moment is told what was. What differs again counts."""
    outcome = run(_made(folder / "first"), todo)
    if not outcome.different:
        return outcome
    again = run(_made(folder / "again"), todo)
    steps = [ours.step for ours, _ in again.different]
    outcome.different[:] = [pair for pair in outcome.different if pair[0].step in steps]
    return outcome


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def shown(pair: tuple[Answer, Answer]) -> str:
    """A difference, for people."""
    ours, theirs = _parts(pair)
    return f"{ours.step}\n  supervisord: {theirs.value!r}\n  otpsup:      {ours.value!r}"


def _parts(pair: tuple[Answer, Answer]) -> tuple[Answer, Answer]:
    """Of two lists, only what differs in them."""
    ours, theirs = pair
    if not (isinstance(ours.value, list) and isinstance(theirs.value, list)):
        return pair
    mine = [each for each in ours.value if each not in theirs.value]
    others = [each for each in theirs.value if each not in ours.value]
    return (Answer(ours.step, mine), Answer(theirs.step, others)) if mine or others else pair


def main() -> None:
    """Compare all, print what came of it."""
    socket.setdefaulttimeout(3 * LONG)
    todo = quick if "--quick" in sys.argv else steps
    with tempfile.TemporaryDirectory(prefix="d") as folder:
        outcome = run_twice(Path(folder), todo)
    for pair in outcome.different:
        print(shown(pair))
    print(f"{outcome.total} answers compared: {outcome.equal} equal")
    for why, count in outcome.explained.items():
        print(f"{count} differ as explained: {why}")
    print(f"{len(outcome.different)} unexplained")
    raise SystemExit(bool(outcome.different))


if __name__ == "__main__":
    main()
