"""A configuration as a whole, read in the order in which supervisord finds errors."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping

from ...errors import InvalidFile, Problem
from . import lines
from .daemon import SECTION, rpc_interfaces, supervisord
from .files import Files, Wrong
from .groups import Groups
from .machine import Machine
from .model import Settings
from .passed import passed_over
from .processes import Reader
from .servers import server_url, servers


def load(
    path: str | os.PathLike[str],
    environ: Mapping[str, str] | None = None,
    *,
    cwd: str | os.PathLike[str] | None = None,
    hostname: str | None = None,
    strict: bool = True,
    part: bool = False,
) -> Settings:
    """What a supervisord.conf says. Starts nothing, imports nothing that it names.

    Args:
        path: of the main file; what it includes is read, too.
        environ: for `%(ENV_X)s` and `~`; that of this process if not given.
        cwd: what relative paths are relative to; the current folder if not given.
        hostname: for `%(host_node_name)s`; of this machine if not given.
        strict: whether the users and directories that are named must be here, as supervisord wants
            it of some of them.
        part: whether the file is one that a main file is to include: it needs no `[supervisord]`.

    Raises:
        InvalidFile: what supervisord finds wrong first, in its own words, as the only one of
            `problems`; with file and line, where they can be known.
    """
    environ = os.environ if environ is None else environ
    where = os.path.join(os.getcwd(), os.fspath(cwd or ""))
    files = _files(os.fspath(path), where, environ, hostname or platform.node())
    try:
        return _settings(files, Machine(environ, where, strict), part)
    except Exception as error:
        if not isinstance(error, ValueError):
            raise
        raise _invalid(files, error) from None


def _files(path: str, cwd: str, environ: Mapping[str, str], host: str) -> Files:
    here = os.path.normpath(os.path.join(cwd, os.path.dirname(path)))
    names = {f"ENV_{name}": value for name, value in environ.items()}
    return Files(path=path, here=here, names=names, host=host)


def _settings(files: Files, machine: Machine, part: bool) -> Settings:
    files.read_part() if part else files.read()
    daemon = supervisord(files, machine)
    interfaces = rpc_interfaces(files)
    reader = Reader(files, machine, dict(daemon.environment))
    groups = Groups(files, machine, reader).all()
    found = servers(files, machine)
    if daemon.user is not None:
        _check_user(machine, daemon.user)
    return Settings(
        file=files.absolute,
        supervisord=daemon,
        groups=groups,
        servers=found,
        rpcinterfaces=interfaces,
        serverurl=server_url(found),
        warnings=tuple(files.warnings),
        infos=tuple(files.infos),
        ignored=passed_over(files),
    )


def _check_user(machine: Machine, user: str) -> None:
    """Last of all, since supervisord looks at it only when it has read everything."""
    try:
        machine.user(user)
    except ValueError as error:
        raise Wrong(str(error), SECTION, "user") from None


def _invalid(files: Files, error: ValueError) -> InvalidFile:
    section, option = getattr(error, "section", ""), getattr(error, "option", "")
    file, line = getattr(error, "file", ""), getattr(error, "line", 0)
    if section:
        file, line = lines.find([files.path, *files.included], section, option)
    name = ".".join(each for each in (section, option) if each)
    return InvalidFile.of([Problem(file or files.path, line, 1 if line else 0, name, str(error))])
