"""The whole of it: real trees that break, real receivers, hosts that are killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import mailbox
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from otpsup import (
    Alerts,
    Command,
    Event,
    GaveUp,
    Mailbox,
    MemoryOver,
    NotFound,
    Rate,
    Restarts,
    Smtp,
    StartFailed,
    Supervisor,
    Tree,
    TreeStopped,
    Unhealthy,
    Webhook,
    Worker,
    current_child,
    heartbeat,
    stays_up,
)
from otpsup.alerts.courier import NotDelivered
from otpsup.alerts.message import Message
from otpsup.alerts.service import Service
from tests.alerts import happening as h
from tests.alerts.logged import logged
from tests.alerts.receivers import hook_server, mail_server
from tests.support.hosts import Host, hosting
from tests.support.servers import free_port
from tests.support.trees import python
from tests.support.waiting import LONG, until

SECRET = "canary-0123456789"
RULE = [Restarts(1, 60)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits half a second for the next tick."""
    monkeypatch.setattr(Service, "every", 0.02)


class Handle:
    """What a plug-in sees of a tree; no tree."""

    name = "shop"

    def status(self) -> Any:
        return h.status(("api", "running", True))


class Running:
    """A service that is not in a tree: events and ticks come from the test."""

    def __init__(self, settings: Alerts, on: Any = None) -> None:
        self.service = Service(settings, first=0.02)
        handle: Any = on or Handle()
        self.service.start(handle)

    def crash(self, path: str = "api") -> None:
        self.service.on_event(h.restart(time.time(), path))
        self.service.tick()

    def tick_until(self, look: Callable[[], object]) -> None:
        """As the plug-in's thread does."""

        def ticked() -> object:
            self.service.tick()
            return look()

        until(ticked)

    def state(self, channel: str) -> dict[str, Any]:
        found: dict[str, Any] = self.service.ask("status", {})["channels"][channel]
        return found


@contextmanager
def service(folder: Path, on: Any = None, **settings: Any) -> Iterator[Running]:
    """One that tells of each restart, at once."""
    given = {"rules": RULE, "group_wait": 0, "outbox": folder / "box", **settings}
    running = Running(Alerts(**given), on)
    try:
        yield running
    finally:
        running.service.stop()


def left(folder: Path) -> list[dict[str, Any]]:
    """What waits on disk; a courier may take it away meanwhile."""
    found = []
    for path in sorted(folder.glob("box/*.message")):
        with contextlib.suppress(FileNotFoundError):
            found.append(json.loads(path.read_bytes()))
    return found


# Trees.


def fails_while(flag: Path) -> Supervisor:
    """A supervisor that gives up as long as that file is there."""
    code = f"test -e {flag} && {{ echo boom; exit 3; }}; exec sleep 100"
    return Supervisor("backend", intensity=1, children=[Command("api", ["sh", "-c", code])])


def test_the_alert_arrives_once_and_its_recovery(tmp_path: Path) -> None:
    """By e-mail, from a tree in which a supervisor gives up again and again."""
    flag, port = tmp_path / "broken", free_port()
    channels = {"mail": Smtp("127.0.0.1", "a@b.c", "ops@b.c", port=port, tls="none")}
    alerts = Alerts(
        channels=channels, rules=[GaveUp()], group_wait=0.3, well_for=2, outbox=tmp_path / "box"
    )
    spec = Supervisor("shop", intensity=1000, children=[fails_while(flag)])
    with mail_server(port) as inbox, Tree(spec, plugins=[alerts]) as tree:
        flag.touch()
        tree.signal("backend/api", "KILL")
        until(lambda: (status := tree.status().find("backend")) and status.restarts > 3)
        flag.unlink()
        until(lambda: len(inbox.mails) >= 2)
        assert tree.ask_plugin("alerts", "status")["firing"] == []
    alert, recovery = inbox.mails

    assert alert["Subject"] == "[otpsup] shop: backend gave up"
    text = alert.get_content()
    for part in (
        "Where     tree shop on ",
        "child backend",
        "  | boom",
        "otpsup why backend/api --tree shop",
        "critical (gave_up)",
        "ended with exit code 3",
    ):
        assert part in text
    assert recovery["Subject"] == "[otpsup] shop: backend is well again"
    assert "It was    backend gave up" in recovery.get_content()


