"""Every field refuses what cannot be right; it says what was expected, what it got, an example."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otpsup.errors import InvalidSpec
from otpsup.specs import (
    Backoff,
    Command,
    DynamicSupervisor,
    Http,
    LogFile,
    LogLine,
    Notify,
    Port,
    Probe,
    StaysUp,
    Supervisor,
    Worker,
)
from otpsup.specs import ready as kinds

NAN, INF = math.nan, math.inf


def worker(**fields: Any) -> Worker:
    return Worker(**{"name": "web", "target": "app.web:serve", **fields})


def command(**fields: Any) -> Command:
    return Command(**{"name": "db", "argv": ["db"], **fields})


def supervisor(**fields: Any) -> Supervisor:
    return Supervisor(**{"name": "top", **fields})


def pool(**fields: Any) -> DynamicSupervisor:
    return DynamicSupervisor(**{"name": "pool", "template": worker(), **fields})


class Unusable:
    """A class is no target: calling it makes an object and does no work."""


OBJECT = object()

BAD: dict[tuple[Callable[..., Any], str], list[Any]] = {
    (worker, "name"): ["", ".", "..", "a/b", "a#1", "a\nb", "a\0", " a", "a ", None, 3, b"a"],
    (worker, "target"): ["app", "app.web", "app:", ":serve", "app-x:run", "a b:c", None, Unusable],
    (worker, "args"): ["text", 3, {"a": 1}, None],
    (worker, "kwargs"): [[], {1: 2}, None, "a=1"],
    (worker, "start_method"): ["thread", None, 3],
    (worker, "restart"): ["always", None, True, "Permanent"],
    (worker, "shutdown"): [-1, -0.5, NAN, INF, True, None, "5", "kill", "Infinity"],
    (worker, "significant"): [1, 0, None, "yes"],
    (worker, "autostart"): [1, None, "no"],
    (worker, "backoff"): [1, 0.5, {"initial": 1}, "1s"],
    (worker, "ready"): ["listening", None, 8001, True, lambda: True],
    (worker, "start_timeout"): [0, -1, NAN, INF, None, "60", True],
    (worker, "stop_signal"): ["SIGNOTHING", "IGN", 0, 99, -1, None, 1.5, "15", True],
    (worker, "exitcodes"): [[-1], [256], ["0"], [True], 0, None],
    (worker, "environment"): [{"A": 1}, {1: "a"}, {"": "a"}, {"A=B": "c"}, {"A": "b\0"}, ["A=B"]],
    (worker, "env_file"): [3, b"x", True],
    (worker, "cwd"): [3, True, ["/"]],
    (worker, "user"): ["", -1, True, 1.0, ["root"]],
    (worker, "group"): ["", -1, True, 1.0],
    (worker, "umask"): [-1, 0o1000, True, "022"],
    (worker, "nice"): [-21, 20, True, "10", 0.5],
    (worker, "rlimits"): [{"nofiles": 1}, {"nofile": -2}, {"nofile": (1,)}, {"nofile": "1"}, 3],
    (worker, "stdout"): ["stdout", "file.log", None, 3, "INHERIT"],
    (worker, "stderr"): ["stderr", "file.log", None, 3],
    (command, "argv"): [[], "db --port 1", b"db", [""], ["db", 3], ["db\0"], None, 3],
    (supervisor, "name"): ["", "a/b", None],
    (supervisor, "strategy"): ["simple_one_for_one", "all", None],
    (supervisor, "auto_shutdown"): ["always", None, True],
    (supervisor, "intensity"): [-1, 1.5, True, None, "3", INF, "infinity"],
    (supervisor, "period"): [0, -1, NAN, INF, None, "5", True, "infinity"],
    (supervisor, "shutdown"): [-1, None, "5"],
    (supervisor, "children"): [[3], ["a"], "ab", {"a": 1}, None, [Worker]],
    (pool, "template"): [None, 3, Worker, [], worker(restart="transient", significant=True)],
    (pool, "max_children"): [-1, 1.5, True, "3", INF],
    (pool, "intensity"): [-1, None],
    (Backoff, "initial"): [0, -1, NAN, INF, None, "1", True],
    (Backoff, "factor"): [0, 0.99, -2, NAN, INF, None, True],
    (Backoff, "max"): [0, -1, NAN, 0.5, None],
    (Backoff, "jitter"): [-0.1, 1.1, NAN, None, True],
    (Backoff, "reset_after"): [0, -1, NAN, None],
    (StaysUp, "seconds"): [0, -1, NAN, INF, None, "1"],
    (Notify, "fd"): [0, 2, -1, 1024, "3", True],
    (Port, "port"): [0, 65536, -1, "8001", None, True, 1.5],
    (Http, "url"): ["", "localhost", "ftp://x", "http://", "http://x:0", "http://x:99999", 3, None],
    (LogLine, "pattern"): ["", "(", None, 3],
    (Probe, "function"): [None, "f", 3],
    (lambda **f: Port(8001, **f), "host"): ["", None, 3],
    (lambda **f: Port(8001, **f), "interval"): [0, -1, None, NAN],
    (lambda **f: Port(8001, **f), "timeout"): [0, -1, None],
    (lambda **f: Http("http://x", **f), "status"): [99, 600, "200", True],
    (lambda **f: Http("http://x", **f), "interval"): [0, None],
    (lambda **f: Http("http://x", **f), "timeout"): [0, None],
    (lambda **f: LogLine("x", **f), "stream"): ["all", None],
    (lambda **f: Probe(bool, **f), "interval"): [0, None],
    (lambda **f: Probe(bool, **f), "timeout"): [0, None],
    (lambda **f: LogFile("a.log", **f), "max_bytes"): [-1, 1.5, True, None],
    (lambda **f: LogFile("a.log", **f), "backups"): [-1, 0.5, True, None],
}  # fmt: skip

# A test for each field, which tries all its values: a test for each value takes longer to be
# counted than to be run.
FIELDS = pytest.mark.parametrize(("build", "field"), BAD)

OTP_REASONS = {
    # where it is not invalid_<field> (supervisor.erl)
    "restart": "invalid_restart_type",
    "template": "bad_start_spec",
    "children": "invalid_child_spec",
}

NAMES: dict[str, Any] = {
    name: getattr(kinds, name) for name in ("stays_up", "port", "http", "log_line", "probe")
} | {
    "Backoff": Backoff,
    "Command": Command,
    "DynamicSupervisor": DynamicSupervisor,
    "LogFile": LogFile,
    "Worker": Worker,
    "otpsup": kinds,
}


def parts_of(field: str, value: Any) -> list[str]:
    """What of a given value must be seen in a message; collections may be shown in another form."""
    if field in ("environment", "args", "kwargs"):
        return ["values not shown"]
    if isinstance(value, Worker):
        return [repr(value)[:100]]
    if isinstance(value, dict):
        return [repr(part) for part in value.values()]
    return [repr(part) for part in value] if isinstance(value, list) else [repr(value)]


def message_for(build: Callable[..., Any], field: str, value: Any) -> str:
    try:
        build(**{field: value})
    except InvalidSpec as error:
        return str(error)
    raise AssertionError(f"{field}={value!r} is taken")


@FIELDS
def test_message(build: Callable[..., Any], field: str) -> None:
    """The message names the field, and holds what was expected, what was given and an example."""
    for value in BAD[build, field]:
        message = message_for(build, field, value)
        expected, _, rest = message.partition(", not ")
        given, _, example = rest.partition("; for example ")

        assert re.search(rf"{field} must be [^ ]", expected), value
        assert all(part in given for part in parts_of(field, value)), value
        assert example, value
        assert "\n" not in message, value


@FIELDS
def test_otp_reason(build: Callable[..., Any], field: str) -> None:
    """`reason` is OTP's atom, and the error is both ours and a ValueError."""
    for value in BAD[build, field]:
        with pytest.raises(ValueError, match=field) as caught:
            build(**{field: value})

        assert isinstance(caught.value, InvalidSpec), value
        assert caught.value.reason == OTP_REASONS.get(field, f"invalid_{field}"), value


