"""`otpsup why`: the chain of decisions behind a state, of trees that run and of trees that ended.

That the words are the right ones for every cause is tested in `test_explain`; here, that the right
causes are told, the same everywhere.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from otpsup import Backoff, Command, StartFailed, Supervisor, Tree
from otpsup.control import address, last_words
from otpsup.engine.effects import Halt
from tests.cli.test_cli import otpsup
from tests.cli.test_cli_simulate import done, refused, run
from tests.support.hosts import hosting
from tests.support.trees import Watcher, node, pid, running, watching
from tests.support.waiting import LONG, gone, until

BOOT = "before that, the tree was started"


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    return folder


def sleeper(name: str, **options: Any) -> Command:
    return Command(name, ["sleep", "1000"], **options)


def kill(tree: Tree, path: str) -> None:
    os.kill(pid(tree, path), signal.SIGKILL)


def told(*args: str) -> list[str]:
    """What `why` prints, by lines."""
    return done("why", *args).splitlines()


@contextmanager
def logged(level: str = "INFO") -> Iterator[list[str]]:
    """The lines of the log meanwhile, with their levels."""
    lines: list[str] = []
    logger.enable("otpsup")
    sink = logger.add(
        lambda message: lines.append(str(message).rstrip("\n")),
        format="{level} {message}",
        level=level,
    )
    try:
        yield lines
    finally:
        logger.remove(sink)
        logger.disable("otpsup")


def blog(**options: Any) -> Any:
    """FastBlog's shape, with programs that only sleep."""
    return running(
        sleeper("ipc_server"), sleeper("main_app"), name="fastblog", strategy="rest_for_one",
        intensity=3, period=60, **options,
    )  # fmt: skip


def ipc(count: int) -> str:
    return (
        f"ipc_server ended with SIGKILL and fastblog is rest_for_one; restart {count} of 3 in 60 s"
    )


# Trees that run.


def test_the_same_chain_everywhere() -> None:
    """A restart's chain is the same in `why`, in `status`, in the events and in the log."""
    with logged() as lines, blog() as tree, watching(tree) as events:
        kill(tree, "ipc_server")
        events.until("main_app", "running")
        kill(tree, "ipc_server")
        event = events.until("main_app", "running")
        report = next(e for e in reversed(events.seen) if e.kind == "restart")
        chain = (ipc(2), ipc(1), "the tree was started")
        assert told("main_app") == [
            f"main_app restarted because {chain[0]}",
            f"before that, {chain[1]}",
            f"before that, {chain[2]}",
        ]
        assert list(node(tree, "main_app").why) == told("main_app")
        assert otpsup("why", "main_app").stdout.splitlines() == told("main_app")
        assert event.chain == report.chain == chain
        assert event.cause == report.cause == chain[0]
        line = f"WARNING fastblog: ipc_server restarts: {'; before that, '.join(chain)}"
        until(lambda: line in lines)  # a thread of its own writes it, when there is time


def test_the_one_that_died_is_it() -> None:
    """The child that itself ended is told so without a group, and then in the chain by name."""
    with blog() as tree, watching(tree) as events:
        kill(tree, "ipc_server")
        events.until("main_app", "running")
        assert told("ipc_server") == [
            "ipc_server restarted because it ended with SIGKILL; restart 1 of 3 in 60 s",
            BOOT,
        ]


def test_next_attempt() -> None:
    """Who waits for a restart, or is down until one that waits comes back, tells when that is."""
    waits = sleeper("db", backoff=Backoff(initial=500, max=500, jitter=0))
    with running(waits, sleeper("web"), name="shop", strategy="one_for_all") as tree:
        with watching(tree) as events:
            kill(tree, "db")
            events.until("web", "down")
        db, web = told("db"), told("web")
        rule = "restart 1 of 3 in 5 s; next attempt in"
        assert re.fullmatch(
            rf"db is restarting because it ended with SIGKILL; {rule} (500|499|49\d\.?\d*) s", db[0]
        )
        assert web[0].startswith(
            f"web is down because db ended with SIGKILL and shop is one_for_all; {rule} "
        )
        assert (db[1:], web[1:]) == ([BOOT], [BOOT])
        value = json.loads(done("why", "web", "--json"))
        assert 490 < value["next_attempt"] - node(tree, "web").since <= 501