def hang() -> None:
    """A worker that says nothing any more."""
    current_child().ready()
    time.sleep(100)


@pytest.mark.slow
def test_a_worker_that_hangs_is_told_with_its_stack(tmp_path: Path) -> None:
    """In a mailbox, which is the channel if there is no other."""
    alerts = Alerts(rules=[Unhealthy(0)], group_wait=1.0, outbox=tmp_path / "box")
    worker = Worker("hang", hang, ready="notify", restart="temporary", liveness=[heartbeat(0.3)])
    with Tree(Supervisor("shop", children=[worker]), plugins=[alerts]):
        box = tmp_path / "box.mail"
        until(lambda: list(box.glob("new/*")))
    (mail,) = mailbox.Maildir(box)
    text = mail.get_payload(decode=True).decode()  # type: ignore[union-attr]

    assert mail["Subject"].startswith("[otpsup] shop: hang is not well: heartbeat failed")
    assert "Where it was:" in text
    assert "in hang" in text


@pytest.mark.slow
def test_memory_is_that_of_the_statistics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the child and all below it; and it is well when it has ended."""
    monkeypatch.setattr("otpsup.alerts.service._LOOKS", 0.05)
    alerts = Alerts(
        rules=[MemoryOver(30_000_000, seconds=0)], group_wait=0, well_for=0.1,
        outbox=tmp_path / "box",
    )  # fmt: skip
    code = "import time; x = b'x' * 40_000_000; time.sleep(100)"
    children = [Command("large", python(code)), Command("small", ["sleep", "100"])]
    with Tree(Supervisor("shop", children=children), plugins=[alerts]) as tree:
        until(lambda: list((tmp_path / "box.mail").glob("new/*")))
        tree.terminate_child("large")
        until(lambda: len(list((tmp_path / "box.mail").glob("new/*"))) == 2)
    subjects = {mail["Subject"] for mail in mailbox.Maildir(tmp_path / "box.mail")}
    assert {re.sub(r"[\d.]+ MB in", "n MB in", each) for each in subjects} == {
        "[otpsup] shop: large has n MB in memory, more than 30 MB",
        "[otpsup] shop: large was stopped",
    }


def test_the_end_of_a_tree_is_told_before_it_is_over(tmp_path: Path) -> None:
    """Without waiting for others; and its return when it runs again, from another host."""
    with hook_server() as (url, hooks):
        alerts = Alerts(
            channels={"ops": Webhook(url)}, group_wait=60, well_for=0.05, outbox=tmp_path / "box"
        )
        bad = Command("api", ["sh", "-c", "echo out of cheese; exit 3"])
        tree = Tree(Supervisor("shop", intensity=1, children=[bad]), plugins=[alerts])
        tree.start()
        assert tree.wait(LONG).kind == "gave_up"
        until(lambda: hooks.bodies)
        (body,) = hooks.bodies
        assert body["subject"] == "[otpsup] shop: the tree gave up"
        assert body["alerts"][0]["lines"] == ["out of cheese"]
        assert body["alerts"][0]["severity"] == "critical"

        quick = Alerts(
            channels={"ops": Webhook(url)}, group_wait=0, well_for=0.05, outbox=tmp_path / "box"
        )
        good = Command("api", ["sleep", "100"])
        with Tree(Supervisor("shop", children=[good]), plugins=[quick]):
            hooks.wait(2)
    assert hooks.bodies[1]["subject"] == "[otpsup] shop: the tree is well again"
    assert hooks.bodies[1]["status"] == "resolved"


def test_a_tree_that_cannot_start_is_told(tmp_path: Path) -> None:
    """Before whoever started it hears of it; with what the child said that is to blame."""
    with hook_server() as (url, hooks):
        alerts = Alerts(channels={"ops": Webhook(url)}, outbox=tmp_path / "box")
        script = "echo out of cheese; exit 3"
        bad = Command("api", ["sh", "-c", script], ready=stays_up(100))
        tree = Tree(
            Supervisor("shop", children=[Supervisor("s", children=[bad])]), plugins=[alerts]
        )
        with pytest.raises(StartFailed):
            tree.start()
        hooks.wait(1)
    assert hooks.bodies[0]["subject"] == "[otpsup] shop: the tree could not start"
    assert "s/api wrote last:\n  | out of cheese\n" in hooks.bodies[0]["text"]


FILE = """
name: shop
intensity: 100
children: [{{name: api, command: sleep 100}}]
plugins:
  alerts:
    channels: {{ops: {{webhook: {url}}}}}
    rules: [{{restarts: {{count: 1, within: {within}}}}}]
    group_wait: 0
    well_for: {well_for}
    outbox: box
