"""`otpsup simulate`, as people and scripts run it: lines in, lines out, and deaths in words."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from otpsup import Backoff, Command, DynamicSupervisor, Supervisor, Tree
from otpsup.cli import main
from otpsup.control import address
from tests.cli.test_cli import otpsup
from tests.support import ROOT, program
from tests.support.program import ARGV
from tests.support.trees import Watcher, asking, pid, running, watching
from tests.support.waiting import LONG

FASTBLOG = "examples.fastblog.tree"
GOOD = b'{"id":7,"tree":{"id":"r"}}\n'
TRACE = (
    '{"id":7,"start":{"op":"start","result":["ok","r"],"trace":[{"ev":"start","path":"r"}]},'
    '"events":[],"final":{"r":{"which":[],"count":{"specs":0,"active":0,"supervisors":0,'
    '"workers":0}}},"stop":{"result":"ok","trace":[{"ev":"exit","path":"r","reason":"shutdown"}]}}'
    "\n"
)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    return folder


HINT = "give a file of scenarios, or `-` for standard input; about a tree, ask with --kill"


def sleeper(name: str, **options: Any) -> Command:
    return Command(name, ["sleep", "1000"], **options)


def run(*args: str) -> tuple[int, str, str]:
    """Run a command within this process: its exit code, what it prints, and what it complains."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(args)
    return code, out.getvalue(), err.getvalue()


def done(*args: str) -> str:
    """What a command that succeeds prints."""
    code, out, err = run(*args)
    assert (code, err) == (0, "")
    return out


def refused(code: int, *args: str) -> str:
    """The one line that a command says which fails with this exit code."""
    found, out, err = run(*args)
    assert (found, out) == (code, ""), err
    assert err.startswith("otpsup: ")
    assert err.count("\n") == 1
    return err.removeprefix("otpsup: ").rstrip("\n")


def fed(data: bytes, *args: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run `simulate` with this on its standard input."""
    return program.run("simulate", *args, input=data, environment={**os.environ, **environment})


def complaints(folder: Path, data: bytes) -> list[str]:
    """What is said on stderr of a file in which some lines are bad, without the file's name; after
    that comes their number."""
    file = folder / "scenarios"
    file.write_bytes(data)
    code, _, err = run("simulate", str(file))
    *lines, last = err.splitlines()
    assert code == 1
    assert last == f"otpsup: {len(lines)} of the lines of {file} could not be run; all others were"
    assert all(line.startswith(f"{file}:") for line in lines)
    return [line.removeprefix(str(file)) for line in lines]


# Lines.


def test_a_line_for_a_line() -> None:
    """A trace is one line, to the letter, with nothing else around it."""
    result = fed(GOOD * 2)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.decode() == TRACE * 2


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    """A file may end without a line break, and have blank lines and Windows' line ends."""
    file = tmp_path / "scenarios"
    for data in (GOOD.strip(), b"\n \t\n\r\n" + GOOD, GOOD.replace(b"\n", b"\r\n")):
        file.write_bytes(data)
        assert done("simulate", str(file)) == TRACE


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (b"{\n", 1),
        (GOOD + b"{\n", 2),
        (b"\n\n \n{\n", 4),
        (GOOD.replace(b"\n", b"\r\n") * 2 + b"\r\n{\r\n", 4),
        (b'{"id":"\xe2\x80\xa8\xc2\x85","tree":{"id":"r"}}\n{\n', 2),
        (b'{"id":1,\x0b"tree":{"id":"r"}}\n' + GOOD + b"{", 1),
        (GOOD * 300 + b"nonsense", 301),
    ],
)
def test_line_numbers(data: bytes, number: int, tmp_path: Path) -> None:
    """Lines are counted as an editor counts them: blank ones too, and only line breaks end one."""
    first = complaints(tmp_path, data)[0]
    assert first.startswith(f":{number}: expected a JSON object")


