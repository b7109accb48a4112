"""Plug-ins on real trees: they hear, ask and answer, and whatever they do, the tree goes on."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import (
    Check,
    Command,
    Consul,
    External,
    InvalidFile,
    InvalidSpec,
    NotFound,
    PluginFailed,
    Supervisor,
    Tree,
    TreeClient,
    UpdateRefused,
    errors,
)
from otpsup.operations import waited
from otpsup.plugins import contained, found, handle, hosting
from otpsup.runtime import plugged
from otpsup.specs.plugin import named
from tests.plugins import rooms
from tests.plugins.rooms import CustomHealthChecker, Diary, Held, Rooms
from tests.support.trees import node, pid, watching
from tests.support.waiting import LONG, until

SLEEP = ["sleep", "1000"]


def tree_of(*plugins: Any, name: str = "test", **options: Any) -> Tree:
    children = [Command("a", SLEEP), Command("b", SLEEP)]
    return Tree(Supervisor(name, children=children, intensity=100, **options), plugins=plugins)


def line(log: list[str], *words: str) -> str:
    """The first line of the log that has all of these."""
    return until(lambda: next((each for each in log if all(w in each for w in words)), ""))


def restarted(tree: Tree, path: str = "a") -> None:
    """Kill a child and see that it comes back."""
    before = pid(tree, path)
    os.kill(before, signal.SIGKILL)
    until(lambda: node(tree, path).state == "running" and pid(tree, path) != before)


# What it hears.


def test_it_hears_everything_in_order_in_its_own_thread() -> None:
    """All that an embedded stream of events hears, from the first to `halt`, and `stop` after."""
    diary = Diary()
    tree = tree_of(diary)
    with tree, watching(tree) as events:
        restarted(tree)
        events.until("a", "running")
        assert diary.ticked.wait(LONG)
    told = [(e.kind, e.path, e.state) for e in diary.events]
    assert told[0] == ("state", "", "starting")
    assert told[-1] == ("halt", "", None)
    stream = [(e.kind, e.path, e.state) for e in events.seen]
    assert str(stream)[1:-1] in str(told)
    assert [diary.calls[0], diary.calls[-1]] == ["start", "stop"]
    (thread,) = diary.threads
    assert thread.name == "otpsup-Diary"
    assert not thread.is_alive()


def test_it_asks_the_tree() -> None:
    """Through the handle that it was started with."""
    diary = Diary()
    with tree_of(diary):
        handle = until(lambda: diary.tree)
        assert until(lambda: handle.status().find("a")).state == "running"
        assert handle.restart("a").state == "running"
        assert handle.name == "test"
    with pytest.raises(errors.NotRunning):
        handle.status()


def test_an_object_with_some_of_the_methods_will_do() -> None:
    """It need not know of otpsup."""

    class Hook:
        def __init__(self) -> None:
            self.kinds: list[str] = []

        def on_event(self, event: Any) -> None:
            self.kinds.append(event.kind)

    hook = Hook()
    with tree_of(hook):
        pass
    assert hook.kinds[-1] == "halt"


def test_a_tree_without_plugins_loads_none() -> None:
    """It pays for nothing."""
    code = (
        "import sys, otpsup\n"
        "with otpsup.Tree(otpsup.Supervisor('t', children=[])): pass\n"
        "print([n for n in sys.modules if n.startswith('otpsup.plugins')])"
    )
    import subprocess

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


# What it does wrong.


def test_what_it_raises_is_told_once_and_harms_nobody(log: list[str]) -> None:
    """With its name, the place, and no secrets; not for each event again."""

    class Broken:
        def on_event(self, event: Any) -> None:
            raise LookupError("no room, password=hunter2")

    diary = Diary()
    with tree_of(Broken(), diary) as tree:
        restarted(tree)
        assert "LookupError: no room" in line(log, "plug-in Broken failed in on_event")
        assert "test_plugins.py" in line(log, "plug-in Broken")
    assert diary.events[-1].kind == "halt"
    assert len([each for each in log if "plug-in Broken" in each]) == 1
    assert "hunter2" not in "".join(log)


def test_what_otpsup_itself_says_is_told_as_it_is(log: list[str]) -> None:
    """Without the name of a class and a place in code: it has what to do in it."""

    class Refused(Diary):
        def start(self, tree: Any) -> None:
            raise InvalidSpec("there is no token in it; make one, password=hunter2")

    with tree_of(Refused()):
        told = line(log, "plug-in Refused failed in start")
    assert told.rstrip("\n").endswith(
        "plug-in Refused failed in start: there is no token in it; make one, password=***; the "
        "tree goes on"
    )


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), RecursionError()])
def test_nothing_that_it_raises_ends_its_thread(error: BaseException, log: list[str]) -> None:
    """Even what ends programs is only its way to fail."""

    class Leaving(Diary):
        def on_event(self, event: Any) -> None:
            super().on_event(event)
            raise error

    plugin = Leaving()
    with tree_of(plugin):
        line(log, "plug-in Leaving failed in on_event", type(error).__name__)
    assert plugin.calls[-1] == "stop"


def test_one_that_hangs_is_named_and_holds_up_nobody(
    log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it hangs, too; when it goes on that is told, and what it was not told."""
    monkeypatch.setattr(contained, "LIMIT", 5)
    monkeypatch.setattr("otpsup.session._LOOK", 0.02)
    held, diary = Held("on_event"), Diary()
    with tree_of(held, diary) as tree:
        assert held.is_held.wait(LONG)
        monkeypatch.setattr(contained, "HANGS", 0.05)  # not before: it is to hang there
        restarted(tree)
        assert "rooms.py" in line(log, "plug-in Held hangs in on_event")
        restarted(tree, "b")
        held.go.set()
        line(log, "plug-in Held goes on: on_event took")
        line(log, "plug-in Held was not told of")
        assert until(lambda: held.losses)[0] > 0
    assert diary.events[-1].kind == "halt"