"""


def test_settings_that_change_while_it_runs(tmp_path: Path) -> None:
    """What was firing is not told again, and its recovery is told by the new ones."""
    file = tmp_path / "shop.yaml"
    with hook_server() as (url, hooks):
        file.write_text(FILE.format(url=url, within=0.5, well_for=3600))
        with Tree.from_file(file) as tree:
            tree.signal("api", "KILL")
            hooks.wait(1)
            file.write_text(FILE.format(url=url, within=0.5, well_for=0.1))
            assert [change.path for change in tree.update() if change.action == "restart"] == [
                "plugins:alerts"
            ]
            hooks.wait(2)
    assert [body["status"] for body in hooks.bodies] == ["firing", "resolved"]
    assert hooks.bodies[1]["subject"] == "[otpsup] shop: api is well again"


HOST = """
def main():
    url, box, wait = sys.argv[1], sys.argv[2], float(sys.argv[3])
    from otpsup.alerts.service import Service
    Service.every = 0.02
    alerts = Alerts(channels={"ops": Webhook(url)}, rules=[Restarts(1, 60)], group_wait=wait,
                    outbox=box, well_for=3600)
    tree = Tree(Supervisor("shop", intensity=10**6, children=[Command("api", ["sleep", "100"])]),
                plugins=[alerts])
    with tree:
        tell("up")
        while sys.stdin.readline():
            tree.signal("api", "KILL")
            tell("killed")