def test_only_the_line_that_was_named(tmp_path: Path) -> None:
    """There is one number of a line in a message, that of the file's line."""
    (line,) = complaints(tmp_path, b'{"tree": {"id": "r"\n')
    assert "line 1 " not in line
    assert "line 2 " not in line


def test_every_kind_of_bad_line(tmp_path: Path) -> None:
    """Each bad line is named by file and number and says what was expected; all others run, in
    order."""
    bad = [
        b"no json",
        b"[]",
        b"3",
        b'{"id":1}',
        b'{"tree":{"id":"r"},"events":[{"op":"kil"}]}',
        b'{"tree":{"id":"r","children":[{"id":"a","restart":"x"}]}}',
        b'{"tree":{"id":"r","children":[{"id":"a","shutdown":"infinity","on_shutdown":"ignore"}]}}',
        b"[" * 100_000,
        b"\xff\xfe",
        b"\x00",
    ]
    file = tmp_path / "scenarios.jsonl"
    file.write_bytes(b"".join(line + b"\n" + GOOD for line in bad))
    code, out, err = run("simulate", str(file))
    lines = err.splitlines()
    assert (code, out) == (1, TRACE * len(bad))
    assert [line.partition(": ")[0] for line in lines[:-1]] == [
        f"{file}:{number}" for number in range(1, 2 * len(bad), 2)
    ]
    said = [line.partition(": ")[2] for line in lines[:-1]]
    assert said[1:7] == [
        "the scenario: expected an object, not []",
        "the scenario: expected an object, not 3",
        "the scenario: expected a 'tree', and there is none",
        (
            "events[0].op: expected one of kill, plan, fail_next, start_child, terminate_child, "
            "restart_child, delete_child, which_children, count_children, advance, batch, "
            "stop_root, not 'kil'; did you mean 'kill'?"
        ),
        (
            "tree.children[0].restart: expected one of permanent, transient, temporary, not 'x'"
        ),
        (
            "r/a ignores its stop request and its shutdown is 'infinity': that stop never ends; "
            "expected milliseconds or 'brutal_kill'"
        ),
    ]  # fmt: skip
    assert said[7] == "expected a JSON object that is not nested so deep"
    assert all(said[n].startswith("expected a JSON object") for n in (0, 8, 9))
    assert (
        lines[-1] == f"otpsup: {len(bad)} of the lines of {file} could not be run; all others were"
    )


def nested(levels: int) -> bytes:
    spec: dict[str, Any] = {"id": "a"}
    for _ in range(levels):
        spec = {"id": "s", "type": "supervisor", "children": [spec]}
    return json.dumps({"tree": spec}).encode()


@pytest.mark.parametrize(
    "line",
    [
        nested(300),
        b'{"tree":{"id":"r","events":' + b"[" * 900 + b"]" * 900 + b"}}",
        b'{"tree":{"id":"r","period":1' + b"0" * 400 + b"}}",
        b'{"tree":{"id":"r","intensity":1' + b"0" * 5000 + b"}}",
        b'{"tree":{"id":"r","children":[{"id":"a","shutdown":1' + b"0" * 400 + b"}]}}",
        b'{"tree":{"id":"r"},"events":[{"op":"fail_next","path":"r","n":%d,"mode":"ok"}]}'
        % (10**18),
    ],
    ids=["deep tree", "deep nonsense", "long period", "many digits", "long shutdown", "often"],
)
def test_no_line_takes_the_others_along(line: bytes, tmp_path: Path) -> None:
    """Whatever a line is, it is run or refused, and the next one runs."""
    file = tmp_path / "scenarios"
    file.write_bytes(line + b"\n" + GOOD)
    code, out, err = run("simulate", str(file))
    assert out.endswith(TRACE)
    assert code in (0, 1)
    assert err == "" or err.startswith(f"{file}:1: ")


def test_a_byte_order_mark(tmp_path: Path) -> None:
    """Windows' editors begin a file with a mark that nobody sees; it is no part of a scenario."""
    file = tmp_path / "scenarios"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD)
    assert done("simulate", str(file)) == TRACE