def test_one_that_does_not_stop_is_left_alone(
    log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the tree waits for it for a while, and says so."""
    monkeypatch.setattr(hosting, "END", 0.05)
    held = Held("stop")
    with tree_of(held):
        pass
    assert "has not stopped within" in line(log, "plug-in Held")
    held.go.set()


def test_one_that_floods_the_tree_with_requests_is_slowed_down(
    log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that answers each event with a request hears of that again, and so on for ever."""
    monkeypatch.setattr(handle, "_BURST", 10.0)
    monkeypatch.setattr(handle, "_RATE", 2.0)

    class Loop(Diary):
        asked = 0

        def on_event(self, event: Any) -> None:
            if self.tree and event.path == "a" and event.state == "running":
                Loop.asked += 1
                self.tree.restart("a")

    with tree_of(Loop()) as tree:
        line(log, "plug-in Loop floods the tree with requests")
        assert Loop.asked >= 10
        restarted(tree, "b")


# What is asked of it.


def test_it_answers_requests_and_pages() -> None:
    """From the host, from a client, and from another plug-in."""
    diary = Diary()
    with tree_of(Rooms(3), diary) as tree, TreeClient.connect("test") as client:
        expected = {"floor": 3, "x": [1, None]}
        assert tree.ask_plugin("Rooms", "floor", {"x": [1, None]}) == expected
        assert client.ask_plugin("Rooms", "floor", {"x": [1, None]}) == expected
        other = until(lambda: diary.tree)
        assert other.ask_plugin("Rooms", "floor") == {"floor": 3}
        assert other.page("/rooms", {"a": "b"}).body == b"floor 3, {'a': 'b'}"
        assert "/rooms" in other.paths
        with pytest.raises(NotFound, match="plug-in 'Rooms' answers no 'ceiling'"):
            client.ask_plugin("Rooms", "ceiling")
        with pytest.raises(NotFound, match="no plug-in 'rooms'; did you mean 'Rooms'"):
            client.ask_plugin("rooms", "floor")
        with pytest.raises(NotFound, match="no plug-in of tree 'test' answers /x"):
            other.page("/x", {})


def test_who_asks_one_that_fails_or_hangs_is_told(
    log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time; and the log has that it hangs, and that it does no more."""
    monkeypatch.setattr(contained, "HANGS", 0.05)
    monkeypatch.setattr("otpsup.session._LOOK", 0.02)

    class Broken(Rooms):
        def ask(self, what: str, fields: Any) -> Any:
            raise ZeroDivisionError("oh")

    held = Held("ask")
    with tree_of(Broken(), held) as tree:
        with pytest.raises(
            PluginFailed, match="plug-in 'Broken' failed in ask\\('x'\\): ZeroDivision"
        ):
            tree.ask_plugin("Broken", "x")
        monkeypatch.setattr(waited, "PATIENCE", 0.1)
        with pytest.raises(PluginFailed, match="plug-in 'Held' has not answered for 0.1 s"):
            tree.ask_plugin("Held", "x")
        restarted(tree)
        line(log, "plug-in Held hangs in ask('x')")
        held.go.set()
        line(log, "plug-in Held goes on: ask('x') took")


# The class of FastBlog's documents.


def test_the_class_from_the_documents_works_as_written() -> None:
    """It looks at every process, with its name and what is known of it."""
    checker = CustomHealthChecker()
    with tree_of(Check(checker, interval=0.02, timeout=10)) as tree:
        until(lambda: {name for name, _ in checker.looked} == {"a", "b"})
        tree.start_child(Command("c", SLEEP))
        until(lambda: "c" in {name for name, _ in checker.looked})
        info = next(info for name, info in checker.looked if name == "a")
        assert info["pid"] == pid(tree, "a")
        assert (info["path"], info["state"], info["restarts"]) == ("a", "running", 0)
        assert info["memory"] > 0
        assert info["processes"] == 1
        assert 0 <= info["uptime"] < 60
        assert node(tree, "a").restarts == 0


def test_the_class_itself_is_made_by_us() -> None:
    """Given without parentheses."""
    made = found.made("x", CustomHealthChecker)
    assert isinstance(made, found.Checker)
    assert isinstance(made.check.what.checker, CustomHealthChecker)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("answer", "why"), [(False, "it returned False"), ("too slow", "too slow")]
)
def test_what_it_says_is_not_well_is_restarted(answer: object, why: str) -> None:
    """As any liveness check."""
    checker = CustomHealthChecker()
    check = Check(checker, interval=0.02, timeout=10, failures=2)
    tree = Tree(Supervisor("test", children=[Command("a", SLEEP)], intensity=100), plugins=[check])
    with tree, watching(tree) as events:
        checker.answer = answer
        reason = events.until("a", kind="child_terminated").reason
        assert reason is not None
        assert reason.startswith("unhealthy: check_health of CustomHealthChecker failed 2 times")
        assert reason.endswith(why)


def test_what_it_raises_is_no_childs_fault(log: list[str]) -> None:
    """Of one that looks at all; of one in a child's own check it is."""
    broken = CustomHealthChecker(OSError("no network"))
    tree = tree_of(Check(broken, interval=0.02, timeout=10, failures=1))
    with tree, watching(tree) as events:
        assert "OSError: no network" in line(log, "plug-in CustomHealthChecker failed in check_h")
        until(lambda: len(broken.looked) > 10)
        assert node(tree, "a").restarts == node(tree, "b").restarts == 0
        look = Check(broken, interval=0.02, timeout=10, failures=1)
        tree.start_child(Command("c", SLEEP, liveness=look))
        assert "OSError: no network" in str(events.until("c", kind="child_terminated").reason)


def test_one_that_hangs_is_no_childs_fault(log: list[str]) -> None:
    """It is named, and no second thread is begun for that child."""
    go = threading.Event()

    class Slow:
        def check_health(self, name: str, info: Any) -> None:
            go.wait(60)

    with tree_of(Check(Slow(), interval=0.02, timeout=0.05, failures=1)) as tree:
        line(log, "plug-in", "Slow hangs")
        restarted(tree)
        assert node(tree, "b").restarts == 0
        go.set()


def test_one_that_hangs_is_asked_about_a_few_at_a_time(log: list[str]) -> None:
    """Not by a thread for each child of a large tree, nor is it said that all is well."""
    go = threading.Event()
    looked: list[str] = []

    class Slow:
        def check_health(self, name: str, info: Any) -> None:
            looked.append(name)
            go.wait(60)

    before = set(threading.enumerate())
    children = [Command(f"c{n}", SLEEP) for n in range(20)]
    spec = Supervisor("test", children=children, intensity=100)
    with Tree(spec, plugins=[Check(Slow(), interval=0.02, timeout=0.05, failures=1)]) as tree:
        until(lambda: len(looked) == plugged.AT_ONCE)
        restarted(tree, "c0")
        names = [thread.name for thread in set(threading.enumerate()) - before]
        assert names.count("otpsup-probe") == plugged.AT_ONCE
        checks = [each for n in range(20) for each in tree.info(f"c{n}")["checks"]]
        assert {each["is_well"] for each in checks} == {None}
        go.set()
        until(lambda: len(set(looked)) == 20)


# Where it comes from.

ENTRY = """
import otpsup
class Watch(otpsup.Plugin):
    def __init__(self, floor): self.floor = floor
    def ask(self, what, fields): return self.floor
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with an entry point, as pip leaves it."""
    (tmp_path / "otpsup_rooms_test.py").write_text(ENTRY)
    info = tmp_path / "rooms-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rooms\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[otpsup.plugins]\nwatch = otpsup_rooms_test:Watch\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("installed")
def test_an_entry_point_is_found_by_its_name(tmp_path: Path) -> None:
    """From Python and from a tree file."""
    with tree_of(External("watch", {"floor": 4})) as tree:
        assert tree.ask_plugin("watch", "x") == 4
    file = tmp_path / "shop.yaml"
    file.write_text("name: shop\nchildren: {}\nplugins:\n  watch: {floor: 5}\n")
    with Tree.from_file(file) as tree:
        assert tree.ask_plugin("watch", "x") == 5


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("wach", "there is no plug-in 'wach'; did you mean 'watch'?"),
        ("rooms.Watch", "did you mean 'rooms:Watch'"),
        ("alert", "did you mean 'alerts'"),
        ("tests.support.waiting:until", "is of type function, and no class"),
        (External("tests.plugins.rooms:CustomHealthChecker", {"interval": "x"}), "interval must"),
        ("no.such.module:X", "cannot be made: ModuleNotFoundError"),
        ("tests.plugins.rooms:Nobody", "cannot be made: AttributeError"),
        (External("watch", {"flor": 1}), "cannot be made: TypeError"),
        (External("watch", {}), "floor"),
        (object(), "is no plug-in: it has none of the methods"),
        (3, "is no plug-in"),
    ],
)
def test_what_cannot_be_made_starts_nothing(given: object, words: str) -> None:
    """It is told before any child runs."""
    tree = tree_of(given)
    with pytest.raises(InvalidSpec, match=words):
        tree.start()
    with pytest.raises(errors.NotRunning):
        tree.status()


