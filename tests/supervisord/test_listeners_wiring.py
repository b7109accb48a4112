"""`Listeners`: what it is told becomes events, and it wakes up for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from otpsup.supervisord import events
from otpsup.supervisord.conf.model import Group, Listening, Log, Process, Settings, Supervisord
from otpsup.supervisord.listeners import Listeners
from tests.supervisord.listening import listener, program, until


class Told:
    """`Listeners` whose one listener, if there is one, answers at once."""

    def __init__(self, *groups: Group, now: float = 1000.0, **daemon: str | bool) -> None:
        self.now = now
        self.answers = True
        self.sent: list[str] = []
        self.log: list[tuple[str, str]] = []
        settings = Settings(
            file=Path("/dev/null"), groups=groups, supervisord=Supervisord(**daemon)  # type: ignore[arg-type]
        )  # fmt: skip
        self.listeners = Listeners(
            settings, self._write, lambda *said: self.log.append(said), clock=lambda: self.now
        )
        self.taps = {(path, stream): tap for path, stream, tap in self.listeners.taps()}

    def _write(self, path: str, data: bytes) -> None:
        self.sent.append(data.decode())
        if self.answers:
            self.taps[path, "stdout"](7, b"RESULT 2\nOKREADY\n")

    def listen(self) -> None:
        self.listeners.changed("l/l", "STOPPED", "STARTING")
        self.listeners.changed("l/l", "STARTING", "RUNNING", pid=7)
        self.taps["l/l", "stdout"](7, b"READY\n")

    def listen_silently(self) -> None:
        self.answers = False
        self.listen()

    def has_sent(self, count: int) -> bool:
        return len(self.sent) == count

    def names(self) -> list[str]:
        """The types of what was sent."""
        return [header(sent)["eventname"] for sent in self.sent]


def header(sent: str) -> dict[str, str]:
    return dict(word.split(":", 1) for word in sent.partition("\n")[0].split())


def on_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(test(), 20)

    asyncio.run(run())


def test_each_change_of_a_process_is_told() -> None:
    """With the state that it comes from, and with what belongs to the new one. The listener's own
    changes are told as well."""

    async def test() -> None:
        told = Told(listener("l", "PROCESS_STATE", buffer_size=99), program("web"))
        told.listen()
        change = told.listeners.changed
        change("web/web", "STOPPED", "STARTING")
        change("web/web", "STARTING", "BACKOFF", pid=8, tries=1)
        change("web/web", "BACKOFF", "FATAL")
        change("web/web", "STARTING", "RUNNING", pid=9)
        change("web/web", "RUNNING", "EXITED", pid=9, expected=False)
        change("web/web", "RUNNING", "STOPPING", pid=9)
        change("web/web", "STOPPING", "STOPPED", pid=9)
        change("nobody/nobody", "STOPPING", "STOPPED", pid=9)
        await until(lambda: len(told.sent) == 9)
        assert [sent.partition("\n")[2] for sent in told.sent] == [
            "processname:l groupname:l from_state:STOPPED tries:0",
            "processname:l groupname:l from_state:STARTING pid:7",
            "processname:web groupname:web from_state:STOPPED tries:0",
            "processname:web groupname:web from_state:STARTING tries:1",
            "processname:web groupname:web from_state:BACKOFF",
            "processname:web groupname:web from_state:STARTING pid:9",
            "processname:web groupname:web from_state:RUNNING expected:0 pid:9",
            "processname:web groupname:web from_state:RUNNING pid:9",
            "processname:web groupname:web from_state:STOPPING pid:9",
        ]
        assert [header(sent)["eventname"] for sent in told.sent[-3:]] == [
            "PROCESS_STATE_EXITED",
            "PROCESS_STATE_STOPPING",
            "PROCESS_STATE_STOPPED",
        ]

    on_a_loop(test)


def test_serials_are_of_all_pools_and_of_each() -> None:
    """`serial` counts what anybody heard of, `poolserial` what this pool heard of."""

    async def test() -> None:
        told = Told(listener("o", "TICK"), listener("l", "REMOTE_COMMUNICATION"), identifier="me")
        told.listen()
        for _ in range(2):
            told.listeners.notify(events.Event("TICK_5", "when:5"))
            told.listeners.notify(events.supervisor_running())  # nobody's, and not counted
            told.listeners.notify(events.remote_communication("a", "b"))
        await until(lambda: len(told.sent) == 2)
        fields = ("server", "pool", "serial", "poolserial")
        found = [tuple(header(sent)[name] for name in fields) for sent in told.sent]
        assert found == [("me", "l", "1", "0"), ("me", "l", "3", "1")]

    on_a_loop(test)


def test_groups_come_and_go() -> None:
    """Each is told, those of the start too, to the pools that were there before and to its own; a
    pool that is gone gets nothing."""

    async def test() -> None:
        told = Told(program("before"), listener("l", "PROCESS_GROUP"), program("after"))
        told.listen()
        new = listener("m", "PROCESS_GROUP")
        told.listeners.add(new)
        assert [path for path, _, _ in told.listeners.taps([new])] == ["m/m"]
        told.listeners.remove("m")
        told.listeners.notify(events.group_added("x"))
        await until(lambda: len(told.sent) == 5)
        assert [sent.partition("\n")[2] for sent in told.sent] == [
            *("groupname:l\n", "groupname:after\n", "groupname:m\n", "groupname:m\n"),
            "groupname:x\n",
        ]
        assert not list(told.listeners.taps([new]))

    on_a_loop(test)


def timers() -> int:
    """How many timers the loop of this test waits for, besides the test's own deadline."""
    loop = asyncio.get_running_loop()
    return sum(not timer.cancelled() for timer in loop._scheduled) - 1  # type: ignore[attr-defined]


