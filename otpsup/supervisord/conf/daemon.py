"""`[supervisord]`, and `[rpcinterface:x]`."""

from __future__ import annotations

import tempfile

from . import words
from .files import Files
from .machine import Machine
from .model import RpcInterface, Supervisord
from .section import Section

SECTION = "supervisord"
FACTORY = "supervisor.rpcinterface_factory"


def supervisord(files: Files, machine: Machine) -> Supervisord:
    """The daemon's own options. Its environment is added to the names of `files`.

    Raises:
        Wrong: there is no such section, or an option is wrong.
    """
    if SECTION not in files.sections:
        raise ValueError(".ini file does not include supervisord section")
    section = Section(files, SECTION, {"here": files.here})
    found = _options(section, machine)
    files.names |= {f"ENV_{name}": value for name, value in found.environment.items()}
    return found


def _options(section: Section, machine: Machine) -> Supervisord:
    """In the order in which supervisord reads them, since it tells the first error only."""
    return Supervisord(
        minfds=section.value("minfds", words.integer, 1024),
        minprocs=section.value("minprocs", words.integer, 200),
        directory=section.if_given("directory", machine.directory),
        user=section.optional("user"),
        umask=section.value("umask", words.octal, "022"),
        logfile=section.value("logfile", machine.file, "supervisord.log"),
        logfile_maxbytes=section.value("logfile_maxbytes", words.size, "50MB"),
        logfile_backups=section.value("logfile_backups", words.integer, 10),
        loglevel=section.value("loglevel", words.level, "info"),
        pidfile=section.value("pidfile", machine.file, "supervisord.pid"),
        identifier=section.text("identifier", "supervisor"),
        nodaemon=section.value("nodaemon", words.boolean, "false"),
        silent=section.value("silent", words.boolean, "false"),
        childlogdir=section.value("childlogdir", machine.directory, tempfile.gettempdir()),
        nocleanup=section.value("nocleanup", words.boolean, "false"),
        strip_ansi=section.value("strip_ansi", words.boolean, "false"),
        environment=_environment(section),
    )


def _environment(section: Section) -> dict[str, str]:
    """Expanded twice, and only the second time with the name of the host (so in 4.3.0, #1441)."""
    once = section.text("environment")
    files = section.files
    names = {"here": files.here, "host_node_name": files.host} | files.names
    twice = section.convert(
        "environment", lambda text: words.expand(text, names, "environment"), once
    )
    return section.convert("environment", words.pairs, twice)


def rpc_interfaces(files: Files) -> tuple[RpcInterface, ...]:
    """Those that are asked for.

    What they name is not imported: it is supervisord's own, or a plugin for its inside.

    Raises:
        Wrong: one names no factory.
    """
    named = [each for each in files.sections if each.startswith("rpcinterface:")]
    return tuple(_rpc_interface(Section(files, each, {})) for each in named)


def _rpc_interface(section: Section) -> RpcInterface:
    factory = section.optional(FACTORY)
    if factory is None:
        raise section.wrong(f"section [{section.name}] does not specify a {FACTORY}")
    options = section.files.parser.options(section.name)
    return RpcInterface(
        name=section.name.split(":", 1)[1],
        factory=factory,
        arguments={each: section.text(each) for each in options if each != FACTORY},
    )