"""


def crash_in(host: Host, folder: Path) -> None:
    """A child of that host crashes; returns when the alert is written down."""
    assert host.hear() == "up"
    assert host.process.stdin
    host.process.stdin.write(b"\n")
    host.process.stdin.flush()
    assert host.hear() == "killed"
    state = folder / "box/state.json"
    until(lambda: state.exists() and b"restarts" in state.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("wait", ["0", "3600"])
def test_a_host_that_is_killed_before_it_could_deliver(tmp_path: Path, wait: str) -> None:
    """The next one does, once, be the message written or not; and nothing is told twice."""
    port = free_port()
    arguments = (f"http://127.0.0.1:{port}/", str(tmp_path / "box"))
    with hosting(tmp_path, HOST, *arguments, wait, stdin=-1) as host:
        crash_in(host, tmp_path)
        if wait == "0":
            until(lambda: left(tmp_path))
        assert bool(left(tmp_path)) == (wait == "0")
        host.kill()
        host.wait()
    with (
        hook_server(port=port) as (_, hooks),
        hosting(tmp_path, HOST, *arguments, "0", stdin=-1) as host,
    ):
        assert host.hear() == "up"
        hooks.wait(1)
        until(lambda: not left(tmp_path))
        assert host.process.stdin
        host.process.stdin.close()
        assert host.wait() == 0

    told = [alert["rule"] for body in hooks.bodies for alert in body["alerts"]]
    assert told == ["restarts"]


def kill_after(folder: Path, url: str, seconds: float) -> None:
    """A host in which a child crashes, and which is killed so long after that was written down."""
    with hosting(folder, HOST, url, str(folder / "box"), "0", stdin=-1) as host:
        crash_in(host, folder)
        time.sleep(seconds)  # any moment will do
        host.kill()
        host.wait()


def run_once(folder: Path, url: str) -> None:
    """A host that ends when it has delivered what was left."""
    with hosting(folder, HOST, url, str(folder / "box"), "0", stdin=-1) as host:
        assert host.hear() == "up"
        assert host.process.stdin
        until(lambda: not left(folder))
        host.process.stdin.close()
        assert host.wait() == 0


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.02, 0.05])
def test_hosts_that_are_killed_at_any_moment_lose_nothing(tmp_path: Path, seconds: float) -> None:
    """A crash that was written down is told at least once; what comes twice has the same key."""
    with hook_server() as (url, hooks):
        kill_after(tmp_path, url, seconds)
        run_once(tmp_path, url)
    assert hooks.bodies
    assert len({headers["Idempotency-Key"] for headers in hooks.headers}) == 1
    assert [alert["rule"] for alert in hooks.bodies[0]["alerts"]] == ["restarts"]


@pytest.mark.slow
def test_a_storm_of_a_thousand_real_crashes_is_one_message(tmp_path: Path) -> None:
    """That counts them."""
    with hook_server() as (url, hooks):
        alerts = Alerts(
            channels={"ops": Webhook(url)}, rules=[Restarts(5, 600)], group_wait=60,
            outbox=tmp_path / "box",
        )  # fmt: skip
        spec = Supervisor("shop", intensity=10**6, children=[
            Command(f"web-{n}", ["sh", "-c", "exit 1"]) for n in range(10)
        ])  # fmt: skip
        with Tree(spec, plugins=[alerts]) as tree:
            until(lambda: sum(c.restarts for c in tree.status().children) >= 1000, 60)
        hooks.wait(1)
        assert len(hooks.bodies) == 1
    (body,) = hooks.bodies
    assert re.fullmatch(
        r"\[otpsup\] shop: web-\d was restarted 5 times within 10 min, and 9 more", body["subject"]
    )
    assert sum(alert["count"] for alert in body["alerts"]) >= 1000


def test_a_real_child_that_is_given_up_is_told(tmp_path: Path) -> None:
    """By what the engine says of it, once."""
    with hook_server() as (url, hooks):
        alerts = Alerts(
            channels={"ops": Webhook(url)}, rules=[GaveUp()], group_wait=0.1,
            outbox=tmp_path / "box",
        )  # fmt: skip
        bad = Command("bad", ["sh", "-c", "exit 3"], start_retries=1, ready=stays_up(5))
        with Tree(Supervisor("shop", children=[bad]), plugins=[alerts]):
            hooks.wait(1)
    assert [body["subject"] for body in hooks.bodies] == ["[otpsup] shop: bad was given up"]


def test_who_gave_up_is_told_although_its_event_was_lost(tmp_path: Path) -> None:
    """As the real tree's state says it; the event that comes after all is not told again."""
    children = [
        Command("bad", ["sh", "-c", "exit 3"], start_retries=1, ready=stays_up(5)),
        Supervisor("pay", intensity=0, restart="transient",
                   children=[Command("db", ["sleep", "100"])]),
        Supervisor("gone", intensity=0, children=[Command("db", ["sleep", "100"])]),
        Command("done", ["true"], restart="transient"),
        Command("api", ["sleep", "100"]),
    ]  # fmt: skip
    events: list[Event] = []
    with (
        hook_server() as (url, hooks),
        Tree(Supervisor("shop", children=children), plugins=[Told(events)]) as tree,
        service(tmp_path, channels={"ops": Webhook(url)}, rules=[GaveUp()], on=tree) as running,
    ):
        tree.signal("pay/db", "KILL")
        tree.terminate_child("gone")
        until(lambda: [event for event in events if event.kind == "shutdown"])
        for path in ("pay", "bad"):
            until(lambda path=path: tree.status().find(path).state == "down")  # type: ignore
        running.service.lost(7)
        hooks.wait(1)
        (body,) = hooks.bodies
        running.service.lost(7)
        for event in events:
            running.service.on_event(event)
        firing = running.service.ask("status", {})["firing"]
    told = {alert["what"]: alert["why"] for alert in body["alerts"]}
    assert told.keys() == {"pay gave up", "bad was given up"}
    assert told["pay gave up"][0].startswith("pay gave up: pay/db ended with SIGKILL")
    assert [alert["count"] for alert in firing] == [1, 1]


