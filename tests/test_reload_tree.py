"""Reload with real processes: from Python, from a file, over the socket, and by SIGHUP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from loguru import logger

from otpsup import (
    AlreadyPresent,
    Command,
    InvalidFile,
    InvalidSpec,
    LogFile,
    NotFound,
    NotRunning,
    OtpsupError,
    Supervisor,
    Tree,
    TreeClient,
    copies,
    log_line,
)
from otpsup.config import dump
from otpsup.errors import NoProcess, NoTreeFile, UpdateRefused
from tests.support.hosts import hosting
from tests.support.strays import no_strays as no_strays
from tests.support.trees import pid, running, watching
from tests.support.waiting import LONG, descriptors, gone, until

pytestmark = pytest.mark.usefixtures("no_strays")


def sleeper(name: str, seconds: int = 1000, **options: Any) -> Command:
    return Command(name, ["sleep", str(seconds)], **options)


def pids(tree: Tree | TreeClient) -> dict[str, int]:
    return {node.path: node.pid for node in tree.status().walk() if node.pid}


def fifty(*changed: str) -> str:
    """A tree file of fifty programs."""
    programs = [f"p{number:02}" for number in range(50)]
    lines = [f"  {name}: {{command: [sleep, '{1000 + (name in changed)}']}}" for name in programs]
    return "\n".join(["name: shop", "children:", *lines, ""])


def test_of_fifty_programs_one_is_changed(tmp_path: Path) -> None:
    """After a change to one of fifty, `plan` names that one, and `update` restarts it alone."""
    file = tmp_path / "shop.yaml"
    file.write_text(fifty())
    with Tree.from_file(file) as tree:
        before = pids(tree)
        file.write_text(fifty("p17"))
        planned = tree.plan()
        assert pids(tree) == before
        assert tree.update() == planned
        after = pids(tree)
        assert [c.path for c in planned if c.action != "stay"] == ["p17"]
        assert planned[17].why == "command 'sleep 1000' -> 'sleep 1001'"
        assert {path for path in before if before[path] != after[path]} == {"p17"}
        assert {c.action for c in tree.update()} == {"stay"}


def test_a_file_is_read_again_with_the_same_variables(tmp_path: Path) -> None:
    """What the host has put into a file's `${NAME}` holds for updates and additions, too."""
    file, more = tmp_path / "shop.yaml", tmp_path / "more.yaml"
    file.write_text("name: shop\nchildren:\n  web: {command: 'sleep ${NAP:?not set}'}\n")
    more.write_text("name: more\ncommand: sleep ${NAP:?not set}\n")
    with Tree.from_file(file, environ={"NAP": "1000"}) as tree:
        assert {change.action for change in tree.update()} == {"stay"}
        assert [child.path for child in tree.add(str(more))] == ["more"]


def test_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    """Whatever is wrong with it is told, and everybody goes on."""
    file = tmp_path / "shop.yaml"
    file.write_text(fifty())
    with Tree.from_file(file) as tree, TreeClient.connect("shop") as client:
        before = pids(tree)
        file.write_text("name: shop\nchildren: {a: {comand: [sleep]}}")
        for handle in (tree, client):
            for verb in (handle.plan, handle.update):
                with pytest.raises(InvalidFile) as caught:
                    verb()
                assert "did you mean 'command'?" in str(caught.value)
        with pytest.raises(InvalidFile, match="no such file|cannot read"):
            tree.update(str(tmp_path / "nothing.yaml"))
        file.write_text("name: other\nchildren: {}")
        with pytest.raises(InvalidSpec, match="name and kind of a root stay"):
            tree.update()
        assert pids(tree) == before