def test_a_start_that_fails_again_and_again(tmp_path: Path) -> None:
    """A restart that failed says why, and that it was tried again."""
    program = tmp_path / "program"
    program.symlink_to("/bin/sleep")
    flaky = Command(
        "flaky", [str(program), "1000"], backoff=Backoff(initial=0.001, factor=10**6, max=900)
    )
    with running(flaky, name="t", intensity=9, period=60) as tree, watching(tree) as events:
        program.unlink()
        kill(tree, "flaky")
        events.until("flaky", kind="start_error")
        until(lambda: node(tree, "flaky").next_attempt)
        text = " ".join(told("flaky"))
        assert "No such file or directory" in text
        assert "next attempt in" in text
        assert "ended with SIGKILL" in text


def test_a_request_is_a_reason() -> None:
    """Whatever somebody asked for says so, with the verb that was asked for."""
    with blog() as tree:
        tree.restart("main_app")
        tree.terminate_child("ipc_server")
        assert told("main_app") == [
            "main_app is running because it was told to restart",
            BOOT,
        ]
        assert told("ipc_server") == ["ipc_server is down because it was told to stop", BOOT]


def test_the_tree_itself() -> None:
    """Without PATH it is the tree that is meant."""
    with blog() as tree:
        assert told() == ["the tree is running because the tree was started"]
        assert told() == list(tree.status().why)


def test_ends_of_their_own() -> None:
    """A child that ended for good tells how."""
    once = Command("once", ["true"], restart="transient")
    task = Command("task", ["sh", "-c", "exit 3"], restart="temporary", autostart=False)
    with running(once, task, name="t") as tree, watching(tree) as events:
        until(lambda: node(tree, "once").state == "down")
        tree.start_child("task")
        events.until("task", "down")
        assert told("once") == ["once is down because it ended normally (exit code 0)", BOOT]
        assert told("task") == [
            "task is down because it ended with exit code 3",
            "before that, task was told to start",
        ]


def test_nobody_has_started_it() -> None:
    """A child that runs on demand is not down because the tree was started, but because nobody
    has started it."""
    with running(sleeper("updater", autostart=False), name="t"):
        (line,) = told("updater")
        assert "because the tree was started" not in line
        assert "start" in line


def test_a_start_that_failed_says_so() -> None:
    """A child whose start was asked for and failed is down because of that failure."""
    with running(Command("x", ["/no/such"], autostart=False), name="t") as tree:
        with pytest.raises(StartFailed):
            tree.start_child("x")
        assert "No such file or directory" in " ".join(told("x"))


def two_workers(intensity: int) -> Supervisor:
    """A supervisor that stays down once it has given up."""
    return Supervisor(
        "sub", intensity=intensity, period=60, restart="transient",
        children=[sleeper("w"), sleeper("v")],
    )  # fmt: skip


def give_up(tree: Tree, events: Watcher, *paths: str) -> None:
    """Kill these in turn; the last is one too many."""
    for path in paths[:-1]:
        kill(tree, path)
        events.until(path, "running")
    kill(tree, paths[-1])


