"""What a section says of its processes: one, or `numprocs`.

Options are read in supervisord's order, since it tells the first error only. What may differ from
process to process (by `%(process_num)d` or by the section's environment) is read for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve, frozen

from . import words
from .files import Files, Wrong
from .machine import Machine
from .model import AUTO, Kind, Log, LogPath, Process
from .section import Section

SYSLOG = "syslog"
_NO_LOG = ("none", "off")
_NUMBERED = "%(process_num)"


@frozen
class Reader:
    """Reads the processes of sections.

    Attributes:
        environment: of the daemon's section, which every process gets.
    """

    files: Files
    machine: Machine
    environment: dict[str, str]

    def processes(self, name: str, group: str, kind: Kind) -> tuple[Process, ...]:
        """The processes of a section, by priority, then by name.

        Args:
            name: of the section, as `program:web`.
            group: that they are to be in.
            kind: what they are to be; those of an fcgi-program in a `[group:x]` are plain programs.

        Raises:
            Wrong: an option is wrong; the text ends with the section and its file.
        """
        try:
            found = list(self._read(name, group, kind))
        except ValueError as error:
            raise self._in_section(error, name) from None
        return tuple(sorted(found, key=lambda each: (each.priority, each.name)))

    def _in_section(self, error: ValueError, name: str) -> Wrong:
        file = self.files.origin.get(name, self.files.path)
        text = f"{error} in section {name!r} (file: {file!r})"
        return Wrong(text, name, getattr(error, "option", ""))

    def _read(self, name: str, group: str, kind: Kind) -> Iterator[Process]:
        program = words.name(name.split(":", 1)[1])
        names: dict[str, Any] = {
            "here": self.files.here, "program_name": program,
            "host_node_name": self.files.host, "group_name": group,
        }  # fmt: skip
        section = Section(self.files, name, names)
        common, captures, count, start = self._common(section, kind)
        named = _process_name(section, count, common)
        for number in range(start, start + count):
            names |= {"process_num": number, "numprocs": count, **self.files.names}
            yield self._one(section, names, named, evolve(common, number=number), captures)

    def _common(self, section: Section, kind: Kind) -> tuple[Process, _Captures, int, int]:
        """What all its processes share, then how many there are, and from what number."""
        basis = _basis(section, kind)
        count = section.value("numprocs", words.integer, 1)
        start = section.value("numprocs_start", words.integer, 0)
        captures = _Captures.read(section)
        url = section.optional("serverurl")
        common = evolve(
            basis,
            serverurl=None if url and url.strip().upper() == AUTO else url,
            user=section.if_given("user", self.machine.user),
            umask=section.if_given("umask", words.octal),
        )
        return common, captures, count, start

    def _one(
        self,
        section: Section,
        names: dict[str, Any],
        named: str,
        common: Process,
        captures: _Captures,
    ) -> Process:
        own = _environment(section, names)
        names |= {f"ENV_{name}": value for name, value in own.items()}
        directory = section.optional("directory")
        logs = [
            captures.log(stream, _Logs(section, self.machine).read(stream))
            for stream in ("stdout", "stderr")
        ]
        command = section.optional("command")
        return evolve(
            common,
            environment={**self.environment, **own},
            directory=directory,
            stdout=logs[0],
            stderr=self._redirected(section, logs[1]) if common.redirect_stderr else logs[1],
            command=_required(section, command),
            name=_expand(section, named, names, "process_name"),
        )

    def _redirected(self, section: Section, log: Log) -> Log:
        if log.logfile not in (AUTO, None):
            self.files.warnings.append(
                f"For [{section.name}], redirect_stderr=true but stderr_logfile has also been set "
                "to a filename, the filename has been ignored"
            )
        return evolve(log, logfile=None)


def _basis(section: Section, kind: Kind) -> Process:
    group_stop: bool
    return Process(
        name="",
        command="",
        section=section.name,
        kind=kind,
        priority=section.value("priority", words.integer, 999),
        autostart=section.value("autostart", words.boolean, "true"),
        autorestart=section.value("autorestart", words.auto_restart, "unexpected"),
        startsecs=section.value("startsecs", words.integer, 1),
        startretries=section.value("startretries", words.integer, 3),
        stopsignal=section.value("stopsignal", words.signal_number, "TERM"),
        stopwaitsecs=section.value("stopwaitsecs", words.integer, 10),
        stopasgroup=(group_stop := section.value("stopasgroup", words.boolean, "false")),
        killasgroup=section.value("killasgroup", words.boolean, group_stop),
        exitcodes=section.value("exitcodes", words.exit_codes, "0"),
        redirect_stderr=section.value("redirect_stderr", words.boolean, "false"),
    )


def _process_name(section: Section, count: int, common: Process) -> str:
    """As it is written: it is checked before it is expanded, and not after."""
    text = section.raw("process_name", "%(program_name)s")
    named = section.convert("process_name", words.name, text)
    if count > 1 and _NUMBERED not in named:
        told = f"{_NUMBERED} must be present within process_name when numprocs > 1"
        raise section.wrong(told, "process_name")
    if common.stopasgroup and not common.killasgroup:
        raise section.wrong("Cannot set stopasgroup=true and killasgroup=false", "killasgroup")
    return named


def _expand(section: Section, text: str, names: dict[str, Any], option: str) -> str:
    return section.convert(option, lambda each: words.expand(each, names, option), text)


def _environment(section: Section, names: dict[str, Any]) -> dict[str, str]:
    text = _expand(section, section.raw("environment"), names, "environment")
    return section.convert("environment", words.pairs, text)


def _required(section: Section, command: str | None) -> str:
    if command is None:
        raise section.wrong(f"program section {section.name} does not specify a command")
    return command


@frozen
class _Captures:
    """What a section says of both logs for all of its processes alike: capture and events."""

    maxbytes: dict[str, int]
    events: dict[str, bool]

    @classmethod
    def read(cls, section: Section) -> _Captures:
        found = cls({}, {})
        # Read before stdout's and stderr's other options, but after `environment`, which is not
        # expanded there: so errors come in supervisord's order.
        for stream in ("stdout", "stderr"):
            found.maxbytes[stream] = section.value(f"{stream}_capture_maxbytes", words.size, "0")
            found.events[stream] = section.value(f"{stream}_events_enabled", words.boolean, "false")
        return found

    def log(self, stream: str, log: Log) -> Log:
        capture, events = self.maxbytes[stream], self.events[stream]
        return evolve(log, capture_maxbytes=capture, events_enabled=events)


@frozen
class _Logs:
    """Reads what may differ from process to process of their logs."""

    section: Section
    machine: Machine

    def read(self, stream: str) -> Log:
        """The log of one stream; `syslog` for a path is the old way to ask for `_syslog=true`."""
        option = f"{stream}_logfile"
        path = self._path(option)
        log = Log(
            logfile=path,
            backups=self.section.value(f"{option}_backups", words.integer, 10),
            maxbytes=self.section.value(f"{option}_maxbytes", words.size, "50MB"),
            syslog=self.section.value(f"{stream}_syslog", words.boolean, False),
        )
        self._warn(stream, log)
        return evolve(log, logfile=None, syslog=True) if path == SYSLOG else log

    def _path(self, option: str) -> LogPath:
        """It is expanded twice, so that `%%` is a stray `%` the second time."""
        text = self.section.optional(option)
        if text is None:
            return AUTO
        text = _expand(self.section, text, dict(self.section.names), option)
        if text.lower() in _NO_LOG:
            return None
        if text.lower() in (AUTO.lower(), SYSLOG):
            return AUTO if text.lower() == AUTO.lower() else SYSLOG
        return self.section.convert(option, self.machine.file, text)

    def _warn(self, stream: str, log: Log) -> None:
        told = f"For [{self.section.name}], "
        warnings = self.section.files.warnings
        if log.logfile == SYSLOG:
            warnings.append(
                f"{told}{stream}_logfile=syslog but this is deprecated and will be removed.  "
                f"Use {stream}_syslog=true to enable syslog instead."
            )
        if log.logfile == AUTO and not log.maxbytes:
            warnings.append(
                f"{told}AUTO logging used for {stream}_logfile without rollover, set maxbytes > 0 "
                "to avoid filling up filesystem unintentionally"
            )
