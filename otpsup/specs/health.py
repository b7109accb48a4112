"""Probes: how it is known that a running child does well, with Kubernetes' meaning of the words.

`startup` says when the other two begin; `liveness`, that it has to be started again; `readiness`,
that it cannot serve just now, which only marks it. `Check` says how often and how patiently one
condition is looked at. These classes only describe; `runtime.health` looks.

Source: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import field, frozen

from .. import mask
from ..errors import InvalidSpec
from . import check
from .hook import argv, is_argv, is_target
from .ready import Http, Port, Probe

Purpose = Literal["startup", "readiness", "liveness"]
PURPOSES: tuple[Purpose, ...] = ("startup", "readiness", "liveness")


@frozen
class Exec:
    """Well if a program ends with exit code 0; it is run as the child is, but for its output, of
    which the last line says why not. Written as a list wherever a `Check` is wanted."""

    argv: tuple[str, ...] = field(
        converter=argv,
        repr=lambda argv: repr(mask.command_line(argv)),
        validator=check.rule(
            is_argv, "a list of texts, program first", "Exec(['pg_isready', '-q'])"
        ),
    )


def _looks(value: Any) -> bool:
    if isinstance(value, str):
        return is_target(value)
    return callable(getattr(value, "check_health", None))


@frozen
class Plugged:
    """Well if an object says so: its `check_health(process_name, process_info)` returns None or
    True if all is well, False or a text that says why not, see `otpsup.plugins.HealthCheck`.
    Such an object, or its class, stands for this wherever a `Check` is wanted.

    Args:
        checker: the object, its class, or `pkg.module:name` of either.
        of_tree: it looks at every child. Then what it raises is no child's fault, nor that it
            hangs: that is told in the log, and is no failure of the check.
    """

    checker: Any = field(
        repr=check.repr_of_callable,
        validator=check.rule(
            _looks,
            "an object with a method check_health(process_name, process_info)",
            "Check(CustomHealthChecker())",
        ),
    )
    of_tree: bool = field(default=False, kw_only=True)


def _seconds(example: str) -> Any:
    return field(validator=check.positive_seconds(example))


@frozen
class Heartbeat:
    """Well as long as the child says so within each `seconds`: with `current_child().heartbeat()`,
    or with `WATCHDOG=1` to the socket in `NOTIFY_SOCKET` (sd_watchdog_enabled(3): it is told how
    often in `WATCHDOG_USEC`)."""

    seconds: float = _seconds("heartbeat(30)")


@frozen
class Silence:
    """Well as long as no `seconds` pass without any output of the child."""

    seconds: float = _seconds("silence(300)")


def _path(value: Any) -> Any:
    return check.converted(Path, value)


@frozen
class FileAge:
    """Well as long as this file was changed within the last `seconds` (mtime, inode(7))."""

    path: Path = field(
        converter=_path,
        validator=check.rule(check.is_path, "a path", "file_age('/run/app.alive', 60)"),
    )
    seconds: float = _seconds("file_age('/run/app.alive', 60)")


@frozen
class Memory:
    """Well as long as the child, and all below it, have no more than so many bytes in memory: the
    sum of their resident sets (proc_pid_stat(5): rss)."""

    limit: int = field(
        validator=check.rule(
            lambda v: check.is_int(v) and v > 0, "bytes above 0", "memory(512 << 20)"
        )
    )


@frozen
class Cpu:
    """Well as long as the child, and all below it, take no more than this part of one processor
    between two looks: 1.5 is one and a half."""

    limit: float = field(
        validator=check.rule(
            lambda v: check.is_seconds(v) and v > 0, "processors above 0", "cpu(0.9)"
        )
    )


@frozen
class MaxAge:
    """Well until it has run for `seconds`, and up to `jitter` more, so that not all are started
    again in one moment."""

    seconds: float = _seconds("max_age(86400)")
    jitter: float = field(
        default=0.0,
        kw_only=True,
        validator=check.rule(
            lambda v: check.is_seconds(v) and v >= 0, "seconds (0 or more)", "jitter=3600"
        ),
    )


Asked = Port | Http | Probe | Exec | Plugged
"""What has to be tried, every now and then."""
Measured = Memory | Cpu
"""What is measured, every now and then."""
Due = Heartbeat | Silence | FileAge | MaxAge
"""What fails at a moment that is known before; it is looked at then."""
What = Asked | Measured | Due

_OF_LIVENESS = (Heartbeat, Silence, FileAge, MaxAge, Memory, Cpu)


def _what(value: Any) -> Any:
    """A list is a command line; what has `check_health` looks by it."""
    if not isinstance(value, str) and _looks(value):
        return Plugged(value)
    is_line = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return Exec(value) if is_line else value


def _count(example: str) -> Any:
    rule = check.rule(check.Whole(1, 1_000_000), "a count (1 or more)", example)
    return field(default=None, kw_only=True, validator=check.optional(rule))


def _optional_seconds(example: str) -> Any:
    rule = check.optional(check.positive_seconds(example))
    return field(default=None, kw_only=True, validator=rule)


@frozen
class Check:
    """One condition, and how it is looked at.

    Args:
        what: a `port`, an `http` address, a `probe` function, a command line, a `heartbeat`,
            `silence`, `file_age`, `memory`, `cpu` or `max_age`, or an object with `check_health`.
        interval: seconds from one look to the next; 10, or 15 for what is measured.
        timeout: seconds that one look may take; 1, or the interval if that is shorter.
        failures: so many failures in a row make it fail; 3, or 1 for what is not tried but known.
        successes: after a failure, so many successes in a row make it well again; 1.
        initial_delay: seconds from the start of the child, or from the end of its startup checks,
            to the first look; 0.
    """

    what: What = field(
        converter=_what,
        validator=check.rule(
            lambda v: isinstance(v, What),
            "a condition such as port(8001), http(...) or a command line",
            "Check(port(8001), interval=10)",
        ),
    )
    interval: float | None = _optional_seconds("interval=10")
    timeout: float | None = _optional_seconds("timeout=1")
    failures: int | None = _count("failures=3")
    successes: int = field(
        default=1,
        kw_only=True,
        validator=check.rule(check.Whole(1, 1_000_000), "a count (1 or more)", "successes=1"),
    )
    initial_delay: float = field(
        default=0.0,
        kw_only=True,
        validator=check.rule(
            lambda v: check.is_seconds(v) and v >= 0, "seconds (0 or more)", "initial_delay=5"
        ),
    )

    @what.validator
    def _says_when_here(self, _: attrs.Attribute[Any], what: Any) -> None:
        """`ready=` takes the same conditions, with an interval of their own."""
        if not isinstance(what, Port | Http | Probe):
            return
        for name in ("interval", "timeout"):
            if getattr(what, name) != attrs.fields_dict(type(what))[name].default:
                problem = (
                    f"{name} must be said of the check, not of its condition; "
                    f"for example Check({type(what).__name__.lower()}(...), {name}=5)"
                )
                text = f"Check: {problem}"
                raise InvalidSpec(text, "bad_combination", field=name, problem=problem)

    @property
    def every(self) -> float:
        """Seconds from one look to the next."""
        return self.interval or (15.0 if isinstance(self.what, Measured) else 10.0)

    @property
    def patience(self) -> float:
        """Seconds that one look may take."""
        return self.timeout or min(1.0, self.every)

    @property
    def threshold(self) -> int:
        """How many failures in a row make it fail."""
        return self.failures or (3 if isinstance(self.what, Asked) else 1)


Checks = tuple[Check, ...]


def from_value(value: Any) -> Any:
    """A tuple of checks, of one or of several, each a `Check` or its condition alone."""
    if value is None:
        return ()
    is_line = isinstance(value, list | tuple) and bool(value) and isinstance(value[0], str)
    several = value if isinstance(value, list | tuple) and not is_line else [value]
    return check.converted(lambda v: tuple(map(_check, v)), several)


def _check(value: Any) -> Any:
    return value if isinstance(value, Check) else Check(value)


def are_checks(value: Any, purpose: Purpose) -> bool:
    """Whether these may serve that purpose: what only an end can mend is for liveness alone."""
    return isinstance(value, tuple) and all(
        isinstance(each, Check)
        and (purpose == "liveness" or not isinstance(each.what, _OF_LIVENESS))
        for each in value
    )


def has(spec: Any, kind: type[Any]) -> bool:
    """Whether a child has such a check."""
    return any(isinstance(each.what, kind) for each in spec.liveness)


def heartbeat_within(spec: Any) -> float:
    """The shortest time in which a child has to say that all is well; 0 if it need not."""
    found = [each.what.seconds for each in spec.liveness if isinstance(each.what, Heartbeat)]
    return min(found, default=0.0)


def name_of(checker: object) -> str:
    """What a checker is called: its class, or where that is found."""
    if isinstance(checker, str):
        return checker
    return (checker if isinstance(checker, type) else type(checker)).__qualname__


def described(what: What) -> str:
    """In a few words, for reports: `http http://127.0.0.1:8001/healthz`."""
    match what:
        case Port():
            return f"port {what.port} of {what.host}"
        case Http():
            return f"http {mask.text(what.url)}"
        case Probe():
            return f"probe {check.repr_of_callable(what.function)}"
        case Exec():
            return f"command {mask.command_line(what.argv)[0]}"
        case Plugged():
            return f"check_health of {name_of(what.checker)}"
        case Heartbeat():
            return "heartbeat"
        case Silence():
            return "output"
        case FileAge():
            return f"file {what.path}"
        case Memory():
            return "memory"
        case Cpu():
            return "cpu"
        case MaxAge():
            return "age"


# The spelling for trees: liveness=otpsup.heartbeat(30).
heartbeat = Heartbeat
silence = Silence
file_age = FileAge
memory = Memory
cpu = Cpu
max_age = MaxAge
