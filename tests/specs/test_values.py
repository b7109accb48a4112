"""Specs are values: frozen, comparable, picklable, and discreet."""

from __future__ import annotations

import pickle
import signal
from pathlib import Path
from typing import Any

import attrs
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
    Spawned,
    StaysUp,
    Supervisor,
    Worker,
)


def serve() -> None:
    """A target that can be pickled by name."""


def specs() -> list[Any]:
    """One of each kind, with as much in it as there can be."""
    worker = Worker(
        "web",
        serve,
        [1, "two"],
        {"port": 8001},
        restart="transient",
        backoff=Backoff(initial=2),
        ready=Port(8001),
        stop_signal="INT",
        exitcodes={0, 3},
        environment={"TOKEN": "hunter2"},
        env_file="a.env",
        cwd="/srv",
        rlimits={"nofile": 100},
        stdout=Path("out.log"),
    )
    command = Command("db", ["redis", Path("/etc/redis.conf")], ready="notify", stderr="stdout")
    pool = DynamicSupervisor("pool", worker, max_children=3)
    top = Supervisor("top", strategy="one_for_all", children=[worker, command, pool])
    return [
        *(worker, command, pool, top, Backoff(), LogFile("a.log")),
        *(Spawned(), StaysUp(1), Notify(fd=3), Port(1), Http("http://x"), LogLine("up")),
    ]


@pytest.mark.parametrize("spec", specs(), ids=lambda spec: type(spec).__name__)
def test_frozen(spec: Any) -> None:
    """No field can be set, and none added."""
    for name in [*(field.name for field in attrs.fields(type(spec))), "something_else"]:
        with pytest.raises((attrs.exceptions.FrozenInstanceError, AttributeError)):
            setattr(spec, name, None)


@pytest.mark.parametrize("number", range(len(specs())))
def test_equality(number: int) -> None:
    """Two specs made alike are equal; a copy through pickle is equal to the original."""
    spec, twin = specs()[number], specs()[number]

    assert spec == twin
    assert spec is not twin
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_inequality() -> None:
    """One field that differs makes another spec; so does the kind."""
    web = Worker("web", serve)

    assert web != attrs.evolve(web, nice=1)
    assert web != attrs.evolve(web, name="web2")
    assert Supervisor("a") != Supervisor("a", children=[web])
    assert len({type(spec) for spec in specs()}) == len(specs())
    assert not any(specs()[0] == other for other in specs()[1:])


def test_given_mappings_are_copied() -> None:
    """What is done to a mapping after it was given does not change the spec."""
    environment = {"A": "1"}
    web = Worker("web", serve, environment=environment)
    environment["A"] = "2"

    assert web.environment == {"A": "1"}


SECRET = "hunter2"


@pytest.mark.parametrize(
    "environment",
    [
        {"TOKEN": SECRET, "PORT": 8001},
        {"TOKEN": SECRET, "A=B": "c"},
        {"TOKEN": SECRET + "\0"},
        {"TOKEN": SECRET.encode()},
        {SECRET: 3},
        [f"TOKEN={SECRET}"],
        f"TOKEN={SECRET}",
        (("TOKEN", SECRET),),
    ],
)
def test_secrets_are_not_in_messages(environment: Any) -> None:
    """A bad environment is refused without telling what is in it."""
    with pytest.raises(InvalidSpec) as caught:
        Worker("web", serve, environment=environment)

    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)


def test_secrets_are_not_in_repr() -> None:
    """Neither environment nor arguments show in the repr of a spec, or of what holds it."""
    web = Worker("web", serve, (SECRET,), {"password": SECRET}, environment={"TOKEN": SECRET})
    pool = DynamicSupervisor("pool", web)
    top = Supervisor("top", children=[web, Command("db", ["db"], environment={"T": SECRET}), pool])

    for spec in (web, pool, top):
        assert SECRET not in repr(spec)
        assert SECRET not in str(spec)


def test_secrets_are_not_in_other_messages() -> None:
    """An error about another field does not show the environment."""
    for bad in ({"nice": 99}, {"restart": "always"}, {"significant": True}):
        fields: dict[str, Any] = {"environment": {"TOKEN": SECRET}, **bad}
        with pytest.raises(InvalidSpec) as caught:
            Worker("web", serve, **fields)

        assert SECRET not in str(caught.value)


def test_conversions() -> None:
    """Names and numbers of signals, limits, paths and lists become one form."""
    web = specs()[0]

    assert web.stop_signal == signal.SIGINT
    assert web.exitcodes == frozenset({0, 3})
    assert web.args == (1, "two")
    assert web.rlimits == {"RLIMIT_NOFILE": (100, 100)}
    assert web.cwd == Path("/srv")
    assert web.stdout == LogFile(Path("out.log"))
    assert Command("db", [Path("/bin/db")]).argv == ("/bin/db",)
    assert Worker("a", serve, ready="notify").ready == Notify()
    assert Worker("a", serve, ready="spawned").ready == Spawned()


def test_log_paths_are_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A log file stays where it was meant when the host changes its folder later."""
    monkeypatch.chdir(tmp_path)
    log = LogFile("logs/../a.log")

    assert log.path == tmp_path / "a.log"