def test_a_supervisor_that_gave_up_tells_all_ends() -> None:
    """A supervisor that gave up and stays down tells each end that led to it, whichever child's it
    was: no restart of those that it counts is missing."""
    with running(two_workers(3), name="t") as tree, watching(tree) as events:
        give_up(tree, events, "sub/w", "sub/v", "sub/w", "sub/v")
        events.until("sub", "down")
        first, *lines = told("sub")
        assert first == "sub is down because it gave up"
        assert [when(line) for line in lines if line[0].isdigit()] == [
            "1. sub/w ended with SIGKILL",
            "2. sub/v ended with SIGKILL",
            "3. sub/w ended with SIGKILL",
            "4. sub/v ended with SIGKILL",
        ]
        assert "one more than the 3 restarts in 60 s allowed" in " ".join(lines)


def test_those_below_a_supervisor_that_gave_up() -> None:
    """A child that was stopped with its supervisor tells of that, and what led to it; siblings of
    the supervisor know nothing of it."""
    with running(two_workers(1), sleeper("z"), name="t") as tree, watching(tree) as events:
        give_up(tree, events, "sub/w", "sub/w")
        events.until("sub", "down")
        assert [when(line) for line in told("sub/v")] == [
            (
                "sub/v is down because sub gave up: sub/w ended with SIGKILL; one more than the 1 "
                "restart in 60 s allowed"
            ),
            "1. sub/w ended with SIGKILL",
            "2. sub/w ended with SIGKILL",
            BOOT,
        ]
        assert told("z") == ["z is running because the tree was started"]


def test_a_supervisor_that_was_restarted() -> None:
    """Where a supervisor gave up and came back, all who came with it tell both."""
    sub = Supervisor("sub", intensity=0, period=60, children=[sleeper("w")])
    with running(sub, sleeper("z"), name="t", strategy="rest_for_one") as tree:
        with watching(tree) as events:
            kill(tree, "sub/w")
            events.until("z", "running")
        earlier = [
            (
                "before that, sub gave up: sub/w ended with SIGKILL; one more than the 0 "
                "restarts in 60 s allowed"
            ),
            BOOT,
        ]
        first = "sub gave up and t is rest_for_one; restart 1 of 3 in 5 s"
        assert told("z") == [f"z restarted because {first}", *earlier]
        assert told("sub/w") == [f"sub/w restarted because {first}", *earlier]
        assert told("sub") == [
            "sub restarted because it gave up; restart 1 of 3 in 5 s",
            *earlier,
        ]


def test_a_long_history_is_short() -> None:
    """A child that has been restarted for years tells of the latest decisions, not of all."""
    with running(sleeper("a"), name="t", intensity=1000, period=60) as tree:
        with watching(tree) as events:
            for _ in range(20):
                kill(tree, "a")
                events.until("a", "running")
        lines = told("a")
        assert lines[0] == ("a restarted because it ended with SIGKILL; restart 20 of 1000 in 60 s")
        assert lines[1] == "before that, a ended with SIGKILL; restart 19 of 1000 in 60 s"
        assert 4 <= len(lines) <= 9


def test_json() -> None:
    """--json has the state, the lines, when the next attempt is, and the last exit."""
    with blog() as tree, watching(tree) as events:
        kill(tree, "ipc_server")
        events.until("main_app", "running")
        assert json.loads(done("why", "main_app", "--json")) == {
            "path": "main_app",
            "state": "running",
            "why": [f"main_app restarted because {ipc(1)}", BOOT],
            "waits": None,
            "next_attempt": None,
            "last_exit": "stopped by SIGTERM",
        }
        assert json.loads(done("why", "--json"))["path"] == ""


def test_names_are_quoted_and_harmless() -> None:
    """A name of several words is quoted; one that would steer a terminal does not."""
    with running(sleeper("my app"), sleeper("x\x1b[31m"), name="t", strategy="one_for_all") as tree:
        with watching(tree) as events:
            kill(tree, "my app")
            events.until("x\x1b[31m", "running")
        (line, _) = told("x\x1b[31m")
        assert "because 'my app' ended with SIGKILL and t is one_for_all" in line
        assert "\x1b" not in line