class Told:
    """A plug-in that keeps what it hears of."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    def on_event(self, event: Event) -> None:
        self._events.append(event)


# Channels that fail.


def test_a_channel_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    """Each has a thread of its own; and the one that hangs is tried again."""
    with hook_server(None, None) as (slow, held), hook_server() as (url, hooks):
        channels = {"slow": Webhook(slow, timeout=0.3), "ops": Webhook(url)}
        with service(tmp_path, channels=channels) as running, logged("WARNING") as lines:
            running.crash()
            hooks.wait(1)
            assert running.state("ops")["trouble"] == ""
            held.wait(3)
            until(lambda: running.state("slow")["delivered"] == 1)
    assert {body["id"] for body in held.bodies} == {held.bodies[0]["id"]}
    assert len(hooks.bodies) == 1
    assert any("channel slow did not take a message (no answer" in line for line in lines)


def test_a_receiver_that_comes_back_gets_what_it_missed(tmp_path: Path) -> None:
    """In order, each once."""
    port = free_port()
    channels = {"ops": Webhook(f"http://127.0.0.1:{port}/")}
    with service(tmp_path, channels=channels) as running:
        for n in range(3):
            running.crash(f"web-{n}")
        until(lambda: running.state("ops")["trouble"] == "Connection refused")
        assert running.state("ops")["waiting"] == 3
        assert len(left(tmp_path)) == 3
        with hook_server(500, port=port) as (_, hooks):
            hooks.wait(4)
            until(lambda: running.state("ops")["waiting"] == 0)
    paths = [body["alerts"][0]["path"] for body in hooks.bodies]
    assert paths == ["web-0", "web-0", "web-1", "web-2"]
    assert left(tmp_path) == []


def test_one_message_that_is_refused_holds_up_no_other(tmp_path: Path) -> None:
    """It is tried again later, alone."""
    with (
        hook_server(400) as (url, hooks),
        service(tmp_path, channels={"ops": Webhook(url)}) as running,
    ):
        running.crash("web-0")
        hooks.wait(1)
        running.crash("web-1")
        until(lambda: running.state("ops")["delivered"] == 2)
    assert len(hooks.bodies) == 3


def test_what_nobody_takes_is_given_up_and_told(tmp_path: Path) -> None:
    """After `max_age`; the next message counts it."""
    port = free_port()
    channels = {"ops": Webhook(f"http://127.0.0.1:{port}/")}
    with service(tmp_path, channels=channels, max_age=0.05) as running, logged("ERROR") as lines:
        running.crash("web-0")
        until(lambda: running.state("ops")["waiting"] == 0)
        with hook_server(port=port) as (_, hooks):
            running.crash("web-1")
            hooks.wait(1)
    assert hooks.bodies[0]["lost"] == 1
    assert "Before this, 1 message could not be kept" in hooks.bodies[0]["text"]
    assert any("dropped a message for channel ops" in line for line in lines)


class Unsayable(Exception):
    """One that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Raises:
    """A channel of somebody's own that fails in its own way."""

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException | None = error

    def send(self, message: Message) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (SystemExit("no gateway"), "SystemExit: no gateway"),
        (asyncio.CancelledError(), "CancelledError: "),
        (GeneratorExit(), "GeneratorExit: "),
        (Unsayable(), "Unsayable: (it cannot be shown)"),
        (type("Mine", (Unsayable, NotDelivered), {})("x"), "(it cannot be shown)"),
    ],
)
def test_whatever_a_channel_raises_it_has_not_delivered(
    tmp_path: Path, error: BaseException, why: str
) -> None:
    """The message waits until `send` has returned; a test says so, too."""
    channel = Raises(error)
    with service(tmp_path, channels={"own": channel}) as running:
        running.crash()
        until(lambda: running.state("own")["trouble"] == why)
        assert running.service.ask("test", {}) == {"own": {"ok": False, "why": why}}
        assert len(left(tmp_path)) == 1
        channel.error = None
        until(lambda: running.state("own")["delivered"] == 1)
    assert left(tmp_path) == []