def test_scaling_from_four_to_six_starts_two(tmp_path: Path) -> None:
    """And touches none; back to one, only that one is left; each knows its number."""
    file = tmp_path / "shop.yaml"
    write = "sh -c 'echo $OTPSUP_COPY > ${OUT}/${copy}; exec sleep 1000'"
    file.write_text(
        f"name: shop\nvariables: {{OUT: {tmp_path}}}\nchildren:\n"
        f"  web:\n    copies: 4\n    command: {write}\n"
        "  proxy: {command: sleep 1000, after: [web]}\n"
    )
    with Tree.from_file(file) as tree, TreeClient.connect("shop") as client:
        before = pids(tree)
        changes = client.scale("web", 6)
        assert [c.path for c in changes if c.action == "start"] == ["web-5", "web-6"]
        assert {path: n for path, n in pids(tree).items() if path in before} == before
        until(lambda: (tmp_path / "6").exists() and (tmp_path / "6").read_text() == "6\n")
        tree.scale("web", 1)
        assert set(pids(tree)) == {"web-1", "proxy"}
        assert [node.path for node in tree.status().children] == ["web-1", "proxy"]
        assert {c.path: c.action for c in tree.update() if c.action == "start"} == {
            f"web-{n}": "start" for n in (2, 3, 4)
        }
        with pytest.raises(InvalidSpec, match="'job' are no copies; there are copies of web"):
            tree.scale("job", 2)


def test_reload_from_python() -> None:
    """A spec in place of a file; also from asyncio; none to nothing and back."""

    def shop(*children: Any) -> Supervisor:
        return Supervisor("shop", children=list(children))

    tree = Tree(shop(sleeper("a"), sleeper("b")))
    with tree:
        before = pids(tree)
        new = shop(sleeper("a"), *copies(2, lambda n: sleeper("c", 1000 + n)))
        assert tree.preview(new) == tree.reload(new)
        assert set(pids(tree)) == {"a", "c-1", "c-2"}
        assert pids(tree)["a"] == before["a"]
        with pytest.raises(NoTreeFile, match="was not started from a file"):
            tree.update()

        async def from_asyncio() -> None:
            assert [c.action for c in await tree.aio.reload(shop())] == ["stop", "stop", "stop"]
            await tree.aio.reload(new)
            assert {c.action for c in await tree.aio.preview(new)} == {"stay"}

        asyncio.run(from_asyncio())
        assert set(pids(tree)) == {"a", "c-1", "c-2"}
    with pytest.raises(NotRunning):
        tree.reload(shop())


def test_what_does_not_start_is_told_and_harms_nobody(tmp_path: Path) -> None:
    """A new version that ends at its start stays down, and costs no restart; mended, it comes."""
    file = tmp_path / "shop.yaml"
    text = (
        "name: shop\nintensity: 0\nchildren:\n"
        "  a: {command: [sh, -c, '%s; echo up; exec sleep 1000'], ready: {log_line: up}}\n"
        "  b: {command: sleep 1000}\n"
    )
    file.write_text(text % "sleep 0")
    with Tree.from_file(file) as tree:
        b = pid(tree, "b")
        file.write_text(text % "exit 1")
        errors = {c.path: c.error for c in tree.update()}
        assert "exit code 1 before it was ready" in str(errors["a"])
        assert pids(tree) == {"b": b}
        file.write_text(text % "true")
        assert [c.action for c in tree.update()] == ["start", "stay"]
        assert pids(tree)["b"] == b


