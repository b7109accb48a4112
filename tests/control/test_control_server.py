"""The control server over a running tree: what clients may do to it, and what they cannot."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otpsup import (
    AlreadyStarted,
    Command,
    DynamicSupervisor,
    MaxChildren,
    NotASupervisor,
    NotFound,
    NotRunning,
    Running,
    SimpleOneForOne,
    StartFailed,
    Supervisor,
    Tree,
    TreeClient,
)
from otpsup.control import address
from otpsup.wire import control as wire
from tests.support.trees import pid, running, watching
from tests.support.waiting import LONG, gone, until


def sleeper(name: str, **options: Any) -> Command:
    """A child that costs nothing."""
    return Command(name, ["sleep", "1000"], **options)


@pytest.fixture(scope="module")
def tree() -> Iterator[Tree]:
    """A tree that many tests may ask: none of them leaves it changed."""
    nested = Supervisor("sub", children=[sleeper("b")])
    lazy = sleeper("lazy", autostart=False)
    with running(sleeper("a"), nested, lazy, name="asked") as tree:
        yield tree


@pytest.fixture
def client(tree: Tree) -> Iterator[TreeClient]:
    with TreeClient.connect("asked") as client:
        yield client


class Raw:
    """A client that sends what it likes."""

    def __init__(self, path: Path) -> None:
        self.sock = address.connect(path)
        self.sock.settimeout(LONG)
        self.file = self.sock.makefile("rb")

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def hear(self) -> Any:
        """The next answer; None if the tree hung up."""
        with contextlib.suppress(ConnectionError):
            line = self.file.readline()
            return json.loads(line) if line else None
        return None


@contextmanager
def raw(name: str = "asked") -> Iterator[Raw]:
    client = Raw(address.find(name))
    with client.sock, client.file:
        yield client


def assert_is_well(tree: Tree) -> None:
    """The tree goes on and answers others."""
    with TreeClient.connect(tree.name) as client:
        assert client.status().state == "running"
    assert [node.state for node in tree.status().children][:2] == ["running", "running"]


# What a client can ask.


def test_status_is_the_trees(tree: Tree, client: TreeClient) -> None:
    """A client sees the same status as the host, and the same answers to questions."""
    assert client.status() == tree.status()
    assert client.which_children() == tree.which_children()
    assert client.which_children("sub") == [("b", "running", "command")]
    assert client.count_children() == tree.count_children()


def test_a_childs_whole_life(client: TreeClient, tree: Tree) -> None:
    """start_child, restart, terminate_child and restart_child do through a client what they do in
    the host."""
    first = client.start_child("lazy")
    assert (first.path, first.state, first.ready) == ("lazy", "running", True)
    second = client.restart("lazy")
    assert second.pid not in (first.pid, None)
    client.terminate_child("lazy")
    gone(*(pid for pid in (first.pid, second.pid) if pid))
    assert client.restart_child("lazy").ready
    client.terminate_child("lazy")
    found = tree.status().find("lazy")
    assert found is not None
    assert found.state == "down"


def test_delete() -> None:
    """delete_child forgets a child that is down."""
    lazy = sleeper("x", autostart=False)
    with running(lazy, name="deleting"), TreeClient.connect("deleting") as client:
        client.delete_child("x")
        assert client.which_children() == []
        with pytest.raises(NotFound):
            client.start_child("x")


def test_unmonitor() -> None:
    """unmonitor leaves a child down when it ends by itself; monitor has it restarted again."""
    with (
        running(sleeper("a"), intensity=1, name="watched") as tree,
        watching(tree) as events,
        TreeClient.connect("watched") as client,
    ):
        client.unmonitor("a")
        os.kill(pid(tree, "a"), signal.SIGKILL)
        events.until("a", "down")
        first = client.start_child("a").pid
        client.monitor("a")
        os.kill(pid(tree, "a"), signal.SIGKILL)
        assert events.until("a", kind="restart").reason == "SIGKILL"
        events.until("a", "running")
        assert pid(tree, "a") != first


def test_instances() -> None:
    """start_child with arguments starts an instance of a template, until there are enough."""
    pool = DynamicSupervisor("pool", template=sleeper("job"), max_children=2)
    with running(pool, name="pooled"), TreeClient.connect("pooled") as client:
        assert client.start_child("pool", "1").path == "pool/job#1"
        assert client.start_child("pool", "2").path == "pool/job#2"
        with pytest.raises(MaxChildren):
            client.start_child("pool", "3")
        with pytest.raises(SimpleOneForOne):
            client.restart_child("pool/job#1")
        assert client.count_children("pool")["active"] == 2


def test_refusals_arrive_as_the_hosts_exceptions(client: TreeClient, tree: Tree) -> None:
    """A client gets the exception that the host would get, with the same words and the pid."""
    with pytest.raises(NotFound, match="there is no such child; did you mean 'lazy'"):
        client.start_child("laxy")
    with pytest.raises(AlreadyStarted) as caught:
        client.start_child("a")
    assert caught.value.pid == tree.status().children[0].pid
    with pytest.raises(Running):
        client.delete_child("a")
    with pytest.raises(NotASupervisor):
        client.which_children("a")
    with pytest.raises(NotFound):
        client.terminate_child("")
    assert_is_well(tree)


def test_start_failed_says_why() -> None:
    """StartFailed reaches a client with the reason."""
    spec = Command("broken", ["/no/such/program"], autostart=False)
    with (
        running(spec, name="failing"),
        TreeClient.connect("failing") as client,
        pytest.raises(StartFailed, match="/no/such/program"),
    ):
        client.start_child("broken")


def test_events() -> None:
    """A client reads the same events as the host, in the same order, from its request on to the
    tree's end."""
    with running(sleeper("lazy", autostart=False), name="told") as tree:
        with tree.events() as heard, TreeClient.connect("told") as client:
            events = client.events()
            tree.start_child("lazy")
            tree.terminate_child("lazy")
            tree.stop()
            seen = list(events)
            assert [e.text for e in seen] == [e.text for e in heard]
        assert [e.state for e in seen if e.path == "lazy" and e.kind == "state"] == [
            "starting", "running", "stopping", "down",
        ]  # fmt: skip
        assert seen[-1].kind == "halt"