@pytest.mark.parametrize(
    "environment", [{}, {"PYTHONIOENCODING": "utf-8:strict"}, {"PYTHONIOENCODING": "ascii"}]
)
@pytest.mark.parametrize("name", ["file", "-"])
def test_bytes_that_are_no_text(
    environment: dict[str, str], name: str, tmp_path: Path
) -> None:  # fmt: skip
    """Bytes that are no UTF-8 harm their own line at most, from a file and from standard input,
    whatever the terminal's encoding is."""
    data = b'{"id":"\xff","tree":{"id":"r"}}\n' + GOOD
    (tmp_path / "file").write_bytes(data)
    result = fed(data, name if name == "-" else str(tmp_path / name), **environment)
    assert b"Traceback" not in result.stderr
    assert result.stdout.decode(errors="replace").endswith(TRACE)


@pytest.mark.parametrize("environment", [{}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_texts_of_any_language(environment: dict[str, str]) -> None:
    """JSON is UTF-8, in and out, wherever it is run; half a character is still JSON."""
    data = '{"id":"ä ☃ 𝄞","tree":{"id":"größe"}}\n{"id":"\\ud800","tree":{"id":"r"}}\n'.encode()
    result = fed(data + GOOD, **environment)
    assert (result.returncode, result.stderr) == (0, b"")
    first, second, third = map(
        json.loads, result.stdout.decode(errors="surrogatepass").splitlines()
    )
    assert (first["id"], first["start"]["result"]) == ("ä ☃ 𝄞", ["ok", "größe"])
    assert (second["id"], third["id"]) == ("\ud800", 7)


def test_nothing_steers_a_terminal(tmp_path: Path) -> None:
    """Complaints are one line each, with nothing in them that steers a terminal."""
    data = json.dumps({"tree": {"id": "r"}, "plan": {"\x1b[31m\n": 1}}).encode()
    (line,) = complaints(tmp_path, data)
    assert line == ":1: plan.\\x1b[31m\\n: expected a list, not 1"


def test_complaints_are_short(tmp_path: Path) -> None:
    """A line of a megabyte does not make a complaint of one."""
    data = json.dumps({"tree": {"id": "r", "children": [{"id": "/" * 1_000_000}]}}).encode()
    (line,) = complaints(tmp_path, data)
    assert len(line) < 1000


def test_in_order_with_the_complaints() -> None:
    """Where both go to the same place, each complaint stands where its trace would."""
    result = subprocess.run(
        [*ARGV, "simulate", "-"], cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": ""},
        input=GOOD + b"{\n" + GOOD, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=LONG * 2, check=False,
    )  # fmt: skip
    lines = result.stdout.decode().splitlines()
    assert [line[:4] for line in lines] == ['{"id', "-:2:", '{"id', "otps"]


def test_not_even_a_file(tmp_path: Path) -> None:
    """What cannot be read is wrong usage, and says why; an empty file has nothing to say."""
    nowhere = tmp_path / "nowhere"
    assert refused(2, "simulate", str(nowhere)) == (
        f"cannot read {nowhere}: No such file or directory; {HINT}"
    )
    assert refused(2, "simulate", str(tmp_path)) == (
        f"cannot read {tmp_path}: Is a directory; {HINT}"
    )
    (tmp_path / "empty").touch()
    assert done("simulate", str(tmp_path / "empty")) == ""


@pytest.mark.parametrize(
    ("redirect", "codes"),
    [("<&-", (1, 2)), (">&-", (0,)), (">/dev/full", (1,)), ("2>&-", (1,)), ("2>/dev/full", (1,))],
)
def test_closed_and_full(redirect: str, codes: tuple[int, ...], tmp_path: Path) -> None:
    """With a standard stream that is closed, or a full disk behind it, there is no traceback."""
    file = tmp_path / "scenarios"
    file.write_bytes(GOOD + (b"{\n" if redirect.startswith("2") else b""))
    name = "-" if redirect == "<&-" else str(file)
    command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *ARGV, "simulate", name]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=LONG * 2, check=False)
    assert b"Traceback" not in result.stderr
    assert result.stderr.count(b"\n") <= 1
    assert result.returncode in codes


