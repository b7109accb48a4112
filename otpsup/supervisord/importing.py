"""A supervisord.conf or a Procfile as a tree file, with what could not be taken over.

Decides what is left out, and that it is told. What a program becomes, is `tree`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import evolve, frozen

from ..errors import InvalidFile
from ..specs import ChildSpec, Command, Inherit, LogFile, Supervisor
from ..specs.check import shown
from ..specs.output import Output
from ..specs.stdin import NULL, PIPE
from . import procfile
from .conf import Settings, load, one_of_each
from .conf.model import AUTO, Group, Process
from .tree import OURS, tree_of

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
    kept = one_of_each(_absolute(each) for each in settings.groups if each.listening is None)
    tree = _as_written_by_hand(tree_of(evolve(settings, groups=kept, serverurl=None)))
    return Imported(path, tree, (*notes, *_of_settings(settings)))


def _as_written_by_hand(tree: Supervisor) -> Supervisor:
    """Without the group of a program in none, and without what only clients of supervisord use."""
    children: list[ChildSpec] = []
    for group in tree.children:
        assert isinstance(group, Supervisor)
        programs = [_without_ours(each) for each in group.children]
        is_alone = [each.name for each in programs] == [group.name]
        children += programs if is_alone else [evolve(group, children=programs)]
    return evolve(tree, children=children)


def _without_ours(program: ChildSpec) -> Command:
    assert isinstance(program, Command)
    own = {k: v for k, v in program.environment.items() if k not in OURS}
    stdin = NULL if program.stdin == PIPE else program.stdin
    return evolve(
        program,
        environment=own,
        stdin=stdin,
        stdout=_in_lines(program.stdout),
        stderr=_in_lines(program.stderr),
    )


def _in_lines(output: Output) -> Output:
    """No client looks at half a line."""
    return evolve(output, format="raw") if isinstance(output, LogFile | Inherit) else output


def _absolute(group: Group) -> Group:
    """Directories are relative to where supervisord is started, in a tree file to that file."""
    here = Path.cwd()
    processes = (
        each if each.directory is None else evolve(each, directory=str(here / each.directory))
        for each in group.processes
    )
    return evolve(group, processes=tuple(processes))


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
    text = procfile.read(path)
    lines = text.splitlines()
    for number in procfile.passed_over(text):
        line = lines[number - 1].strip()
        yield f"{path}:{number}: {shown(line)} is no `name: command`, and was left out."


def _of_settings(settings: Settings) -> Iterator[str]:
    yield from settings.warnings
    yield from _of_daemon(settings)
    for group in settings.groups:
        yield from _of_group(group)
    yield from _of_auto_logs(settings)
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


def _of_auto_logs(settings: Settings) -> Iterator[str]:
    """All of them at once: there may be two for each program."""
    processes = [p for group in settings.groups if not group.listening for p in group.processes]
    if any(AUTO in (each.stdout.logfile, each.stderr.logfile) for each in processes):
        folder = settings.supervisord.childlogdir
        yield f"Logs that are AUTO are in {folder}, and keep their names from start to start here."
