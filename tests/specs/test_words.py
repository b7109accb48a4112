"""Values of specs as people read them in `plan` and `info`: in the words of a tree file."""

from __future__ import annotations

import signal
from typing import Any

import attrs
import pytest

from otpsup import (
    Backoff,
    Check,
    Command,
    Hook,
    Inherit,
    LogFile,
    Worker,
    copies,
    heartbeat,
    http,
    log_line,
    max_age,
    notify,
    port,
    probe,
    stays_up,
)
from otpsup.engine.difference import difference
from otpsup.specs import words
from tests.plugins.rooms import CustomHealthChecker
from tests.support import targets


def command(**options: Any) -> Command:
    return Command("a", ["sleep", "1"], **options)


TOLD: list[tuple[dict[str, Any], str]] = [
    ({"ready": stays_up(1)}, "ready 'spawned' -> {stays_up: 1}"),
    ({"ready": notify()}, "ready 'spawned' -> 'notify'"),
    ({"ready": notify(fd=3)}, "ready 'spawned' -> {notify: {fd: 3}}"),
    ({"ready": port(80, host="h")}, "ready 'spawned' -> {port: {port: 80, host: h}}"),
    ({"ready": http("http://me:hunter2@x/")}, "ready 'spawned' -> {http: http://***@x/}"),
    ({"ready": log_line("up")}, "ready 'spawned' -> {log_line: up}"),
    ({"ready": probe("pkg.mod:up")}, "ready 'spawned' -> {probe: pkg.mod:up}"),
    ({"ready": probe(targets.wait)}, "ready 'spawned' -> {probe: tests.support.targets:wait}"),
    ({"liveness": port(80)}, "liveness [] -> [{port: 80}]"),
    ({"liveness": heartbeat(9)}, "liveness [] -> [{heartbeat: 9}]"),
    (
        {"liveness": Check(max_age(9, jitter=1), interval=5)},
        "liveness [] -> [{max_age: {seconds: 9, jitter: 1}, interval: 5}]",
    ),
    (
        {"readiness": [["login", "--password", "hunter2"], http("http://me:hunter2@x/")]},
        "readiness [] -> [{command: [login, --password, ***]}, {http: http://***@x/}]",
    ),
    ({"startup": CustomHealthChecker()}, "startup [] -> [{plugin: CustomHealthChecker}]"),
    ({"backoff": Backoff(max=9)}, "backoff none -> {max: 9}"),
    ({"stdout": Inherit("stderr")}, "stdout 'inherit' -> {inherit: stderr, format: name}"),
    ({"stdout": LogFile("/a", backups=1)}, "stdout 'inherit' -> {file: /a, backups: 1}"),
    ({"stdout": LogFile("/a", compress=True)}, "stdout 'inherit' -> {file: /a, compress: true}"),
    ({"cwd": "/tmp"}, "cwd none -> '/tmp'"),
    ({"umask": 0o22}, "umask none -> '022'"),
    ({"stop_signal": "INT"}, "stop_signal 'SIGTERM' -> 'SIGINT'"),
    ({"exitcodes": {0, 3}}, "exitcodes [0] -> [0, 3]"),
    ({"inherit_env": ["PATH", "LC_*"]}, "inherit_env 'all' -> [PATH, LC_*]"),
    ({"env_file": ["/a", "/b"]}, "env_file [] -> [/a, /b]"),
    ({"rlimits": {"nofile": 9, "core": (0, 1)}}, "rlimits {} -> {nofile: 9, core: [0, 1]}"),
    ({"environment": {"TOKEN": "hunter2"}}, "environment (+TOKEN)"),
    ({"secrets": {"KEY": "/run/key"}}, "secrets (+KEY)"),
    ({"after": ["b"]}, "after [] -> [b]"),
    ({"shutdown": 3}, "shutdown 5.0 -> 3"),
    (
        {"before_start": Hook(["login", "--password", "hunter2"], timeout=5)},
        "before_start none -> {command: [login, --password, ***], timeout: 5}",
    ),
]


@pytest.mark.parametrize(("options", "text"), TOLD, ids=[text for _, text in TOLD])
def test_differences(options: dict[str, Any], text: str) -> None:
    """No word of Python's, and no secret; the other way round the same."""
    told = str(difference(command(), command(**options)))
    assert told == text
    assert "hunter2" not in str(difference(command(**options), command()))


def test_every_field_has_words() -> None:
    """With its default and without, also those of which only names or numbers are told."""
    worker = Worker("w", targets.wait, args=("hunter2",), kwargs={"token": "hunter2"})
    [copy] = copies(1, lambda _: command())
    for spec in (command(), worker, copy):
        told = {f.name: words.text(f.name, getattr(spec, f.name)) for f in attrs.fields(type(spec))}
        assert not [text for text in told.values() if "hunter2" in text or "<" in text]
    assert words.text("args", worker.args) == "'1 (not shown)'"
    assert words.text("copy", copy.copy) == "'1 of a'"


def test_every_signal_has_words() -> None:
    """Its name, or its number where it has no name."""
    told = {words.value("stop_signal", number) for number in signal.valid_signals()}
    assert {"SIGTERM", "SIGRTMIN", 40} <= told
    assert len(told) == len(signal.valid_signals())


def test_long_ones_are_cut() -> None:
    """It is one reason of several in a line."""
    assert len(words.text("env_file", [f"/{number}" for number in range(1000)])) < 250