WRONG = {
    "command: [/no/such/program]": "no program /no/such/program",
    "command: [no-such-program]": "'no-such-program' not found on PATH",
    "command: [sleep, '1'], cwd: /no/such/folder": "no such folder",
    "command: [sleep, '1'], user: nobody-has-this-name": "no user 'nobody-has-this-name'",
    "command: [sleep, '1'], env_file: nothing.env": "nothing.env",
    "command: [sleep, '1'], secrets: {KEY: nothing.key}": "nothing.key",
    "worker: 'no_such_module:run'": "no module 'no_such_module'",
    "children: {c: {command: [/no/such/program]}}": "a/c: there is no program /no/such/program",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_certainly_cannot_start_is_refused_before_anything_stops(
    tmp_path: Path, wrong: str
) -> None:
    """`plan` says so, `update` does nothing; with a `before_start`, which may bring it about, it is
    tried."""
    file = tmp_path / "shop.yaml"
    text = "name: shop\nchildren: {a: {%s}, b: {command: [sleep, '%s']}}"
    file.write_text(text % ("command: [sleep, '1000']", 1000))
    with Tree.from_file(file) as tree, TreeClient.connect("shop") as client:
        before = pids(tree)
        file.write_text(text % (wrong, 1001))
        assert WRONG[wrong] in str(client.plan()[0].error)
        with pytest.raises(UpdateRefused, match="nothing was changed") as caught:
            client.update()
        assert WRONG[wrong] in str(caught.value)
        assert pids(tree) == before
        if wrong.startswith("command"):
            file.write_text(text % (f"{wrong}, before_start: ['true']", 1001))
            assert client.update()[0].error


def test_an_update_that_was_cut_off_is_done_by_the_next(tmp_path: Path) -> None:
    """The host is killed in the middle of an update; a new one with the same file is what the file
    says, and nothing of the first is left."""
    file = tmp_path / "shop.yaml"
    text = "name: shop\nchildren:\n  a: {command: sleep 1000}\n"
    slow = "  b: {command: sleep 1000, ready: notify, start_timeout: 1h}\n"
    code = f"""
    def main():
        tree = Tree.from_file({str(file)!r})
        with tree:
            tell([n.pid for n in tree.status().walk() if n.pid])
            sys.stdin.readline()
            events = tree.events()
            threading.Thread(target=tree.update, daemon=True).start()
            for event in events:
                if event.path == "b" and event.kind == "state":
                    tell([n.pid for n in tree.status().walk() if n.pid])
            time.sleep(1000)
    """
    file.write_text(text)
    with hosting(tmp_path, code, stdin=subprocess.PIPE) as host:
        first = host.hear()
        file.write_text(text.replace("1000", "1001") + slow)
        assert host.process.stdin is not None
        host.process.stdin.write(b"\n")
        host.process.stdin.flush()
        second = host.hear()
        host.kill()
        host.wait()
    gone(*first, *second)
    file.write_text(text.replace("1000", "1001") + slow.replace("notify", "spawned"))
    with Tree.from_file(file) as tree:
        assert set(pids(tree)) == {"a", "b"}
        assert {c.action for c in tree.plan()} == {"stay"}


def test_in_place_changes_count_at_once(tmp_path: Path) -> None:
    """Another stop signal, other exit codes, another limit: the process stays, and the new ones are
    what counts."""
    said = tmp_path / "said"
    code = (
        "import signal, sys, pathlib\n"
        "def say(n, _): pathlib.Path(sys.argv[1]).write_text(str(n)); sys.exit(7)\n"
        "signal.signal(signal.SIGINT, say)\nsignal.signal(signal.SIGTERM, say)\nsignal.pause()"
    )

    def shop(**options: Any) -> Supervisor:
        child = Command("a", [sys.executable, "-c", code, str(said)], **options)
        return Supervisor("shop", children=[child])

    with Tree(shop()) as tree, watching(tree) as events:
        before = pids(tree)
        until(lambda: _handles(before["a"], signal.SIGTERM))
        [change] = tree.reload(shop(stop_signal="INT", exitcodes={7}, shutdown=30))
        assert change.action == "change"
        assert pids(tree) == before
        tree.terminate_child("a")
        assert said.read_text() == str(int(signal.SIGINT))
        assert "normally" in str(events.until("a", "down").reason)


def test_another_rotation_needs_no_restart(tmp_path: Path) -> None:
    """The log of a running child is rotated otherwise from the update on."""
    script = "for n in $(seq 300); do echo line $n; done; read x < fifo; echo last; sleep 1000"

    def shop(**options: Any) -> Supervisor:
        log = LogFile(tmp_path / "log", **options)
        child = Command("a", ["sh", "-c", script], cwd=tmp_path, stdout=log)
        return Supervisor("shop", children=[child])

    os.mkfifo(tmp_path / "fifo")
    with Tree(shop()) as tree:
        before = pids(tree)
        until(lambda: "line 300\n" in _text(tmp_path / "log"))
        [change] = tree.reload(shop(max_bytes=1000, backups=1))
        assert (change.action, pids(tree)) == ("change", before)
        assert change.why == "stdout (max_bytes 10000000 -> 1000, backups 5 -> 1)"
        (tmp_path / "fifo").write_text("\n")
        until(lambda: _text(tmp_path / "log") == "last\n")
        assert (tmp_path / "log.1").read_text().endswith("line 300\n")
        [change] = tree.reload(shop(format="time"))
        assert change.action == "restart"


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _handles(number: int, signum: int) -> bool:
    text = Path(f"/proc/{number}/status").read_text()
    caught = next(line for line in text.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signum - 1) & 1)


