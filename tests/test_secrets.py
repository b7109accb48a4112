"""Secrets that a child is given, or tells, are seen nowhere: one value for each place, looked for
in all that otpsup ever shows."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict
from loguru import logger

import otpsup
from otpsup import (
    Command,
    DynamicSupervisor,
    InvalidSpec,
    OtpsupError,
    Supervisor,
    Tree,
    TreeClient,
    Worker,
    current_child,
    orphans,
)
from otpsup.cli import main
from otpsup.control import address, last_words
from tests.support.servers import free_port
from tests.support.trees import REPORT, python
from tests.support.waiting import until

PLACES = (
    "env",
    "file",
    "option",
    "word",
    "url",
    "query",
    "kwarg",
    "ready",
    "query2",
    "host",
    "secret",
)
CANARY = {place: f"canary-{place}-{number:08}" for number, place in enumerate(PLACES, 7)}
"""What must not be seen."""


def seen(text: str) -> list[str]:
    """The places whose secrets are in a text."""
    return [place for place, value in CANARY.items() if value in text]


def blab(*_: Any, **kwargs: Any) -> None:
    """A worker that tells all that it knows, and ends with it."""
    child = current_child()
    known = [*kwargs.values(), *os.environ.values()]
    child.status(f"I know {' '.join(map(str, known))}")
    raise RuntimeError(f"lost {kwargs} and {os.environ.get('API_TOKEN')} {' '.join(known)}")


COMMAND_BLABS = (
    REPORT
    + """
known = " ".join([*os.environ.values(), *sys.argv])
tell(op="status", text=known)
tell(nonsense=known)
os.write(int(os.environ["OTPSUP_CHANNEL"].split(":")[0]), known.encode())
tell(op="ready", info={"what": known, "list": [known]})
tell(op="crash", type=known, message=known, traceback=known)
"""
)


def children(folder: Path) -> list[Any]:
    """Children that are given secrets in every way that there is, and tell them in every way."""
    (folder / "app.env").write_text(f"SECRET_KEY='{CANARY['file']}'\n")
    (folder / "plain").write_text(f"{CANARY['secret']}\n")
    given: dict[str, Any] = {
        "secrets": {"PLAIN": folder / "plain"},
        "environment": {"API_TOKEN": CANARY["env"], "LANG": "C"},
        "env_file": folder / "app.env",
        "restart": "temporary",
        "autostart": False,
        "stdout": "null",
        "stderr": "null",
    }
    words = [f"--password={CANARY['option']}", "--api-key", CANARY["word"],
             f"postgres://u:{CANARY['url']}@h/x?token={CANARY['query']}"]  # fmt: skip
    url = f"http://u:{CANARY['ready']}@127.0.0.1:{free_port()}/?token={CANARY['query2']}"
    secret_kwarg = {"password": CANARY["kwarg"]}
    return [
        Command("blabs", python(f"{COMMAND_BLABS}\nsys.exit(3)", *words), ready="notify", **given),
        Command("stays", python(f"{COMMAND_BLABS}\nsignal.pause()", *words[:3]), ready="notify",
                **given),
        Command("missing", ["/no/such/program", *words], **given),
        Command("nowhere", ["no-such-program", *words], **given),
        Command("late", ["sleep", "100", *words[:0]], ready=otpsup.http(url, interval=0.01),
                start_timeout=0.1, **given),
        Command("folder", ["true", *words], **{**given, "cwd": "/no/such/folder"}),
        Worker("worker", blab, kwargs=secret_kwarg, **given),
        Worker("spawned", blab, kwargs=secret_kwarg, start_method="spawn", **given),
        Worker("unpicklable", blab, kwargs={**secret_kwarg, "x": lambda: 1}, **given),
        DynamicSupervisor("pool", Command("job", ["/no/such/program"])),
    ]  # fmt: skip


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The whole log, as verbose as loguru can be."""
    monkeypatch.setenv("HOST_PASSWORD", CANARY["host"])
    lines: list[str] = []
    handler = logger.add(lines.append, level=0, backtrace=True, diagnose=True)
    logger.enable("otpsup")
    yield lines
    logger.disable("otpsup")
    logger.remove(handler)


def shown_by_the_command_line(capsys: pytest.CaptureFixture[str], name: str) -> str:
    """All that it has to say of a running tree."""
    for argv in (
        ["status"], ["status", "--json"], ["why"], ["why", "--json"], ["why", "blabs"],
        ["why", "worker", "--json"], ["start", "missing"], ["start", "late"], ["start", "nobody"],
        *(["graph", "--format", form] for form in ("text", "mermaid", "dot", "svg")),
        ["simulate", "--kill", "stays"], ["simulate", "--kill", "stays", "--json"],
    ):  # fmt: skip
        main([*argv, "--tree", name])
    said = capsys.readouterr()
    return said.out + said.err