@pytest.mark.slow
def test_a_reader_that_has_seen_enough() -> None:
    """`| head -1`, of a few lines and of many, good and bad, is quiet on stdout's side."""
    for data in (GOOD, GOOD * 3000):
        reader, writer = os.pipe()
        os.close(reader)
        result = subprocess.run(
            [*ARGV, "simulate", "-"], cwd=ROOT, input=data, stdout=writer, stderr=subprocess.PIPE,
            timeout=LONG * 2, check=False,
        )  # fmt: skip
        os.close(writer)
        assert result.stderr == b""


# Deaths.

BLOG = "and fastblog is rest_for_one"


def test_each_death_in_turn() -> None:
    """Several --kill are told one after the other; --times does all of them so often."""
    both = ["--kill", "main_app", "--kill", "update_server"]
    text = done("simulate", FASTBLOG, *both)
    expected = f"""\
If main_app is killed (SIGKILL):
  1. main_app ends: SIGKILL
  2. main_app starts, because main_app ended with SIGKILL {BLOG}; restart 1 of 5 in 60 s
  Not touched: ipc_server, update_server.
  main_app is up again; nothing escalates.
If update_server is killed (SIGKILL):
  1. update_server ends: SIGKILL
  2. main_app stops, because update_server ended with SIGKILL {BLOG}; restart 2 of 5 in 60 s
  3. update_server starts
  4. main_app starts
  Not touched: ipc_server.
  update_server, main_app are up again; nothing escalates.
"""
    assert text == expected
    assert done("simulate", FASTBLOG, *both, "--times", "2") == done(
        "simulate", FASTBLOG, *both, *both
    )


def test_the_one_that_is_too_many() -> None:
    """The sixth death within the minute is the end of FastBlog."""
    text = done("simulate", FASTBLOG, "--kill", "ipc_server", "--times", "6")
    assert text.count("If ipc_server is killed (SIGKILL):") == 6
    too_many = "one more than the 5 restarts in 60 s allowed"
    expected = f"""\
If ipc_server is killed (SIGKILL):
  1. ipc_server ends: SIGKILL
  2. fastblog gives up, because ipc_server ended with SIGKILL {BLOG}; {too_many}
  3. main_app stops, because fastblog gave up
  4. update_server stops
  5. fastblog is gone
  The tree ends: nothing of it is left.
"""
    assert text[text.rindex("If ") :] == expected
    more = done("simulate", FASTBLOG, "--kill", "ipc_server", "--times", "9")
    assert more == f"{text}The tree has ended; 3 of 9 kills were not to be done.\n"


def test_a_broken_child() -> None:
    """A child that does not start any more: each attempt, and the end."""
    text = done("simulate", FASTBLOG, "--kill", "main_app", "--broken", "main_app")
    failed = "because main_app did not start (broken); fastblog is rest_for_one"
    again = failed.replace(";", " and was tried again;")
    expected = f"""\
If main_app is killed (SIGKILL):
  1. main_app ends: SIGKILL
  2. main_app starts, because main_app ended with SIGKILL {BLOG}; restart 1 of 5 in 60 s
  3. main_app fails: broken
  4. main_app starts, {again}; restart 2 of 5 in 60 s
  5. main_app fails: broken
  6. main_app starts, {again}; restart 3 of 5 in 60 s
  7. main_app fails: broken
  8. main_app starts, {again}; restart 4 of 5 in 60 s
  9. main_app fails: broken
  10. main_app starts, {again}; restart 5 of 5 in 60 s
  11. main_app fails: broken
  12. fastblog gives up, {failed}; one more than the 5 restarts in 60 s allowed
  13. update_server stops, because fastblog gave up
  14. ipc_server stops
  15. fastblog is gone
  The tree ends: nothing of it is left.
"""
    assert text == expected