def test_add_and_remove(tmp_path: Path) -> None:
    """Children come from a file or a text, run, and go again; an update leaves them alone."""
    file, more = tmp_path / "shop.yaml", tmp_path / "more.yaml"
    file.write_text("name: shop\nchildren: {a: {command: sleep 1000}}")
    more.write_text("children: {x: {command: sleep 1000}, y: {command: sleep 1000}}")
    with Tree.from_file(file) as tree, TreeClient.connect("shop") as client:
        assert [status.path for status in client.add(str(more))] == ["x", "y"]
        [z] = tree.add(text="{name: z, command: [sleep, '1000']}")
        assert z.state == "running"
        client.terminate_child("x")
        with pytest.raises(AlreadyPresent):
            client.add(str(more))
        assert {c.path: c.action for c in client.update()}["z"] == "stay"
        for path in ("x", "y", "z"):
            client.remove(path)
        assert set(pids(tree)) == {"a"}
        with pytest.raises(NotFound):
            client.remove("x")
        with pytest.raises(InvalidFile):
            client.add(text="{name: w, comand: []}")


def test_signals_reach_the_process_and_nobody_else() -> None:
    """By name or number; what has no process is told as that."""
    children = (sleeper("a"), sleeper("b", autostart=False))
    with (
        running(*children, name="shop") as tree,
        watching(tree) as events,
        TreeClient.connect("shop") as client,
    ):
        client.signal("a", "USR1")
        assert "SIGUSR1" in str(events.until("a", kind="child_terminated").reason)
        for path, message in (("b", "it is down"), ("", "it is a supervisor")):
            with pytest.raises(NoProcess, match=message):
                tree.signal(path, 9)
        for bad in ("NOPE", "", 0, 999):
            with pytest.raises(InvalidSpec, match="no signal"):
                tree.signal("a", bad)


def test_about_and_info(tmp_path: Path) -> None:
    """Who hosts it, from which file; and of a child what it is, without secrets."""
    child = sleeper("a", environment={"API_TOKEN": "hunter22"}, after=[])
    hidden = ["sh", "-c", "exec sleep 1000", "sh", "--password", "hunter22"]
    secret = Command("s", hidden)
    with running(child, secret, name="shop") as tree, TreeClient.connect("shop") as client:
        about = client.about()
        assert (about["name"], about["file"]) == ("shop", None)
        for handle in (tree, client):
            info = handle.info("a")
            assert info["pid"] == pid(tree, "a")
            assert info["spec"]["command"] == ["sleep", "1000"]
            assert info["spec"]["environment"] == ["API_TOKEN"]
            assert "hunter22" not in str(handle.info("s"))
            assert handle.info("")["spec"]["children"] == ["a", "s"]
            with pytest.raises(NotFound):
                handle.info("x")