def test_unknown_paths_and_trees() -> None:
    """Who is not there is named, with the nearest that is, and with the trees that are there."""
    with blog():
        assert refused(1, "why", "main_ap") == (
            "there is no child 'main_ap'; did you mean 'main_app'?"
        )
        assert refused(1, "why", "zzz") == (
            "there is no child 'zzz'; the paths are: ipc_server, main_app"
        )
        assert "no tree answers at /no" in refused(3, "why", "--socket", "/no")


def test_several_trees() -> None:
    """Among several one has to be chosen, by name or by socket."""
    with running(sleeper("a"), name="one"), running(sleeper("b"), name="two"):
        assert "several trees are running: one-" in refused(3, "why", "a")
        assert told("a", "--tree", "one") == ["a is running because the tree was started"]
        assert told("b", "--tree", f"two-{os.getpid()}")[0].startswith("b is running")
        assert refused(1, "why", "a", "--tree", "two") == (
            "there is no child 'a'; the paths are: b"
        )


def test_a_misspelt_tree_among_others() -> None:
    """A tree that neither runs nor ever ran is said to be none, beside the names of those that
    run."""
    with running(sleeper("a"), name="one"):
        assert f"one-{os.getpid()}" in refused(3, "why", "--tree", "onw")


# Trees that have ended.


def ended(*children: Any, kill_in_turn: tuple[str, ...] = (), **options: Any) -> Halt:
    """A tree that has come to its end by these deaths."""
    with running(*children, **options) as tree, watching(tree) as events:
        give_up(tree, events, *kill_in_turn)
        return tree.wait(LONG)


def when(line: str) -> str:
    """A line without the number and the time before the last."""
    return re.sub(r"^( *)(\d+)\. ([\d.e-]+ m?s before (the last|that): )?", r"\1\2. ", line)


def test_from_the_first_crash_to_the_last() -> None:
    """A tree that gave up explains itself: how, what to do, and every end, the first first. The
    same is in the last event, and in the log."""
    children = [sleeper("a"), sleeper("b")]
    with logged("ERROR") as lines:
        tree = Tree(Supervisor("blog", children=children, intensity=2, period=60))
        with tree, watching(tree) as events:
            give_up(tree, events, "a", "b", "a")
            tree.wait(LONG)
            last = [*events.seen, *events.stream][-1]
    head, text, *story = told()
    assert re.fullmatch(
        rf"blog is not running; it ended \d+s ago, in process {os.getpid()}, which still exists",
        head,
    )
    assert text == (
        "blog gave up: its children ended too often, 3 times within 60 s where intensity allows 2 "
        "restarts; at last a ended with SIGKILL. Everything was stopped in reverse order. Look at "
        "the output of that child, mend it and start again; if so many restarts are normal here, "
        "raise intensity or period, or give the child a backoff."
    )
    assert list(map(when, story)) == [
        "1. a ended with SIGKILL",
        "2. b ended with SIGKILL",
        "3. a ended with SIGKILL",
    ]
    assert all("s before the last: " in line for line in story[:-1])
    assert list(last.chain) == story
    assert [line.partition("it came to that: ")[2] for line in lines[-3:]] == story
    assert all(line.startswith("ERROR blog: ") for line in lines[-3:])


def test_down_to_the_child() -> None:
    """Where supervisors gave up before it, what made each of them do so stands below it."""
    sub = Supervisor("sub", intensity=1, period=60, children=[sleeper("w"), sleeper("v")])
    ended(sub, sleeper("z"), name="deep", intensity=0, kill_in_turn=("sub/v", "sub/w"))
    _, text, *story = told()
    assert "at last sub gave up: its children ended too often, 2 times within 60 s" in text
    assert list(map(when, story)) == [
        "1. sub gave up",
        "   1. sub/v ended with SIGKILL",
        "   2. sub/w ended with SIGKILL",
    ]


