"""Process groups: those of `[group:x]`, and those that a single section is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from attrs import define, field

from . import words
from .files import Files
from .machine import Machine, uid
from .model import FastCgiSocket, Group, Kind, Listening, Process
from .processes import Reader
from .section import Section

_TCP = re.compile(r"tcp://([^\s:]+):(\d+)$")
_DEFAULT_HANDLER = "supervisor.dispatchers:default_handler"


@define(eq=False)
class Groups:
    """Finds all groups. `taken` are the sections that are in a `[group:x]`."""

    files: Files
    machine: Machine
    reader: Reader
    taken: set[str] = field(factory=set)

    def all(self) -> tuple[Group, ...]:
        """In start order: by priority, then by name.

        Raises:
            Wrong: what supervisord finds wrong first.
        """
        found = [*self._named(), *self._programs(), *self._listeners(), *self._fastcgi()]
        return tuple(sorted(found, key=lambda each: (each.priority, each.name)))

    def _sections(self, kind: str) -> Iterator[Section]:
        """The sections of a kind that are in no `[group:x]`."""
        for each in self.files.sections:
            if each.startswith(f"{kind}:") and each not in self.taken:
                yield Section(self.files, each, {"here": self.files.here})

    def _named(self) -> Iterator[Group]:
        for section in self._sections("group"):
            name = _name(section)
            programs = words.strings(section.optional("programs"))
            priority = section.value("priority", words.integer, 999)
            processes = tuple(self._members(section, name, programs))
            yield Group(name=name, priority=priority, processes=processes)

    def _members(self, section: Section, group: str, programs: list[str]) -> Iterator[Process]:
        """Program by program, as listed. A FastCGI program is a plain program here."""
        # supervisord blames the section that it looked at last, which is the program before.
        blamed = section.name
        for program in programs:
            blamed = self._member(section, blamed, program)
            self.taken.add(blamed)
            yield from self.reader.processes(blamed, group, "program")

    def _member(self, section: Section, blamed: str, program: str) -> str:
        there = [
            each
            for each in (f"program:{program}", f"fcgi-program:{program}")
            if each in self.files.sections
        ]
        if not there:
            text = f"[{blamed}] names unknown program or fcgi-program {program}"
            raise section.wrong(text, "programs")
        if len(there) > 1:
            text = f"[{blamed}] name {program} is ambiguous (exists as program and fcgi-program)"
            raise section.wrong(text, "programs")
        return there[0]

    def _single(self, section: Section, name: str, kind: Kind, priority: int) -> Group:
        processes = self.reader.processes(section.name, name, kind)
        return Group(name=name, priority=priority, processes=processes)

    def _programs(self) -> Iterator[Group]:
        for section in self._sections("program"):
            name = _name(section)
            priority = section.value("priority", words.integer, 999)
            yield self._single(section, name, "program", priority)

    def _listeners(self) -> Iterator[Group]:
        for section in self._sections("eventlistener"):
            name = section.name.split(":", 1)[1]
            priority = section.value("priority", words.integer, -1)
            listening = _listening(section)
            group = self._single(section, name, "eventlistener", priority)
            yield Group(
                name=name, priority=priority, processes=group.processes, listening=listening
            )

    def _fastcgi(self) -> Iterator[Group]:
        for section in self._sections("fcgi-program"):
            name = _name(section)
            priority = section.value("priority", words.integer, 999)
            socket = _Socket(section, self.machine).read(name)
            group = self._single(section, name, "fcgi-program", priority)
            yield Group(name=name, priority=priority, processes=group.processes, socket=socket)


def _name(section: Section) -> str:
    return section.convert("", words.name, section.name.split(":", 1)[1])


def _listening(section: Section) -> Listening:
    size = section.value("buffer_size", words.integer, 10)
    if size < 1:
        text = f"[{section.name}] section sets invalid buffer_size ({size})"
        raise section.wrong(text, "buffer_size")
    handler = section.text("result_handler", _DEFAULT_HANDLER)
    events = _events(section)
    if section.value("redirect_stderr", words.boolean, "false"):
        text = (
            f"[{section.name}] section sets redirect_stderr=true but this is not allowed because "
            "it will interfere with the eventlistener protocol"
        )
        raise section.wrong(text, "redirect_stderr")
    return Listening(events=events, buffer_size=size, result_handler=handler)


def _events(section: Section) -> tuple[str, ...]:
    events = dict.fromkeys(each.upper() for each in words.strings(section.text("events")))
    if not events:
        raise section.wrong(f'[{section.name}] section requires an "events" line', "events")
    for each in events:
        if each not in words.EVENTS:
            raise section.wrong(f"Unknown event type {each} in [{section.name}] events", "events")
    return tuple(events)


@define(eq=False)
class _Socket:
    """Reads the socket of a FastCGI program."""

    section: Section
    machine: Machine

    def read(self, name: str) -> FastCgiSocket:
        user = self.section.if_given("user", self.machine.user)
        backlog, owner, mode = self._backlog(), self._owner(), self._mode()
        names = {"program_name": name, "here": self.section.files.here}
        url = Section(self.section.files, self.section.name, names).optional("socket")
        if not url:
            text = f'[{self.section.name}] section requires a "socket" line'
            raise self.section.wrong(text, "socket")
        try:
            return self._of(url, user, backlog, owner, mode)
        except ValueError as error:
            raise self.section.wrong(f"{error} in [{self.section.name}] socket", "socket") from None

    def _backlog(self) -> int | None:
        found = self.section.if_given("socket_backlog", words.integer)
        if found is not None and not 1 <= found <= 65535:
            raise self.section.wrong(f"Invalid socket_backlog value {found}", "socket_backlog")
        return found

    def _owner(self) -> str | None:
        text = self.section.optional("socket_owner")
        if text is not None:
            try:
                self.machine.owner(text)
            except ValueError:
                told = f"Invalid socket_owner value {text}"
                raise self.section.wrong(told, "socket_owner") from None
        return text

    def _mode(self) -> int | None:
        text = self.section.optional("socket_mode")
        try:
            return None if text is None else words.octal(text)
        except ValueError:
            told = f"Invalid socket_mode value {text}"
            raise self.section.wrong(told, "socket_mode") from None

    def _of(
        self, url: str, user: str | None, backlog: int | None, owner: str | None, mode: int | None
    ) -> FastCgiSocket:
        if url.startswith("unix://"):
            path = self._path(url.removeprefix("unix://"))
            owner = owner or self._of_user(user)
            mode = 0o700 if mode is None else mode
            return FastCgiSocket(url=f"unix://{path}", backlog=backlog, owner=owner, mode=mode)
        if owner is not None or mode is not None:
            raise ValueError(
                "socket_owner and socket_mode params should only be used with a Unix domain socket"
            )
        return FastCgiSocket(url=_tcp(url), backlog=backlog)

    def _path(self, path: str) -> str:
        if not os.path.isabs(path):
            # Two arguments, as supervisord gives them to its error: clients see both.
            raise ValueError("Unix socket path %s is not an absolute path", path)
        return self.machine.absolute(path)

    def _of_user(self, user: str | None) -> str | None:
        """The socket belongs to the program's user and that user's group, if it is another one."""
        if user is None or not self.machine.strict:
            return user
        number = uid(user)
        return None if number == os.getuid() else self.machine.both(number)


def _tcp(url: str) -> str:
    match = _TCP.match(url)
    if not match:
        raise ValueError("Bad socket format %s", url)
    return f"tcp://{match[1].lower()}:{words.port(match[2])}"