def test_shutdown() -> None:
    """shutdown is answered when nothing of the tree is left; then everything says NotRunning."""
    with running(sleeper("a"), sleeper("b"), name="closing") as tree:
        pids = [node.pid for node in tree.status().children if node.pid]
        with TreeClient.connect("closing") as client:
            client.shutdown()
            gone(*pids, within=0.1)
            assert tree.wait(LONG).kind == "stopped"
            with pytest.raises(NotRunning, match="the tree has ended, or hung up"):
                client.status()
        with pytest.raises(NotRunning, match="no tree 'closing' is running"):
            TreeClient.connect("closing")


def test_a_tree_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever asks a host that is stopped, or stuck, does not wait for ever."""
    monkeypatch.setattr("otpsup.control.client._PROMPT", 0.2)
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with deaf:
        deaf.bind(str(tmp_path / "deaf"))
        deaf.listen()
        client = TreeClient.connect(path=tmp_path / "deaf")
        with client, pytest.raises(NotRunning, match=r"has not answered for 0\.2 s"):
            client.status()


def test_threads_share_a_client(client: TreeClient) -> None:
    """Threads may share one client: each gets its own answer."""
    wrong: set[str] = set()

    def ask(path: str, expected: list[str]) -> None:
        answers = [[name for name, _, _ in client.which_children(path)] for _ in range(50)]
        if answers != [expected] * 50:
            wrong.add(path)

    threads = [
        threading.Thread(target=ask, args=("", ["a", "sub", "lazy"])),
        threading.Thread(target=ask, args=("sub", ["b"])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert not wrong


# What a client cannot do.


@pytest.mark.parametrize(
    ("line", "id"),
    [
        (b"\n", 0),
        (b"GET / HTTP/1.1\r\n", 0),
        (b"\xff\xfe\x00\n", 0),
        (b"[]\n", 0),
        (b'{"id": 5, "op": "explode"}\n', 5),
        (b'{"id": 6, "op": "restart"}\n', 6),
        (b"[" * 100_000 + b"\n", 0),
    ],
)
def test_nonsense(line: bytes, id: int, tree: Tree) -> None:
    """A line that is no request gets an error with its number, and the client may go on."""
    with raw() as client:
        client.send(line)
        answer = client.hear()
        assert (answer["id"], answer["error"]["code"]) == (id, "protocol")
        client.send(wire.encode_call(7, "status"))
        assert client.hear()["ok"]["name"] == "asked"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
HARMLESS = ["start_child", "restart_child", "which_children", "count_children", "delete_child"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {"id": st.integers(1, 9)},
        optional={
            "op": st.sampled_from(HARMLESS) | JSON,
            "path": st.sampled_from(["", "a", "sub", "sub/b", "/", "a/", "sub/b/c"]) | JSON,
            "args": st.lists(JSON, max_size=3) | JSON,
        },
    )
)
def test_any_request(tree: Tree, value: dict[str, Any]) -> None:
    """Any request of the right shape is answered, by a value or by an error with a message."""
    with raw() as client:
        client.send(json.dumps(value).encode() + b"\n")
        answer = client.hear()
    assert answer["id"] == value["id"]
    assert "ok" in answer or answer["error"]["message"]


def test_a_line_that_is_too_long(tree: Tree) -> None:
    """A line over 1 MiB ends that connection, and no other."""
    with raw() as other, raw() as client:
        with contextlib.suppress(ConnectionError):  # it may hang up while we still send
            client.send(b"x" * (wire.LIMIT + 10) + b"\n")
        assert client.hear() is None
        other.send(wire.encode_call(1, "status"))
        assert other.hear()["id"] == 1
    assert_is_well(tree)


def test_a_line_that_is_just_short_enough(tree: Tree) -> None:
    """A line of nearly 1 MiB is a request like any other."""
    call = wire.encode_call(1, "count_children", path="", padding="x" * (wire.LIMIT - 100))
    with raw() as client:
        client.send(call)
        assert client.hear()["ok"]["specs"] == 3


def test_half_a_line(tree: Tree) -> None:
    """Half a request does nothing: who hangs up in the middle of a line has asked for nothing."""
    with raw() as client:
        client.send(wire.encode_call(1, "terminate_child", path="a").rstrip(b"\n"))
        client.sock.shutdown(socket.SHUT_WR)
        assert client.hear() is None
    assert_is_well(tree)


def test_hanging_up_at_once(tree: Tree) -> None:
    """Who asks and hangs up without reading the answer harms nobody."""
    for _ in range(20):
        with raw() as client:
            client.send(wire.encode_call(1, "status") * 20)
    assert_is_well(tree)


def test_a_thousand_requests_at_once(tree: Tree) -> None:
    """A thousand requests that are sent before the first answer is read are answered in order."""
    calls = [
        wire.encode_call(number, "status" if number % 2 else "count_children", path="")
        for number in range(1000)
    ]
    with raw() as client:
        writer = threading.Thread(target=client.send, args=(b"".join(calls),))
        writer.start()
        assert [client.hear()["id"] for _ in range(1000)] == list(range(1000))
        writer.join(LONG)


def test_too_many_unanswered(tree: Tree) -> None:
    """Only so many requests of one client may wait for an answer; the rest are refused at once,
    and who is refused may ask again later."""
    slow = Command("slow", ["sleep", "1000"], ready="notify", autostart=False)
    with running(slow, name="slow"), raw("slow") as client, TreeClient.connect("slow") as other:
        client.send(b"".join(wire.encode_call(n, "restart", path="slow") for n in range(150)))
        refused = [client.hear() for _ in range(50)]
        assert sorted(answer["id"] for answer in refused) == list(range(100, 150))
        assert all("wait for their answer" in answer["error"]["message"] for answer in refused)
        assert other.status().state == "running"


def test_who_never_reads_is_dropped() -> None:
    """A client that asks for events and never reads them is dropped; the tree and the other
    clients go on, and what it did not read is not kept."""
    name = "n" * 30_000
    spec = sleeper(name, autostart=False)
    with running(sleeper("a"), spec, name="patient") as tree:
        with raw("patient") as deaf, TreeClient.connect("patient") as client:
            deaf.send(wire.encode_call(1, "events"))
            assert deaf.hear()["id"] == 1
            hung_up = select.poll()
            hung_up.register(deaf.sock, 0)
            deadline = time.monotonic() + LONG
            while not hung_up.poll(0):
                assert time.monotonic() < deadline, "it is still connected"
                client.start_child(name)
                client.terminate_child(name)
            assert client.status().state == "running"
        assert tree.status().children[0].state == "running"


# Where the socket is.


def test_modes(tree: Tree) -> None:
    """The socket is for its user alone, whatever the umask."""
    found = address.find("asked").stat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600


def test_the_socket_goes_with_the_tree() -> None:
    """The socket is there while the tree runs, and gone when `stop` returns."""
    with running(name="brief"):
        path = address.find("brief")
        assert path.exists()
    assert not path.exists()


def test_two_trees_in_one_process() -> None:
    """Two trees have a socket each, even with the same name; `find` lists them all."""
    with running(sleeper("x"), name="twin"), running(sleeper("y"), name="twin"):
        with pytest.raises(NotRunning, match=r"several trees are running: .*--tree NAME") as caught:
            TreeClient.connect("twin")
        paths = [path for path in address.running() if path.stem.startswith("twin-")]
        assert len(paths) == 2
        for path, child in zip(sorted(paths, key=lambda p: p.stem), ("x", "y"), strict=True):
            assert path.stem in str(caught.value)
            with TreeClient.connect(path.stem) as client:
                assert [name for name, _, _ in client.which_children()] == [child]


def test_a_tree_can_be_restarted() -> None:
    """A tree that is started again has its socket again."""
    tree = Tree(Supervisor("again", children=[]))
    for _ in range(2):
        with tree, TreeClient.connect("again") as client:
            assert client.status().state == "running"


def test_waiting_clients_hear_of_the_end() -> None:
    """A request that waits while the tree is stopped is answered with an error, not forgotten."""
    slow = Command("slow", ["sleep", "1000"], ready="notify", autostart=False, start_timeout=LONG)
    caught: list[BaseException] = []
    with running(slow, name="stopped") as tree, TreeClient.connect("stopped") as client:

        def ask() -> None:
            try:
                client.start_child("slow")
            except BaseException as error:
                caught.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        until(lambda: tree.status().children[0].state == "starting")
        tree.stop()
        thread.join(LONG)
    assert len(caught) == 1
    assert isinstance(caught[0], StartFailed | NotRunning)