def test_names() -> None:
    """A list gets names, of which no two are the same."""
    consul = Consul({"a": 1})
    given = [consul, Consul({"b": 2}), "x:Rooms", Rooms(), External("watch")]
    assert list(named(given)) == ["consul", "consul-2", "Rooms", "Rooms-2", "watch"]
    assert named({"mine": consul}) == {"mine": consul}
    for bad in ("x", 3, {1: consul}, None):
        with pytest.raises(InvalidSpec, match="plugins must be a list, or a mapping from names"):
            named(bad)  # type: ignore[arg-type]


# In tree files.


def test_update_changes_what_has_changed(tmp_path: Path) -> None:
    """And nothing else: what stays is not made anew. `plan` tells beforehand."""
    rooms.SEEN.clear()
    file = tmp_path / "shop.yaml"
    use = "use: tests.plugins.rooms:Rooms"
    head = "name: shop\nchildren: {a: {command: sleep 1000}}\nplugins:\n"
    file.write_text(f"{head}  one: {{{use}, floor: 1}}\n  two: {{{use}, floor: 2}}\n")
    with Tree.from_file(file) as tree:
        until(lambda: len(rooms.SEEN) == 2)
        file.write_text(f"{head}  two: {{{use}, floor: 22}}\n  three: {{{use}, floor: 3}}\n")
        told = [("plugins:one", "stop"), ("plugins:two", "restart"), ("plugins:three", "start")]
        planned = [(c.path, c.action) for c in tree.plan() if c.path.startswith("plugins:")]
        assert planned == told
        assert len(rooms.SEEN) == 2
        done = [(c.path, c.action) for c in tree.update() if c.path.startswith("plugins:")]
        assert done == told
        until(lambda: len(rooms.SEEN) == 6)
        assert tree.ask_plugin("two", "floor") == {"floor": 22}
        with pytest.raises(NotFound):
            tree.ask_plugin("one", "floor")
        assert not [c for c in tree.update() if c.path.startswith("plugins:")]
        file.write_text(f"{head}  two: {{use: tests.plugins.rooms:Nobody}}\n")
        (bad,) = [c for c in tree.plan() if c.path == "plugins:two"]
        assert "plug-in 'two' cannot be made: AttributeError" in (bad.error or "")
        with pytest.raises(UpdateRefused, match="nothing was changed: plug-in 'two' cannot be"):
            tree.update()
        assert tree.ask_plugin("two", "floor") == {"floor": 22}