class Slow:
    """A channel of somebody's own that takes a message when it is let; then it says `outcome`."""

    def __init__(self, outcome: Exception | None = None) -> None:
        self.ids: list[str] = []
        self.outcome = outcome
        self.may = threading.Event()

    def send(self, message: Message) -> None:
        self.ids.append(message.id)
        if len(self.ids) > 1:
            return
        assert self.may.wait(LONG)
        if self.outcome is not None:
            raise self.outcome


@pytest.mark.parametrize(("outcome", "times"), [(None, 1), (OSError("reset"), 2)])
def test_who_begins_while_a_delivery_goes_on_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Exception | None, times: int
) -> None:
    """As when settings are updated: only what did not arrive is sent again."""
    monkeypatch.setattr("otpsup.alerts.service._LAST", 0.02)
    channel = Slow(outcome)
    with service(tmp_path, channels={"own": channel}) as running:
        for path in ("web-0", "web-1", "web-2"):
            running.crash(path)
        until(lambda: channel.ids)
    with service(tmp_path, channels={"own": channel}) as again:
        until(lambda: again.state("own")["delivered"] == 2)
        assert again.state("own")["waiting"] == 1
        assert len(channel.ids) == 3
        channel.may.set()
        until(lambda: not left(tmp_path) and not again.state("own")["waiting"])
        until(lambda: not running.service._couriers["own"]._thread.is_alive())
    assert sorted(map(channel.ids.count, set(channel.ids))) == [1, 1, times]


def test_the_rate_merges_what_exceeds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost: the next message has all of it."""
    with hook_server() as (url, hooks):
        channels = {"ops": Webhook(url, rate=Rate(1, 30))}
        with service(tmp_path, channels=channels) as running:
            for n in range(5):
                running.crash(f"web-{n}")
            hooks.wait(1)
            running.service.tick()
            clock = running.service._clock
            monkeypatch.setattr(clock, "_epoch", clock._epoch + 31)
            running.tick_until(lambda: len(hooks.bodies) == 2)
    assert [len(body["alerts"]) for body in hooks.bodies] == [1, 4]


def test_no_secret_is_told_or_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the log at DEBUG, not in the outbox, not in what is answered, not in a repr."""
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:{free_port()}/{SECRET}")
    password = tmp_path / "password"
    password.write_text(SECRET)
    header = tmp_path / "header"
    header.write_text(f"Bearer {SECRET}")
    for path in (password, header):
        path.chmod(0o600)
    with hook_server(*[401] * 100) as (url, hooks):
        channels = {
            "hook": Webhook(url_env="HOOK"),
            "head": Webhook(url, secret_headers={"Authorization": header}),
            "mail": Smtp("localhost", "a@b.c", "d@e.f", port=free_port(), user="u",
                         password_file=password, tls="none"),
            "open": Webhook(f"http://127.0.0.1:{free_port()}/?token={SECRET}"),
        }  # fmt: skip
        with logged() as lines, service(tmp_path, channels=channels) as running:
            event = h.crash(time.time(), "api", f"Oops: password={SECRET}", f"f(token='{SECRET}')")
            running.service.on_event(event)
            running.crash()
            hooks.wait(1)
            for name in channels:
                until(lambda name=name: running.state(name)["trouble"])  # type: ignore[misc]
            answers = [running.service.ask("status", {}), running.service.ask("test", {})]
            kept = [path.read_text() for path in (tmp_path / "box").iterdir()]
    assert len(kept) == 6  # four messages, the state, the lock
    assert lines
    for text in (*lines, *kept, repr(channels), json.dumps(answers), repr(hooks.bodies)):
        assert SECRET not in text