def test_waits() -> None:
    """A wait is told with its length, and what comes after it with its time."""
    db = sleeper("db", backoff=Backoff(initial=4, jitter=0))
    rule = "shop is rest_for_one; restart 1 of 3 in 60 s"
    expected = f"""\
If db is killed (SIGKILL):
  1. db ends: SIGKILL
  2. db waits: 4 s of backoff
  3. web stops, because db ended with SIGKILL and {rule}
  4. db starts after 4 s, because db ended with SIGKILL and was tried again; {rule}
  5. web starts after 4 s
  db, web are up again; nothing escalates.
"""
    with running(db, sleeper("web"), name="shop", strategy="rest_for_one", period=60):
        assert done("simulate", "shop", "--kill", "db") == expected


def test_json() -> None:
    """--json is one value, a list of as many consequences as there are deaths."""
    value = json.loads(done("simulate", FASTBLOG, "--kill", "main_app", "--times", "2", "--json"))
    why = "main_app ended with SIGKILL and fastblog is rest_for_one; restart {} of 5 in 60 s"
    for number, each in enumerate(value, 1):
        assert each == {
            "path": "main_app",
            "steps": [
                {"at": 0.0, "path": "main_app", "what": "ends", "why": "SIGKILL"},
                {"at": 0.0, "path": "main_app", "what": "starts", "why": why.format(number)},
            ],
            "states": {
                "": "running", "ipc_server": "running", "update_server": "running",
                "main_app": "running", "updater": "down",
            },
            "summary": "main_app is up again; nothing escalates.",
        }  # fmt: skip
    assert len(value) == 2


def test_what_really_happens() -> None:
    """What is foretold of a running tree is what then happens to it: the same children stop and
    start, in the same order."""
    children = [
        sleeper("a"),
        sleeper("b", after=["a"]),
        Supervisor("s", children=[sleeper("x"), sleeper("y")], after=["b"]),
        sleeper("c"),
    ]
    with running(*children, name="real", strategy="rest_for_one") as tree, watching(tree) as events:
        (told,) = json.loads(done("simulate", "real", "--kill", "b", "--json"))
        os.kill(pid(tree, "b"), 9)
        events.until("s", "running")
        assert tree.status().find("c") is not None
        assert happened(events) == [
            (step["path"], step["what"]) for step in told["steps"] if step["what"] != "ends"
        ]


def happened(events: Watcher) -> list[tuple[str, str]]:
    """Who stopped and who started."""
    words = {"stopping": "stops", "starting": "starts"}
    return [
        (event.path, words[event.state])
        for event in events.seen
        if event.kind == "state" and event.state in words
    ]


def test_what_an_operator_stopped_stays_down() -> None:
    """A child that somebody stopped in a running tree is down: nothing would stop or start it."""
    with running(sleeper("a"), sleeper("b"), name="live", strategy="one_for_all") as tree:
        tree.terminate_child("b")
        (death,) = json.loads(done("simulate", "live", "--kill", "a", "--json"))
        assert {step["path"] for step in death["steps"]} == {"a"}
        assert death["states"]["b"] == "down"
        assert "it is down" in refused(1, "simulate", "live", "--kill", "b")


def test_what_was_started_on_demand_can_die() -> None:
    """A child that runs in a running tree can be killed there, whether or not it starts with it."""
    with running(sleeper("a"), sleeper("updater", autostart=False), name="live") as tree:
        tree.start_child("updater")
        assert "updater is up again" in done("simulate", "live", "--kill", "updater")


def stop_a(tree: Tree) -> None:
    tree.terminate_child("a")


def end_a(tree: Tree) -> None:
    with watching(tree) as events:
        os.kill(pid(tree, "a"), signal.SIGTERM)
        events.until("a", "down")


def give_up(tree: Tree) -> None:
    with watching(tree) as events:
        os.kill(pid(tree, "sub/x"), signal.SIGKILL)
        events.until("sub", "down")


def start_jobs(tree: Tree) -> None:
    for _ in range(3):
        tree.start_child("pool")
    tree.terminate_child("pool/job#2")