def test_an_update_begins_to_look_at_what_runs(tmp_path: Path) -> None:
    """A checker that comes later looks at children that were there before."""
    file = tmp_path / "shop.yaml"
    head = "name: shop\nintensity: 100\nchildren: {a: {command: sleep 1000}}\n"
    file.write_text(head)
    with Tree.from_file(file) as tree, watching(tree) as events:
        use = (
            "use: tests.plugins.rooms:CustomHealthChecker, answer: bad, interval: 20ms, timeout: 9s"
        )
        file.write_text(f"{head}plugins: {{look: {{{use}, failures: 1}}}}\n")
        tree.update()
        assert str(events.until("a", kind="child_terminated").reason).endswith("failed: bad")
        file.write_text(head)
        tree.update()
        until(lambda: node(tree, "a").state == "running")


def test_one_that_cannot_be_imported_in_time_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The update is refused, the next one works, and the tree can be stopped."""
    monkeypatch.setattr(waited, "PATIENCE", 0.3)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "otpsup_hangs_test.py").write_text("import time\ntime.sleep(60)\n")
    file = tmp_path / "shop.yaml"
    head = "name: shop\nchildren: {a: {command: sleep 1000}}\n"
    file.write_text(head)
    begun = time.monotonic()
    with Tree.from_file(file) as tree:
        file.write_text(head + "plugins: {bad: {use: 'otpsup_hangs_test:P'}}\n")
        with pytest.raises(UpdateRefused, match="not made within 0.3 s, one of plugins:bad"):
            tree.update()
        monkeypatch.setattr(waited, "PATIENCE", LONG)
        file.write_text(head + "plugins: {good: {use: 'tests.plugins.rooms:Rooms'}}\n")
        tree.update()
        assert tree.ask_plugin("good", "floor") == {"floor": 0}
    assert time.monotonic() - begun < 30


def test_nothing_is_begun_once_the_tree_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update that waits for one that is slow to stop begins no other after the end."""
    monkeypatch.setattr(hosting, "END", 0.2)
    rooms.SEEN.clear()
    before = set(threading.enumerate())
    held = Held("stop")
    file = tmp_path / "shop.yaml"
    head = "name: shop\nchildren: {a: {command: sleep 1000}}\n"
    file.write_text(head + "plugins: {late: {use: 'tests.plugins.rooms:Rooms', floor: 7}}\n")
    tree = Tree(Supervisor("shop", children=[Command("a", SLEEP)]), file=file, plugins=[held])
    with tree:
        monkeypatch.setattr(hosting, "END", 20.0)
        asked = tree.call("update", file=None)
        assert held.is_held.wait(LONG)
        monkeypatch.setattr(hosting, "END", 0.2)
    held.go.set()
    assert isinstance(asked.exception(LONG), errors.NotRunning)
    until(lambda: not {each for each in threading.enumerate() if "plugins" in each.name} - before)
    assert not rooms.SEEN


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[a]", "4:10: plugins: must be a mapping"),
        ("{a: 3}", "4:14: plugins.a: must be a mapping of settings"),
        ("{consul: {services: {a: {prt: 1}}}}", "plugins.consul.services.a.prt"),
        ("{consul: {services: {a: 99999}}}", "plugins.consul.services.a"),
        ("{consul: }", "plugins.consul: 'services' is missing"),
        ("{consul: {services: {a: 1}, address: ftp://x}}", "plugins.consul.address: must be an"),
        ("{a: {use: 3}}", "plugins.a.use: must be the name of a plug-in"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    """Line, column, and what would be right."""
    file = tmp_path / "shop.yaml"
    file.write_text(f"name: shop\nchildren: {{}}\n\nplugins: {text}\n")
    with pytest.raises(InvalidFile) as caught:
        Tree.from_file(file)
    assert words in str(caught.value)


settings = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2), max_size=4)


@given(st.lists(settings, max_size=4))
def test_after_any_changes_just_those_run_that_were_given_last(steps: list[dict[str, int]]) -> None:
    """Each with the settings given last; what did not change is the same object."""

    class Asking:
        name = "t"

        def end(self) -> None:
            pass

    def given_of(step: dict[str, int]) -> dict[str, Any]:
        use = "tests.plugins.rooms:Rooms"
        return {name: External(use, {"floor": floor}) for name, floor in step.items()}

    plugins = hosting.Plugins(Asking(), {}, lambda checks: None)  # type: ignore[arg-type]
    plugins.begin()
    try:
        for step in steps:
            before = {n: each.plugin for n, each in plugins._running.items()}
            floors = {n: each.floor for n, each in before.items()}  # type: ignore[attr-defined]
            given = given_of(step)
            plugins.become(given, plugins.prepare(given).result(LONG)).result(LONG)
            now = {n: each.plugin for n, each in plugins._running.items()}
            assert {n: each.floor for n, each in now.items()} == step  # type: ignore[attr-defined]
            assert all(now[n] is before[n] for n in step if floors.get(n) == step[n])
    finally:
        plugins.end()