def test_without_ticks_it_sleeps() -> None:
    """There is a timer only while a pool subscribes to ticks."""

    async def test() -> None:
        told = Told(program("web"), listener("l", "PROCESS_STATE"))
        assert timers() == 0
        told.listeners.add(listener("t", "TICK_60"))
        assert timers() == 1
        told.listeners.remove("t")
        assert timers() == 0
        told.listeners.add(listener("t", "EVENT"))
        assert timers() == 1
        told.listeners.close()
        assert timers() == 0

    on_a_loop(test)


def test_ticks_come_by_themselves() -> None:
    """When the clock gets into another period; the next one is waited for then."""

    async def test() -> None:
        told = Told(listener("l", "TICK"), now=3599.98)
        told.listen()
        told.now = 3600.5
        await until(lambda: len(told.sent) == 3)
        assert told.names() == ["TICK_5", "TICK_60", "TICK_3600"]
        assert told.sent[0].endswith("\nwhen:3600")
        assert timers() == 1
        told.listeners.close()

    on_a_loop(test)


def test_a_subscriber_of_long_ticks_sleeps_long() -> None:
    """The timer is for the next tick that somebody hears."""

    async def test() -> None:
        told = Told(listener("l", "TICK_3600"), now=3700.0)
        loop = asyncio.get_running_loop()
        whens = sorted(timer.when() - loop.time() for timer in loop._scheduled)  # type: ignore[attr-defined]
        assert whens[-1] == pytest.approx(3500, abs=1)
        told.listeners.close()

    on_a_loop(test)


def test_output_of_one_that_has_ended_is_nobodys() -> None:
    """It came too late, and the next process must not be taken by its word."""

    async def test() -> None:
        told = Told(listener("l", "REMOTE_COMMUNICATION"))
        told.listen()
        told.listeners.changed("l/l", "RUNNING", "EXITED", pid=7)
        told.listeners.changed("l/l", "EXITED", "STARTING")
        told.taps["l/l", "stdout"](7, b"garbage\n")
        told.listeners.changed("l/l", "STARTING", "RUNNING", pid=8)
        told.taps["l/l", "stdout"](8, b"READY\n")
        told.listeners.notify(events.remote_communication("a", "b"))
        await until(lambda: told.sent)
        assert [text for level, text in told.log if level == "warn"] == []

    on_a_loop(test)