def test_other_ends() -> None:
    """A tree that was stopped, that did not come up, or that stopped by itself, says so."""
    job = sleeper("job", restart="temporary", significant=True)
    ended(job, name="auto", auto_shutdown="any_significant", kill_in_turn=("job",))
    with running(sleeper("a"), name="stopped"):
        pass
    with pytest.raises(StartFailed), running(Command("x", ["/no/such"]), name="failed"):
        pass
    lines = {name: told("--tree", name)[1] for name in ("auto", "stopped", "failed")}
    assert lines["auto"] == "auto stopped by itself: the significant child job ended with SIGKILL."
    assert lines["stopped"] == "stopped stopped: the tree was asked to stop."
    assert lines["failed"] == (
        "failed could not start: child 'x' did not start: cannot execute '/no/such': No such file "
        "or directory. Nothing of it is left running."
    )
    assert told()[0].startswith("failed is not running")
    kinds = [json.loads(done("why", "--tree", name, "--json"))["kind"] for name in lines]
    assert kinds == ["auto_shutdown", "stopped", "start_failed"]


def test_json_of_the_dead() -> None:
    """--json has all that is known of the end."""
    ended(sleeper("a"), name="blog", intensity=0, kill_in_turn=("a",))
    value = json.loads(done("why", "--json"))
    assert set(value) == {"tree", "pid", "began", "at", "kind", "text", "story"}
    assert (value["tree"], value["pid"], value["kind"]) == ("blog", os.getpid(), "gave_up")
    assert value["story"] == ["1. a ended with SIGKILL"]
    assert told()[1:] == [value["text"], *value["story"]]


def test_of_another_process(tmp_path: Path, own: Path) -> None:
    """The host may be gone as well: `why` tells as much, and does not say that it still exists."""
    code = """
        def main():
            os.environ["OTPSUP_RUNTIME_DIR"] = sys.argv[1]
            with Tree(Supervisor("gone")):
                pass
        """
    with hosting(tmp_path, code, str(own)) as host:
        assert host.wait() == 0
    (head, text) = told()
    assert head.startswith("gone is not running; it ended ")
    assert head.endswith(f" ago, in process {host.pid}")
    assert text == "gone stopped: the tree was asked to stop."


def test_a_host_that_died_without_a_word(tmp_path: Path, own: Path) -> None:
    """If the host was killed with SIGKILL the tree has said nothing; what it said at the end of
    its life before is not passed off as the end of this one."""
    with running(sleeper("a"), name="blog"):
        pass
    code = """
        def main():
            os.environ["OTPSUP_RUNTIME_DIR"] = sys.argv[1]
            with Tree(Supervisor("blog", children=[Command("a", ["sleep", "1000"])])) as tree:
                tell(tree.status().children[0].pid)
                tree.wait()
        """
    with hosting(tmp_path, code, str(own)) as host:
        child = host.hear()
        host.kill()
        host.wait()
    gone(child)
    _, out, _ = run("why", "--tree", "blog")
    assert "was asked to stop" not in out


def test_a_running_tree_comes_first() -> None:
    """While a tree of that name runs, it is asked, not the dead; without a name the only one is."""
    ended(sleeper("a"), name="blog", intensity=0, kill_in_turn=("a",))
    with blog():
        assert told() == ["the tree is running because the tree was started"]
        assert told("--tree", "blog")[0].startswith("blog is not running")


def test_a_socket_is_never_a_dead_tree(own: Path) -> None:
    """--socket asks that one; last words of others are no answer."""
    ended(sleeper("a"), name="blog", intensity=0, kill_in_turn=("a",))
    assert "no tree answers at" in refused(3, "why", "--socket", str(own / "blog.sock"))


def test_names_that_are_no_file_names() -> None:
    """A dead tree is found by its own name, whatever that is."""
    with Tree(Supervisor("root"), name="my blog/1"):
        pass
    assert told("--tree", "my blog/1")[0].startswith("my blog/1 is not running")
    assert last_words.read("my blog/1").tree == "my blog/1"