def start_updater(tree: Tree) -> None:
    tree.start_child("updater")


def add_child(tree: Tree) -> None:
    tree.start_child(sleeper("added"))
    tree.terminate_child("a")
    tree.delete_child("a")


ENDS_WELL = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); info = None"

WAYS: dict[str, tuple[Callable[[Tree], None], list[Any]]] = {
    "stopped": (stop_a, [sleeper("a")]),
    "a stopped task": (stop_a, [sleeper("a", restart="transient")]),
    "an ended task": (end_a, [asking("a", ENDS_WELL, restart="transient")]),
    "gave up": (
        give_up,
        [Supervisor("sub", intensity=0, restart="transient", children=[sleeper("x")])],
    ),
    "instances": (start_jobs, [DynamicSupervisor("pool", sleeper("job"))]),
    "on demand": (start_updater, [sleeper("updater", autostart=False)]),
    "added and deleted": (add_child, [sleeper("a")]),
}


@pytest.mark.parametrize("strategy", ["one_for_all", "one_for_one"])
@pytest.mark.parametrize("way", WAYS)
def test_foretold_from_where_it_is(way: str, strategy: str) -> None:
    """A running tree is taken as it is now, with what somebody stopped, what ended and what was
    started since: then what is foretold is what happens."""
    prepare, children = WAYS[way]
    with running(*children, sleeper("victim"), name="live", strategy=strategy) as tree:
        prepare(tree)
        (told,) = json.loads(done("simulate", "live", "--kill", "victim", "--json"))
        with watching(tree) as events:
            os.kill(pid(tree, "victim"), signal.SIGKILL)
            events.until("victim", "running")
            tree.terminate_child("victim")  # by then whatever comes of the kill is done
        states = {node.path: node.state for node in tree.status().walk()}
        assert told["states"] == states | {"victim": "running"}


def test_a_stopped_significant_child_ends_nothing() -> None:
    """A significant child that somebody stopped has not ended by itself, here as in the tree."""
    task = sleeper("a", restart="transient", significant=True)
    with running(task, sleeper("b"), name="live", auto_shutdown="any_significant") as tree:
        tree.terminate_child("a")
        assert "b is up again" in done("simulate", "live", "--kill", "b")


def test_restarts_that_are_spent() -> None:
    """A restart that a running tree has spent is spent: one more death, and it ends."""
    with running(sleeper("a"), name="live", intensity=1, period=600) as tree:
        with watching(tree) as events:
            os.kill(pid(tree, "a"), signal.SIGKILL)
            events.until("a", "running")
        assert "The tree ends" in done("simulate", "live", "--kill", "a")


def test_an_instance_of_a_template() -> None:
    """An instance that runs is not said to be none."""
    pool = DynamicSupervisor("pool", sleeper("job"))
    with running(pool, name="live") as tree:
        tree.start_child("pool")
        _, _, err = run("simulate", "live", "--kill", "pool/job#1")
        assert "there is no such child" not in err


def test_by_socket(own: Path) -> None:
    """A tree may be named by its socket, and by its name with the process."""
    with running(sleeper("a"), name="one"), running(sleeper("b"), name="two"):
        stem = f"two-{os.getpid()}"
        text = "If b is killed (SIGKILL):\n  1. b ends: SIGKILL\n"
        for which in (["--socket", str(own / f"{stem}.sock")], [stem], ["two"]):
            assert done("simulate", *which, "--kill", "b").startswith(text)
        assert "several trees are running" in refused(3, "simulate", "--kill", "b")
        assert "no tree answers at" in refused(3, "simulate", "--socket", "/no", "--kill", "b")


def test_usage() -> None:
    """Options that make no sense are wrong usage."""
    assert refused(2, "simulate", "--broken", "a") == (
        "--broken is about what would come of a death; add --kill PATH"
    )
    for args in (["--kill", ""], ["--times", "0", "--kill", "a"], ["--times", "x"], ["a", "b"]):
        result = otpsup("simulate", *args)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith("usage: otpsup ")