def test_a_disk_that_fails_does_not_keep_alerts_back(tmp_path: Path) -> None:
    """They are delivered from memory, and that is said."""
    (tmp_path / "file").write_text("")
    with hook_server() as (url, hooks), logged("ERROR") as lines:
        outbox = tmp_path / "file" / "box"
        with service(tmp_path, channels={"ops": Webhook(url)}, outbox=outbox) as running:
            running.crash()
            hooks.wait(1)
            assert running.service.ask("status", {})["trouble"] == "Not a directory"
    assert sum("cannot write to" in line for line in lines) == 1


def test_a_test_goes_to_each_channel_now(tmp_path: Path) -> None:
    """And says why it did not arrive."""
    with hook_server() as (url, hooks):
        channels = {"ops": Webhook(url), "bad": Webhook(f"http://127.0.0.1:{free_port()}/")}
        with service(tmp_path, channels=channels) as running:
            assert running.service.ask("test", {}) == {
                "ops": {"ok": True, "why": ""},
                "bad": {"ok": False, "why": "Connection refused"},
            }
            assert running.service.ask("test", {"channel": "ops"})["ops"]["ok"]
            with pytest.raises(NotFound, match="no channel 'opps'; did you mean 'ops'"):
                running.service.ask("test", {"channel": "opps"})
            with pytest.raises(NotFound, match="answer 'status' and 'test'"):
                running.service.ask("tset", {})
    assert [body["status"] for body in hooks.bodies] == ["test", "test"]
    assert left(tmp_path) == []


def test_a_state_that_is_damaged_is_told_and_no_more(tmp_path: Path) -> None:
    """Whatever is in it."""
    box = tmp_path / "box"
    box.mkdir()
    for state in ('{"firing": 3}', '{"firing": [{}], "channels": {}}', '{"firing": [1]}', "[]"):
        (box / "state.json").write_text(state)
        with logged("ERROR") as lines, service(tmp_path, channels={"m": Mailbox()}) as running:
            assert running.service.ask("status", {})["firing"] == []
        assert any("damaged" in line for line in lines)


def test_a_killed_host_is_told_by_the_next_one(tmp_path: Path) -> None:
    """If a rule is about the end of the tree."""
    with hook_server() as (url, hooks):
        channels = {"ops": Webhook(url)}
        first = Running(Alerts(channels=channels, rules=[TreeStopped()], group_wait=0,
                               outbox=tmp_path / "box"))  # fmt: skip
        first.service._outbox.close()  # as the kernel does when a process is killed
        with service(tmp_path, channels=channels, rules=[TreeStopped()]) as running:
            running.service.tick()
            hooks.wait(1)
    assert hooks.bodies[0]["subject"] == "[otpsup] shop: the tree ended without a word"


def test_what_another_host_had_to_tell_is_told_by_the_next(tmp_path: Path) -> None:
    """One that had to take another folder, and was killed: what waited, and what it had written."""
    with hook_server() as (url, hooks):
        given: dict[str, Any] = {"channels": {"ops": Webhook(url)}, "outbox": tmp_path / "box"}
        first = Running(Alerts(rules=RULE, group_wait=3600, **given))
        second = Running(Alerts(rules=RULE, group_wait=3600, **given))
        assert second.service._outbox.folder.name == "box~2"
        first.crash("web-1")
        second.crash("web-2")
        for killed in (second, first):
            killed.service._save()
            killed.service._outbox.close()  # as the kernel does when a process is killed
        with service(tmp_path, channels=given["channels"]) as running:
            running.service.tick()
            hooks.wait(1)
            assert len(running.service.ask("status", {})["firing"]) == 2
    (body,) = hooks.bodies
    assert {alert["path"] for alert in body["alerts"]} == {"web-1", "web-2"}
    with service(tmp_path, channels=given["channels"]) as running:
        assert running.state("ops")["grouping"] == 0


def test_pid_of_the_host(tmp_path: Path) -> None:
    """Where a message comes from is told."""
    with hook_server() as (url, hooks), service(tmp_path, channels={"o": Webhook(url)}) as running:
        running.crash()
        hooks.wait(1)
    assert hooks.bodies[0]["pid"] == os.getpid()
