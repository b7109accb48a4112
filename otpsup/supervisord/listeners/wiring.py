"""The pools of a configuration with a running tree.

`Listeners` is told what happens (groups, states of processes, anything else as an event) and is
given taps for what processes write; it writes to listeners' stdin. It knows no daemon: what it
needs of one are two functions and an asyncio loop. Everything but the taps is called on that loop.

    listeners = Listeners(settings, write_stdin, log)
    for path, stream, tap in listeners.taps():
        session.tap(path, stream, tap)
    listeners.changed("web/web", "STOPPED", "STARTING", tries=0)
    listeners.notify(events.supervisor_running())
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count

from attrs import frozen

from .. import events
from ..conf.model import Group, Process, Settings
from ..events import Channel, Event, Ticks
from . import taps
from .handlers import resolve
from .pool import Pool
from .protocol import Conversation, Log
from .taps import Tap, in_turn

_LINGER = 0.25
"""Seconds in which a listener's last words come after its end, if somebody else holds its output
open."""
_ENDED = ("EXITED", "STOPPED", "BACKOFF", "FATAL", "UNKNOWN")


@frozen
class _Place:
    """Where a process belongs."""

    group: Group
    process: Process


@frozen
class _Leaving:
    """A listener that has ended within an event, while its output is not at its end."""

    pid: int
    pool: Pool
    talk: Conversation
    timer: asyncio.TimerHandle


class Listeners:
    """All pools, and the events that they get.

    Args:
        settings: the groups that are there at first; each is told as added, in their order.
        write_stdin: writes to the process at a path (`group/process`). Raises OSError or
            OtpsupError if that cannot be, and nobody is sent the event then.
        log: the daemon's, called with a level (`error`, `warn`, `info`, `debug`) and a text.
        clock: seconds since 1970.

    Raises:
        ImportError, AttributeError: there is no such `result_handler`.
    """

    def __init__(
        self,
        settings: Settings,
        write_stdin: Callable[[str, bytes], None],
        log: Log,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._write_stdin = write_stdin
        self._log = log
        self._clock = clock
        self._daemon = settings.supervisord
        self._pools: dict[str, Pool] = {}
        self._places: dict[str, _Place] = {}
        self._ended: set[tuple[str, int]] = set()
        self._silent: set[tuple[str, int]] = set()
        self._leaving: dict[str, _Leaving] = {}
        self._serials = count()
        self._ticks = Ticks(clock())
        self._timer: asyncio.TimerHandle | None = None
        for group in settings.groups:
            self.add(group)

    def add(self, group: Group) -> None:
        """A group is there now, none of its processes started."""
        if group.listening is not None:
            self._pools[group.name] = self._pool(group)
        for process in group.processes:
            self._places[f"{group.name}/{process.name}"] = _Place(group, process)
        self._arm()
        self.notify(events.group_added(group.name))

    def _pool(self, group: Group) -> Pool:
        assert group.listening is not None
        return Pool(
            group.name,
            [process.name for process in group.processes],
            group.listening.events,
            buffer_size=group.listening.buffer_size,
            server=self._daemon.identifier,
            handler=resolve(group.listening.result_handler),
            write=lambda process, data: self._write_stdin(f"{group.name}/{process}", data),
            log=self._log,
        )

    def remove(self, name: str) -> None:
        """A group is no longer there; all of its processes had ended."""
        self._pools.pop(name, None)
        gone = [path for path, place in self._places.items() if place.group.name == name]
        for path in gone:
            self._settle(path)
            del self._places[path]
        self._arm()
        self.notify(events.group_removed(name))

    def wants(self, name: str) -> bool:
        """Whether any pool subscribes to events of this type. Safe in any thread."""
        return any(pool.wants(name) for pool in tuple(self._pools.values()))

    def notify(self, event: Event) -> None:
        """Something has happened; whoever waits for that is sent it."""
        self._accept(event)
        self._dispatch()

    def _accept(self, event: Event) -> None:
        subscribed = [pool for pool in self._pools.values() if pool.wants(event.name)]
        if subscribed:
            serial = next(self._serials)
            for pool in subscribed:
                pool.accept(event, serial)

    def _dispatch(self) -> None:
        for pool in self._pools.values():
            pool.dispatch()

    def changed(
        self,
        path: str,
        old: str,
        new: str,
        *,
        pid: int = 0,
        tries: int = 0,
        expected: bool = True,
    ) -> None:
        """A process has got into another of supervisord's states.

        A listener's answer counts although its end is told here before it comes through the tap.

        Args:
            path: `group/process`; an unknown one is nobody's.
            old, new: states, as `RUNNING`.
            pid: of the process, or of the one that just ended; 0 if there was none.
            tries: failed starts in a row.
            expected: whether the exit code was, with EXITED.
        """
        place = self._places.get(path)
        if place is None:
            return
        names = (place.process.name, place.group.name, old)
        event = events.process_state(new, *names, pid=pid, tries=tries, expected=expected)
        self._accept(event)
        pool = self._pools.get(place.group.name)
        if pool is not None:
            self._follow(pool, path, place.process.name, new, pid)
        self._dispatch()

    def _follow(self, pool: Pool, path: str, name: str, state: str, pid: int) -> None:
        """A listener is in this state now."""
        if state == "STARTING":
            pool.started(name)
        elif state == "RUNNING":
            pool.running(name)
        elif state == "STOPPING":
            pool.paused(name)
        elif state in _ENDED:
            self._leave(path, pid, pool, pool.left(name))

    def _leave(self, path: str, pid: int, pool: Pool, talk: Conversation) -> None:
        """A listener has ended: what it had not answered comes back, once its output is over."""
        if not pid or (path, pid) in self._silent:
            self._silent.discard((path, pid))
            pool.forget(talk)
            return
        self._ended.add((path, pid))
        if talk.state == "BUSY":
            timer = self._loop.call_later(_LINGER, self._settle, path)
            self._leaving[path] = _Leaving(pid, pool, talk, timer)

    def _settle(self, path: str) -> None:
        """Wait no longer for what a listener may have said before its end."""
        leaving = self._leaving.pop(path, None)
        if leaving is not None:
            leaving.timer.cancel()
            leaving.pool.forget(leaving.talk)
            leaving.pool.dispatch()

    def _hear(self, path: str, pid: int, data: bytes) -> None:
        """A listener wrote this, or nothing: then its output is over."""
        place = self._places.get(path)
        if (path, pid) in self._ended:
            self._hear_late(path, pid, data)
        elif place is not None and not data:
            self._silent.add((path, pid))
        elif place is not None:
            self._settle(path)
            self._pools[place.group.name].hear(place.process.name, data)
            self._dispatch()

    def _hear_late(self, path: str, pid: int, data: bytes) -> None:
        """A listener that has ended had written this before."""
        leaving = self._leaving.get(path)
        if leaving is not None and leaving.pid == pid:
            leaving.pool.hear_from(leaving.talk, data)
            if not data:
                self._settle(path)
        if not data:
            self._ended.discard((path, pid))

    def taps(self, groups: Iterable[Group] | None = None) -> Iterator[tuple[str, Channel, Tap]]:
        """What is to be set on the streams of processes before they start: path, stream and tap;
        of these groups, or of all. Streams that need none are left out."""
        wanted = None if groups is None else {group.name for group in groups}
        for path, place in list(self._places.items()):
            if wanted is None or place.group.name in wanted:
                yield from self._taps_of(path, place)

    def _taps_of(self, path: str, place: _Place) -> Iterator[tuple[str, Channel, Tap]]:
        channels: tuple[Channel, ...] = ("stdout", "stderr")
        for channel in channels[: 1 if place.process.redirect_stderr else 2]:
            parts = list(self._parts(path, place, channel))
            if parts:
                yield path, channel, in_turn(parts)

    def _parts(self, path: str, place: _Place, channel: Channel) -> Iterator[Tap]:
        strips = self._daemon.strip_ansi
        if place.group.listening is not None and channel == "stdout":
            yield lambda pid, data: self._overheard(path, pid, data)
            yield from taps.of_listener(place.process, strip_ansi=strips)
        else:
            yield from taps.of_program(
                place.process,
                place.group.name,
                channel,
                self._from_thread,
                strip_ansi=strips,
                wants=self.wants,
            )

    def _overheard(self, path: str, pid: int, data: bytes) -> bytes:
        """The tap of a listener's stdout."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody hears any more
            self._loop.call_soon_threadsafe(self._hear, path, pid, data)
        return data

    def _from_thread(self, event: Event) -> None:
        with contextlib.suppress(RuntimeError):  # as above
            self._loop.call_soon_threadsafe(self.notify, event)

    def tick(self, now: float) -> None:
        """Tell the ticks that are due; `now` in seconds since 1970. Its own timer calls this."""
        for event in self._ticks.due(now):
            self.notify(event)

    def _arm(self) -> None:
        """Wake up for the next tick, if anybody listens to it: an idle tree sleeps."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        periods = [period for period in events.PERIODS if self.wants(f"TICK_{period}")]
        delay = events.seconds_to_next(self._clock(), periods)
        if delay is not None:
            self._timer = self._loop.call_later(delay, self._woken)

    def _woken(self) -> None:
        self.tick(self._clock())
        self._arm()

    def close(self) -> None:
        """No more timers."""
        for path in list(self._leaving):
            self._settle(path)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