@FIELDS
def test_example_is_legal(build: Callable[..., Any], field: str) -> None:
    """What the message proposes can be used as it stands."""
    example = message_for(build, field, BAD[build, field][0]).partition("; for example ")[2]
    if example.startswith(f"{field}="):
        build(**eval(f"dict({example})", NAMES))
    elif example in ("True", "False"):
        build(**{"restart": "transient", field: eval(example)})
    else:
        eval(example, NAMES)


def test_message_names_the_spec() -> None:
    """One knows which child is meant."""
    assert message_for(worker, "restart", "always").startswith("Worker 'web': ")
    assert message_for(command, "argv", []).startswith("Command 'db': ")
    assert message_for(supervisor, "intensity", -1).startswith("Supervisor 'top': ")
    assert message_for(Backoff, "initial", 0).startswith("Backoff: ")


def test_whole_message() -> None:
    """The words in full, once."""
    expected = (
        "Worker 'web': restart must be one of 'permanent', 'transient', 'temporary', not 'always'; "
        "for example restart='transient'"
    )

    assert expected == message_for(worker, "restart", "always")


GOOD: dict[tuple[Callable[..., Any], str], list[Any]] = {
    (worker, "name"): ["a", "web server", "ü", "a.b", "-"],
    (worker, "target"): ["app:run", "a.b.c:d.e", print, test_whole_message, Unusable().__repr__],
    (worker, "args"): [(), (1,), [1, 2]],
    (worker, "shutdown"): [0, 0.5, 5, "brutal_kill", "infinity"],
    (worker, "stop_signal"): ["SIGINT", "INT", "int", 2],
    (worker, "exitcodes"): [{0, 2}, [0], (), frozenset({255}), range(3)],
    (worker, "environment"): [{}, {"A": ""}, {"A": "b=c"}],
    (worker, "env_file"): [None, "a.env", Path("a.env")],
    (worker, "user"): [None, "www-data", 0, 1000],
    (worker, "umask"): [None, 0, 0o777],
    (worker, "nice"): [None, -20, 0, 19],
    (worker, "rlimits"): [{}, {"nofile": 4096}, {"RLIMIT_CORE": (0, -1)}, {"as": -1}],
    (worker, "stdout"): ["inherit", "null", Path("a.log"), LogFile("a.log")],
    (worker, "stderr"): ["inherit", "null", "stdout", Path("a.log")],
    (worker, "ready"): ["spawned", "notify", Port(1), StaysUp(0.1), Notify(fd=3)],
    (worker, "significant"): [False],
    (command, "argv"): [["db"], ("db", "--x"), [Path("/bin/db"), "a b"]],
    (supervisor, "intensity"): [0, 1, 10**9],
    (supervisor, "period"): [0.1, 1, 3600],
    (supervisor, "shutdown"): ["infinity", 0, "brutal_kill"],
    (supervisor, "children"): [[], (), [worker()], (worker(), command())],
    (pool, "max_children"): [None, 0, 1],
    (pool, "template"): [worker(), command(), supervisor()],
    (Http, "url"): ["http://x", "https://x:443/y?z", "http://[::1]:80/"],
}


@pytest.mark.parametrize(("build", "field"), GOOD)
def test_good_values(build: Callable[..., Any], field: str) -> None:
    """What is right is taken, at both ends of each range."""
    for value in GOOD[build, field]:
        build(**{field: value})


@pytest.mark.parametrize("word", ["restart", "shutdown", "ready", "name", "argv", "target"])
def test_unknown_field(word: str) -> None:
    """A field that does not exist is an error, not silently ignored as in OTP."""
    with pytest.raises(TypeError):
        worker(**{f"{word}s": 1})
