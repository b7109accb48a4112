"""`otpsup run -c supervisord.conf`: one daemon after the other in this process, until it is to end.

It stays in the foreground, as with `nodaemon=true`: who starts it (systemd, a container, a shell
with `&`) decides where it runs.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import loguru
from attrs import evolve

from ..engine.effects import Halt
from ..errors import OtpsupError
from ..program import EXIT_CODES
from ..runtime.environment import hold_standard_descriptors
from . import setup
from .conf import load, one_of_each
from .conf.model import Settings, Supervisord
from .daemon import Daemon
from .listeners import handlers
from .mainlog import Echo, MainLog
from .members import clear_auto_logs
from .states import Mood

BAD_CONFIGURATION = 2
"""What it exits with if the file, or what it asks for, cannot be had; as supervisord does."""


def run(file: Path, name: str | None = None) -> NoReturn:
    """Be the daemon that this file describes: blocks until it is told to end.

    Args:
        file: a supervisord.conf.
        name: of the tree, for `otpsup`; the identifier, or what the file is called without `.conf`.

    Raises:
        SystemExit: always; 0 if it was told to end.
        InvalidFile: there is something wrong with the file.
        CannotRun, CannotServe, NoWebServer: what it asks for cannot be had.
    """
    hold_standard_descriptors()
    loguru.logger.enable("otpsup")
    reader = _Reader(dict(os.environ), Path.cwd())
    settings = reader.read(file.absolute())
    setup.become(settings.supervisord)
    mood, halt = _live(settings, name, reader)
    while mood is Mood.RESTARTING and halt.kind == "stopped":
        settings = reader.read(file.absolute())
        mood, halt = _live(settings, name, reader)
    raise SystemExit(EXIT_CODES[halt.kind])


class _Reader:
    """Reads files as at the start, wherever the daemon has gone since."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ = environ
        self._folder = folder

    def read(self, file: Path) -> Settings:
        """The settings of a file, all paths of them absolute."""
        settings = load(file, self._environ, cwd=self._folder)
        handlers.check(settings)
        return evolve(
            settings,
            supervisord=self._absolute(settings.supervisord),
            groups=one_of_each(settings.groups),
        )

    def _absolute(self, of: Supervisord) -> Supervisord:
        is_file = of.logfile.lower() not in ("syslog", "none", "off", "")
        return evolve(
            of,
            logfile=str(self._folder / of.logfile) if is_file else of.logfile,
            pidfile=str(self._folder / of.pidfile),
            childlogdir=str(self._folder / of.childlogdir),
            directory=None if of.directory is None else str(self._folder / of.directory),
        )


def _live(settings: Settings, name: str | None, reader: _Reader) -> tuple[Mood, Halt]:
    """One life."""
    echo = None if settings.supervisord.silent else Echo(sys.stdout)
    log = MainLog(settings.supervisord, echo.write if echo else None)
    sink = loguru.logger.add(log.from_loguru, format="{message}", filter=_is_no_news)
    try:
        _begin(settings, log)
        return asyncio.run(_alive(settings, log, name or _name(settings), reader))
    except (OtpsupError, OSError) as error:
        log.critical(str(error))
        raise
    finally:
        loguru.logger.remove(sink)
        log.close()
        if echo:
            echo.close()


async def _alive(settings: Settings, log: MainLog, name: str, reader: _Reader) -> tuple[Mood, Halt]:
    daemon = Daemon(settings, log, name, reader.read)
    halt = await daemon.live()
    return daemon.mood, halt


def _begin(settings: Settings, log: MainLog) -> None:
    for text in settings.warnings:
        log.warn(text)
    for text in settings.infos:
        log.info(text)
    if os.getuid() == 0 and settings.supervisord.user is None:
        log.critical("running as root, and so do all programs without a user= of their own")
    if not settings.supervisord.nocleanup:
        clear_auto_logs(settings, log.warn)


def _name(settings: Settings) -> str:
    identifier = settings.supervisord.identifier
    return settings.file.stem if identifier == Supervisord().identifier else identifier


def _is_no_news(record: loguru.Record) -> bool:
    """What became of processes is in this log already, in supervisord's words."""
    return record["name"] != "otpsup.log"