def test_a_listener_that_is_being_stopped_gets_nothing_more() -> None:
    """Although it is READY; what comes meanwhile waits for the next process."""

    async def test() -> None:
        told = Told(listener("l", "REMOTE_COMMUNICATION"))
        told.listen()
        told.listeners.notify(events.remote_communication("a", "1"))
        await until(lambda: told.sent)
        await asyncio.sleep(0)  # its answer, which is READY again, has been heard
        told.listeners.changed("l/l", "RUNNING", "STOPPING", pid=7)
        told.listeners.notify(events.remote_communication("a", "2"))
        assert len(told.sent) == 1
        told.listeners.changed("l/l", "STOPPING", "STOPPED", pid=7)
        told.listeners.changed("l/l", "STOPPED", "STARTING")
        told.listeners.changed("l/l", "STARTING", "RUNNING", pid=8)
        told.taps["l/l", "stdout"](8, b"READY\n")
        await until(lambda: len(told.sent) == 2)

    on_a_loop(test)


def test_who_is_ready_before_it_is_running_gets_what_waits_then() -> None:
    """At once, with nothing else happening."""

    async def test() -> None:
        told = Told(listener("l", "REMOTE_COMMUNICATION"))
        told.listeners.notify(events.remote_communication("a", "1"))
        told.listeners.changed("l/l", "STOPPED", "STARTING")
        told.taps["l/l", "stdout"](7, b"READY\n")
        await asyncio.sleep(0)  # it has been heard
        assert told.sent == []
        told.listeners.changed("l/l", "STARTING", "RUNNING", pid=7)
        assert len(told.sent) == 1

    on_a_loop(test)


def test_an_answer_counts_although_the_end_was_told_first() -> None:
    """What a listener wrote before its end comes from another thread; its event is not sent
    again."""

    async def test() -> None:
        told = Told(listener("l", "REMOTE_COMMUNICATION"))
        told.listen_silently()
        told.listeners.notify(events.remote_communication("a", "1"))
        await until(lambda: told.sent)
        told.listeners.changed("l/l", "RUNNING", "EXITED", pid=7)
        told.listeners.changed("l/l", "EXITED", "STARTING")
        for data in (b"RESULT 2\nO", b"K", b""):
            told.taps["l/l", "stdout"](7, data)
        told.listeners.notify(events.remote_communication("a", "2"))
        told.listeners.changed("l/l", "STARTING", "RUNNING", pid=8)
        told.taps["l/l", "stdout"](8, b"READY\n")
        await until(lambda: len(told.sent) == 2)
        assert [sent[-1] for sent in told.sent] == ["1", "2"]
        assert timers() == 0

    on_a_loop(test)


@pytest.mark.parametrize("last_words", [[], [b"RESULT 2\nO"], [b"RESULT 2\nO", b""]])
def test_what_was_not_answered_comes_back_first(last_words: list[bytes]) -> None:
    """When the output is over, when the next process says something, or soon after; before
    anything that happened meanwhile."""

    async def test() -> None:
        told = Told(listener("l", "REMOTE_COMMUNICATION"))
        told.listen_silently()
        told.listeners.notify(events.remote_communication("a", "1"))
        await until(lambda: told.sent)
        told.listeners.changed("l/l", "RUNNING", "EXITED", pid=7)
        told.listeners.notify(events.remote_communication("a", "2"))
        for data in last_words:
            told.taps["l/l", "stdout"](7, data)
        told.listeners.changed("l/l", "EXITED", "STARTING")
        told.listeners.changed("l/l", "STARTING", "RUNNING", pid=8)
        for data in (b"READY\n", b"RESULT 2\nOKREADY\n"):
            told.taps["l/l", "stdout"](8, data)
        await until(lambda: len(told.sent) == 3)
        assert [sent[-1] for sent in told.sent] == ["1", "1", "2"]

    on_a_loop(test)