def test_logs_and_recent_events(tmp_path: Path) -> None:
    """The last lines, and then each as it comes; the last events."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    script = "echo one; echo two >&2; read x < $FIFO; echo three; read x < $FIFO"
    talker = Command(
        "t",
        ["sh", "-c", script],
        environment={"FIFO": str(fifo)},
        stdout=tmp_path / "out",
        stderr=tmp_path / "err",
        ready=log_line("two"),
    )
    with contextlib.ExitStack() as stack, running(talker, name="shop") as tree:
        client = stack.enter_context(TreeClient.connect("shop"))
        until(lambda: len(list(tree.logs(["t"]))) == 2)  # two pipes, in either order
        for handle in (tree, client):
            told = [(line.path, line.text) for line in handle.logs(["t"])]
            assert sorted(told) == [("t", "one"), ("t", "two")]
        lines = client.logs(None, lines=0, follow=True)
        here = tree.logs(["t"], lines=1, follow=True, stream="stdout")
        fifo.write_text("\n")
        assert next(lines).text == "three", tree.recent_events()
        assert next(line.text for line in here if line.text != "one") == "three"
        assert any(event.path == "t" for event in tree.recent_events())
        tree.stop()
        assert {line.text for line in lines} <= {"one", "two"}
        assert {line.text for line in here} <= {"one"}  # it may have come anew


def test_a_follower_that_reads_nothing_ends_with_the_tree_in_silence(tmp_path: Path) -> None:
    """It holds up neither the tree nor its end, and nobody is told of it as of a failure."""
    script = "while :; do echo 0123456789; done"
    talker = Command("t", ["sh", "-c", script], stdout=LogFile(tmp_path / "log", max_bytes=100_000))
    before = set(threading.enumerate())
    with contextlib.ExitStack() as stack, _logged() as lines:
        with running(talker, name="shop"):
            for _ in range(3):
                client = stack.enter_context(TreeClient.connect("shop"))
                assert next(client.logs(follow=True)).text == "0123456789"
            until(lambda: "otpsup-follow" in [thread.name for thread in threading.enumerate()])
            with TreeClient.connect("shop") as client:
                for _ in range(50):  # meanwhile what is between us and them fills up
                    assert client.status().state == "running"
        until(lambda: set(threading.enumerate()) <= before)
        assert not [line for line in lines if "failed" in line]


# A program.

RUN = """
def main():
    logger.enable("otpsup")
    otpsup.run(Tree.from_file(sys.argv[1]))