def test_nothing_that_is_shown_has_a_secret(
    tmp_path: Path, log: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Status, reasons, events, errors, the log, drawings, outlines, last words and the command line
    show none of the secrets that children were given, even if these tell all that they know."""
    kinds = children(tmp_path)
    spec = Supervisor("hush", children=kinds, intensity=0, period=1)
    shown = [repr(spec), str(spec), *map(repr, kinds)]
    tree = Tree(spec)
    with tree, tree.events() as events, TreeClient.connect(f"hush-{os.getpid()}") as client:
        heard = client.events()
        for child in kinds:
            with contextlib.suppress(OtpsupError):
                tree.start_child(child.name) if child.name != "pool" else None
        args = ("--token", CANARY["word"], f"--password={CANARY['option']}")
        with contextlib.suppress(OtpsupError):
            tree.start_child("pool", *args)
        with pytest.raises(OtpsupError) as caught:
            tree.start_child("missing")
        until(lambda: (found := tree.status().find("blabs")) and found.state == "down")
        with TreeClient.connect(f"hush-{os.getpid()}") as asking:
            shown += [str(caught.value), repr(tree.status()), repr(asking.status())]
            shown.append(json.dumps(asking._ask("outline")))
        shown.append(shown_by_the_command_line(capsys, f"hush-{os.getpid()}"))
        tree.start_child(Command("dies", python(COMMAND_BLABS), exitcodes=[9]))  # and the tree
        tree.wait(10)
        shown += [json.dumps(asdict(event)) for event in events]
        shown += [json.dumps(asdict(event)) for event in heard]
    shown += [path.read_text() for path in address.directory().glob("hush*.ended")]
    main(["why", "--tree", "hush"])
    shown += ["".join(log), *capsys.readouterr()]
    assert last_words.read("hush").kind == "gave_up"
    text = "\n".join(shown)
    assert text.count("***") > 50, "nothing was told, and so nothing hidden"
    assert seen(text) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"argv": f"run --password={CANARY['option']}"},
        {"argv": ["run", f"--password={CANARY['option']}", 3]},
        {"argv": ["run", "--token", CANARY["word"], 3]},
        {"environment": f"TOKEN={CANARY['env']}"},
        {"environment": {"TOKEN": CANARY["env"], "A": 1}},
        {"ready": f"http://u:{CANARY['url']}@h/?token={CANARY['query']}"},
        {"ready": {"token": CANARY["query"]}},
        {"stdout": {"password": CANARY["kwarg"]}},
    ],
)
def test_errors_of_specs(fields: dict[str, Any]) -> None:
    """What is wrong with a spec is said without the secrets that are in it."""
    with pytest.raises(InvalidSpec) as caught:
        Command(**{"name": "c", "argv": ["c"], **fields})
    assert seen(str(caught.value)) == []


def test_errors_of_urls_trees_and_arguments() -> None:
    """The same for addresses, for what is no tree, and for a worker's arguments."""
    secret = {"token": CANARY["query"]}
    for build in (
        lambda: otpsup.http(f"ftp://u:{CANARY['url']}@h"),
        lambda: Tree(secret),  # type: ignore[arg-type]
        lambda: Worker("w", "app:run", args=CANARY["kwarg"]),
        lambda: Worker("w", "app:run", kwargs=[CANARY["kwarg"]]),
        lambda: Supervisor("s", children=[secret]),
        lambda: Tree(Supervisor("s")).start_child(secret),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidSpec) as caught:
            build()
        assert seen(str(caught.value)) == []


def test_what_is_given_is_whole() -> None:
    """Only what is shown is masked: a child gets its secrets as they are, and whoever asked for a
    start gets the `info` as the child gave it."""
    code = f"{REPORT}\ntell(op='ready', info=[sys.argv[1:], {{'token': 'mine'}}])\nsignal.pause()"
    argv = python(code, "--password=short", "https://u:p@h")
    with Tree(Supervisor("t", children=[])) as tree, TreeClient.connect("t") as client:
        found = tree.start_child(Command("c", argv, ready="notify"))
        assert found.info == [["--password=short", "https://u:p@h"], {"token": "mine"}]
        told = client.status().find("c")
        assert told is not None
        assert told.info == [["--password=***", "https://***@h"], {"token": "***"}]


def test_orphans_are_listed_without_their_secrets() -> None:
    """The command line of a process that is left of a dead tree is shown without secrets."""
    code = "import sys; print(flush=True); sys.stdin.read()"
    argv = [sys.executable, "-c", code, "--token", CANARY["word"], f"--password={CANARY['option']}"]
    dead = {"OTPSUP_RUN": "999999999-1-1-1", "OTPSUP_PATH": "c"}
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, env=dead, **pipes) as process:
        assert process.stdout
        assert process.stdin
        process.stdout.readline()
        (found,) = [orphan for orphan in orphans.find() if orphan.pid == process.pid]
        process.stdin.close()
    assert found.command.endswith("--token *** --password=***")


def test_marks_that_are_none() -> None:
    """Any program may write what it likes into its environment; it is no orphan then."""
    code = "print(flush=True); import sys; sys.stdin.read()"
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    for mark in ("\u00b2-1-1", "1-\u00b2-1", "9" * 5000 + "-1", "-", "--", "x"):
        argv = [sys.executable, "-c", code]
        with subprocess.Popen(argv, env={"OTPSUP_RUN": mark}, **pipes) as process:
            assert process.stdout
            assert process.stdin
            process.stdout.readline()
            assert process.pid not in [orphan.pid for orphan in orphans.find()]
            process.stdin.close()