@pytest.mark.parametrize("is_early", [True, False])
def test_once_its_output_is_over_nobody_waits(is_early: bool) -> None:
    """Whether that is heard of before the end of the process or after it. A later process may have
    the same pid."""

    async def test() -> None:
        told = Told(listener("l", "REMOTE_COMMUNICATION"))
        told.listen_silently()
        for number in range(3):
            told.listeners.notify(events.remote_communication("a", str(number)))
            await until(partial(told.has_sent, number + 1))
            over = (b"RESULT 2\nOK", b"")
            for data in over if is_early else ():
                told.taps["l/l", "stdout"](7, data)
            await asyncio.sleep(0)  # that has been heard
            told.listeners.changed("l/l", "RUNNING", "EXITED", pid=7)
            assert timers() == (0 if is_early else 1)
            for data in () if is_early else over:
                told.taps["l/l", "stdout"](7, data)
            await asyncio.sleep(0)
            assert timers() == 0
            told.listen()
        assert [sent[-1] for sent in told.sent] == ["0", "1", "2"]

    on_a_loop(test)


def test_a_process_that_says_nothing_more_is_not_waited_for_long() -> None:
    """Another listener of the pool gets its event, although somebody holds its output open."""

    async def test() -> None:
        told = Told(listener("l", "REMOTE_COMMUNICATION", count=2))
        told.answers = False
        for name, pid in (("l/l_0", 7), ("l/l_1", 8)):
            told.listeners.changed(name, "STOPPED", "STARTING")
            told.listeners.changed(name, "STARTING", "RUNNING", pid=pid)
        told.taps["l/l_0", "stdout"](7, b"READY\n")
        told.listeners.notify(events.remote_communication("a", "1"))
        await until(lambda: told.sent)
        told.taps["l/l_1", "stdout"](8, b"READY\n")
        told.listeners.changed("l/l_0", "RUNNING", "EXITED", pid=7)
        await until(lambda: len(told.sent) == 2)
        assert told.sent[0] == told.sent[1]
        assert timers() == 0

    on_a_loop(test)


def test_streams_that_need_no_tap_have_none() -> None:
    """Output that is only logged takes no way round."""

    async def test() -> None:
        capturing, merged = Log(capture_maxbytes=9), Log(events_enabled=True)
        both = Process(name="both", section="program:both", command="", stderr=capturing)
        one = Process(
            name="one", section="program:one", command="", redirect_stderr=True, stderr=merged
        )
        group = Group(name="g", processes=(both, one))
        told = Told(program("plain"), group, listener("l", "TICK", stderr=capturing))
        assert list(told.taps) == [("g/both", "stderr"), ("l/l", "stdout"), ("l/l", "stderr")]
        told.listeners.close()
        stripping = Told(program("plain"), strip_ansi=True)
        assert list(stripping.taps) == [("plain/plain", "stdout"), ("plain/plain", "stderr")]

    on_a_loop(test)


def test_a_listeners_output_is_logged_as_it_is() -> None:
    """The protocol too, as supervisord logs it; without escapes if they go."""

    async def test() -> None:
        told = Told(listener("l", "TICK"), strip_ansi=True)
        assert told.taps["l/l", "stdout"](7, b"\x1b[1mREADY\n") == b"READY\n"
        told.listeners.close()

    on_a_loop(test)


def test_a_handler_that_is_not_there_is_told_at_once() -> None:
    """Before anything is started."""

    async def test() -> None:
        listening = Listening(events=("TICK",), result_handler="no:such")
        with pytest.raises(ImportError):
            Told(Group(name="l", listening=listening))

    on_a_loop(test)


def test_a_tap_after_the_loop_has_ended_harms_nobody() -> None:
    """The thread of the output may outlive the loop by a little."""
    kept: list[Told] = []

    async def test() -> None:
        kept.append(Told(listener("l", "PROCESS_LOG"), program("p", Log(events_enabled=True))))

    on_a_loop(test)
    assert kept[0].taps["l/l", "stdout"](7, b"READY\n") == b"READY\n"
    assert kept[0].taps["p/p", "stdout"](8, b"text") == b"text"