"""


def test_sighup_reads_the_file_again(tmp_path: Path) -> None:
    """What is new is started, a bad file changes nothing and is told, and the next is taken."""
    file, log = tmp_path / "shop.yaml", tmp_path / "log"
    file.write_text("name: shop\nchildren: {a: {command: sleep 1000}}")
    with (
        log.open("w") as stderr,
        hosting(
            tmp_path, RUN, str(file), before="from loguru import logger", stderr=stderr
        ) as host,
    ):
        client = until(_connected, within=30)
        with client:
            before = pids(client)
            file.write_text("name: shop\nchildren: {a: {command: sleep 1000}, b: {comand: x}}")
            host.kill(signal.SIGHUP)
            until(lambda: "did you mean 'command'?" in log.read_text())
            assert pids(client) == before
            file.write_text(
                "name: shop\nchildren: {a: {command: sleep 1000}, b: {command: sleep 9}}"
            )
            host.kill(signal.SIGHUP)
            until(lambda: "b" in pids(client))
            assert pids(client)["a"] == before["a"]
            until(lambda: "update: 1 change; 1 stays as it is" in log.read_text())
            host.kill(signal.SIGUSR2)
            until(lambda: "opening the log files anew" in log.read_text())
        host.kill(signal.SIGTERM)
        assert host.wait() == 0


@pytest.mark.slow
def test_sighup_under_nohup(tmp_path: Path) -> None:
    """Whoever had SIGHUP ignored goes on when his terminal hangs up; a file is read again all the
    same."""
    file = tmp_path / "shop.yaml"
    file.write_text("name: shop\nchildren: {a: {command: sleep 1000}}")
    before = (
        "import signal; from loguru import logger; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    )
    with hosting(tmp_path, RUN, str(file), before=before) as host:
        with until(_connected) as client:
            file.write_text(
                "name: shop\nchildren: {a: {command: sleep 1000}, b: {command: sleep 9}}"
            )
            host.kill(signal.SIGHUP)
            until(lambda: "b" in pids(client))
        host.kill(signal.SIGTERM)
        assert host.wait() == 0


def _connected() -> TreeClient | None:
    try:
        client = TreeClient.connect("shop")
    except NotRunning:
        return None
    if client.status().state == "running":
        return client
    client.close()
    return None


def test_a_service_manager_is_told(tmp_path: Path) -> None:
    """systemd hears when it is up, when it reloads and when it stops; children do not speak in its
    name."""
    file, address = tmp_path / "shop.yaml", str(tmp_path / "notify")
    show = "sh -c 'echo \"[$NOTIFY_SOCKET]\"; exec sleep 1000'"
    file.write_text(f"name: shop\nchildren:\n  a:\n    command: {show}\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(LONG)
        # Not more often: what nobody has read yet fills the socket (net.unix.max_dgram_qlen is 10).
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "600000"}
        with hosting(
            tmp_path, RUN, str(file), before="from loguru import logger", environment=environment
        ) as host:
            said = _hear(manager, "READY=1")
            assert "WATCHDOG=1" in said
            assert _hear(manager, "WATCHDOG=1")
            with TreeClient.connect("shop") as client:
                assert until(lambda: [line.text for line in client.logs(["a"])]) == ["[]"]
            host.kill(signal.SIGHUP)
            assert _hear(manager, "RELOADING=1")
            assert _hear(manager, "READY=1")
            host.kill(signal.SIGTERM)
            assert _hear(manager, "STOPPING=1")
            assert host.wait() == 0


def _hear(manager: socket.socket, word: str) -> list[str]:
    said: list[str] = []
    while word not in said:
        said += manager.recv(4096).decode().splitlines()
    return said


def test_reloads_leak_nothing(tmp_path: Path) -> None:
    """After many updates back and forth the host has no more descriptors than before."""

    def shop(count: int) -> Supervisor:
        return Supervisor("shop", children=[sleeper("a"), *copies(count, lambda n: sleeper("w"))])

    with Tree(shop(1)) as tree:
        tree.reload(shop(4))
        tree.reload(shop(1))
        before = len(descriptors())
        for _ in range(10):
            tree.reload(shop(4))
            tree.reload(shop(1))
        until(lambda: len(descriptors()) <= before)


def test_two_who_scale_at_once_do_not_undo_each_other(tmp_path: Path) -> None:
    """Each starts from what the other has made of the tree."""
    file = tmp_path / "shop.yaml"
    one = "{copies: 1, command: sleep 1000}"
    file.write_text(f"name: shop\nchildren:\n  web: {one}\n  job: {one}\n")
    with Tree.from_file(file) as tree:
        both = [tree.call("scale", path=path, count=2) for path in ("web", "job")]
        assert [len([c for c in each.result(LONG) if c.action == "start"]) for each in both] == [
            1,
            1,
        ]
        assert set(pids(tree)) == {"web-1", "web-2", "job-1", "job-2"}


def test_an_update_twice_at_once_leaves_nobody_down(tmp_path: Path) -> None:
    """The second comes while the first still waits for a child to end; it is back after both."""
    file, stopping, go = tmp_path / "shop.yaml", tmp_path / "stopping", tmp_path / "go"
    script = (
        f"trap 'touch {stopping}; while [ ! -e {go} ]; do sleep 0.05; done; exit' TERM\n"
        "echo up; while :; do sleep 0.05; done"
    )

    def shop(number: int) -> Command:
        command = Command("a", ["sh", "-c", script], environment={"N": str(number)})
        return evolve(command, ready=log_line("up"))

    def write(number: int) -> None:
        tree = Supervisor("shop", children=[shop(number)])
        file.write_text(json.dumps(dump(tree)))

    write(1)
    with Tree.from_file(file) as tree:
        before = pids(tree)
        write(2)
        tree.call("update", file=None)
        until(stopping.exists)
        second = tree.call("update", file=None)
        tree.plan()
        go.touch()
        assert not [c.error for c in second.result(LONG) if c.error]
        assert [node.state for node in tree.status().walk()] == ["running", "running"]
        assert pids(tree) != before
        assert [c.action for c in tree.update()] == ["stay"]


def test_a_storm_of_updates_reads_the_file_a_few_times(tmp_path: Path) -> None:
    """Those who ask before it is read share one update, and all are answered."""
    file = tmp_path / "shop.yaml"
    file.write_text(fifty())
    with Tree.from_file(file) as tree, _logged() as lines:
        file.write_text(fifty("p17"))
        asked = [tree.call("update", file=None) for _ in range(500)]
        assert [len(each.result(LONG)) for each in asked] == [50] * 500
        assert len([line for line in lines if "stay as they are" in line]) < 100


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logger.add(lines.append, format="{message}")
    logger.enable("otpsup")
    yield lines
    logger.disable("otpsup")
    logger.remove(handler)


def test_whatever_fails_is_answered() -> None:
    """A function that makes copies may raise anything; who asked is told, and the tree goes on."""

    def make(number: int) -> Command:
        if number > 2:
            raise LookupError("no port for it")
        return sleeper("web")

    with Tree(Supervisor("shop", children=copies(2, make))) as tree:
        before = pids(tree)
        with pytest.raises(OtpsupError, match="it failed, .* LookupError: no port for it"):
            tree.call("scale", path="web", count=3).result(LONG)
        assert tree.scale("web", 2)
        assert pids(tree) == before


@pytest.mark.parametrize("signum", ["\u00b2", "9" * 5000, "\u0661", "-9", "0", "1_0", 10**8, ""])
def test_what_looks_like_a_signal(signum: Any) -> None:
    """Is refused in words, and the connection goes on."""
    with (
        Tree(Supervisor("shop", children=[sleeper("a")])),
        TreeClient.connect("shop") as client,
    ):
        with pytest.raises(InvalidSpec, match="there is no signal"):
            client.signal("a", signum)
        assert client.status().state == "running"


def test_a_service_manager_does_not_hear_of_a_reload_before_the_tree_is_up(tmp_path: Path) -> None:
    """A SIGHUP while the tree starts is served, but it is not up before all of it is."""
    file, address, go = tmp_path / "shop.yaml", str(tmp_path / "notify"), tmp_path / "go"
    log = tmp_path / "log"
    wait = f"sh -c 'while [ ! -e {go} ]; do sleep 0.05; done; echo up; exec sleep 1000'"
    file.write_text(
        f"name: shop\nchildren:\n  a:\n    command: {wait}\n    ready: {{log_line: up}}\n"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.setblocking(False)
        with hosting(
            tmp_path,
            RUN,
            str(file),
            before=f"from loguru import logger; logger.add({str(log)!r})",
            environment={"NOTIFY_SOCKET": address},
        ) as host:
            until(lambda: _connects("shop"))
            host.kill(signal.SIGHUP)
            until(lambda: "1 stays as it is" in log.read_text())
            with pytest.raises(BlockingIOError):
                manager.recv(4096)
            manager.setblocking(True)
            manager.settimeout(LONG)
            go.touch()
            assert _hear(manager, "READY=1")
            host.kill(signal.SIGTERM)
            assert host.wait() == 0


def _connects(name: str) -> bool:
    with contextlib.suppress(NotRunning), TreeClient.connect(name):
        return True
    return False
