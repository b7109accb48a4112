"""A supervisord.conf or a Procfile as a tree file, with what could not be taken over.

Decides what is left out, and that it is told. What a program becomes, is `tree`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import evolve, frozen

from ..errors import InvalidFile
from ..specs import Supervisor
from . import procfile
from .conf import Settings, load, one_of_each
from .conf.model import AUTO, Group, Process
from .tree import tree_of

_PART = ".ini file does not include supervisord section"
_OURS = "supervisor.rpcinterface:make_main_rpcinterface"


@frozen
class Imported:
    """What a file became.

    Attributes:
        source: the file that it was.
        notes: what has no equivalent and was left out, a sentence each.
    """

    source: Path
    tree: Supervisor
    notes: tuple[str, ...]


def imported(path: Path, environ: Mapping[str, str] | None = None) -> Imported:
    """The tree that means what a file means: a Procfile if its name begins so, else supervisord's.

    Users and directories need not be on this machine: the tree may be for another one.

    Args:
        environ: for `%(ENV_X)s`, which are replaced now; that of this process if not given.

    Raises:
        InvalidFile: what is wrong with it.
        InvalidSpec: a name or value that a tree file cannot have, such as signal 0.
    """
    if path.name.startswith("Procfile"):
        return Imported(path, procfile.tree_of(path), tuple(_of_procfile(path)))
    settings, notes = _settings(path, environ)
    kept = one_of_each(group for group in settings.groups if group.listening is None)
    tree = tree_of(evolve(settings, groups=kept, serverurl=None))
    return Imported(path, tree, (*notes, *_of_settings(settings)))


def text_of(found: Imported) -> str:
    """The tree file, YAML; what was left out stands at its top."""
    import yaml  # takes its time

    from ..config.dump import dump_tree

    head = [f"# Made from {found.source} by `otpsup import`.", *map(_comment, found.notes)]
    document = dump_tree(found.tree)
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return "\n".join([*head, "", body])


def _comment(note: str) -> str:
    return "# - " + note.replace("\n", "\n#   ").replace("\r", " ")


def _settings(path: Path, environ: Mapping[str, str] | None) -> tuple[Settings, list[str]]:
    """A file without `[supervisord]` is read as one that another file includes."""
    try:
        return load(path, environ, strict=False), []
    except InvalidFile as error:
        if error.problems[0].text != _PART:
            raise
    note = "There is no [supervisord] in it: read as a file that another one includes."
    return load(path, environ, strict=False, part=True), [note]


def _of_procfile(path: Path) -> Iterator[str]:
    for number in procfile.passed_over(procfile.read(path)):
        yield f"Line {number} is no `name: command`, and was left out."


def _of_settings(settings: Settings) -> Iterator[str]:
    yield from settings.warnings
    yield from _of_daemon(settings)
    for group in settings.groups:
        yield from _of_group(group)
    for section, options in settings.ignored.items():
        what = options if isinstance(options, str) else f"{', '.join(options)} ignored"
        yield f"[{section}]: {what}, as by supervisord."


def _of_daemon(settings: Settings) -> Iterator[str]:
    daemon = settings.supervisord
    for server in settings.servers:
        yield (
            f"[{server.section}] was left out: a tree file has no XML-RPC. supervisorctl and its "
            "like need `otpsup run -c` with the file itself."
        )
    for interface in settings.rpcinterfaces:
        if interface.factory != _OURS:
            yield f"[rpcinterface:{interface.name}] was left out: plugins need supervisord itself."
    if daemon.user is not None:
        yield f"[supervisord] user={daemon.user} was left out: run the tree as that user."
    if daemon.directory is not None:
        yield f"[supervisord] directory={daemon.directory} was left out: run the tree from there."


def _of_group(group: Group) -> Iterator[str]:
    if group.listening is not None:
        section = group.processes[0].section if group.processes else f"eventlistener:{group.name}"
        yield (
            f"[{section}] was left out: a tree file has no event listeners; `otpsup run -c` with "
            "the file itself has them."
        )
        return
    for process in {each.section: each for each in group.processes}.values():
        yield from _of_process(process)


def _of_process(process: Process) -> Iterator[str]:
    told = f"[{process.section}]"
    for stream, log in (("stdout", process.stdout), ("stderr", process.stderr)):
        if log.capture_maxbytes:
            yield f"{told} {stream}_capture_maxbytes was left out: there is no capture mode."
        if log.events_enabled:
            yield f"{told} {stream}_events_enabled was left out: there are no log events."
        if log.syslog:
            yield f"{told} {stream}_syslog was left out: there is no log in syslog."
        if log.logfile == AUTO:
            yield f"{told} {stream}_logfile is AUTO: it keeps its name from start to start here."
