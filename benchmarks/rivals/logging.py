"""Who writes the output of programs into files: each of them set to rotate at 10 MB, as far as it
can. All files are below `logs` in the folder of the rival."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from .. import places
from .rival import Launch, Program, Rival

LIMIT = 10_000_000
"""Bytes of a file."""
KEPT = 50
"""Files that are kept: all, for every line is looked up."""


@frozen
class Logger:
    """A way to write output into files.

    Attributes:
        share: of the bytes of the fast ones that it is given, so that it takes as long as they.
        note: what is different about it.
    """

    rival: Rival
    share: float = 1.0
    note: str = ""


def logs(folder: Path) -> Path:
    """Where all files are; made."""
    place = folder / "logs"
    place.mkdir()
    return place


def _cat(programs: Sequence[Program], folder: Path) -> Launch:
    place = logs(folder)
    pipes = [
        f"{shlex.join(program.argv)} | cat > {shlex.quote(str(place / program.name))} &"
        for program in programs
    ]
    return Launch(["sh", "-c", " ".join([*pipes, "wait"])])


def _copy_loop(programs: Sequence[Program], folder: Path) -> Launch:
    loop = str(places.NATIVE / "copy_loop.py")
    return Launch([places.python(), loop, str(logs(folder)), *(" ".join(p.argv) for p in programs)])


_HOST = f"""\
import json, sys
from otpsup import Command, LogFile, Supervisor, run
children = [
    Command(name, argv, stdout=LogFile(f"logs/{{name}}.log", max_bytes={LIMIT}, backups={KEPT}))
    for name, argv in json.load(open("programs.json"))
]
sys.exit(run(Supervisor("bench", children=children)))
"""


def _otpsup(programs: Sequence[Program], folder: Path) -> Launch:
    logs(folder)
    named = [[program.name, list(program.argv)] for program in programs]
    (folder / "programs.json").write_text(json.dumps(named))
    (folder / "host.py").write_text(_HOST)
    return Launch([places.python(), "host.py"])


_SUPERVISORD = """\
[supervisord]
nodaemon=true
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
"""
_PROGRAM = f"""
[program:{{name}}]
command={{command}}
startsecs=0
stdout_logfile=%(here)s/logs/{{name}}
stdout_logfile_maxbytes={LIMIT}
stdout_logfile_backups={KEPT}
"""


def _supervisord(programs: Sequence[Program], folder: Path) -> Launch:
    logs(folder)
    parts = [_PROGRAM.format(name=each.name, command=shlex.join(each.argv)) for each in programs]
    (folder / "supervisord.conf").write_text(_SUPERVISORD + "".join(parts))
    return Launch(["supervisord", "-c", str(folder / "supervisord.conf")])


_CIRCUS = """\
[circus]
endpoint = ipc://{folder}/endpoint
pubsub_endpoint = ipc://{folder}/pubsub
"""
_WATCHER = f"""
[watcher:{{name}}]
cmd = {{cmd}}
args = {{args}}
stdout_stream.class = FileStream
stdout_stream.filename = {{log}}
stdout_stream.max_bytes = {LIMIT}
stdout_stream.backup_count = {KEPT}
"""


def _circus(programs: Sequence[Program], folder: Path) -> Launch:
    place = logs(folder)
    parts = [
        _WATCHER.format(
            name=each.name, cmd=each.argv[0], args=shlex.join(each.argv[1:]), log=place / each.name
        )
        for each in programs
    ]
    (folder / "circus.ini").write_text(_CIRCUS.format(folder=folder) + "".join(parts))
    return Launch(["circusd", str(folder / "circus.ini")])


_PM2 = places.RIVALS / "node_modules/pm2"
_PM2_START = """\
(until [ -S home/rpc.sock ]; do sleep 0.02; done; exec pm2 start apps.json) >client.log 2>&1 &
exec node {daemon}
"""


def _pm2(programs: Sequence[Program], folder: Path) -> Launch:
    place = logs(folder)
    (folder / "home").mkdir()
    apps = [
        {
            "name": each.name,
            "script": each.argv[0],
            "args": list(each.argv[1:]),
            "interpreter": "none",
            "out_file": str(place / each.name),
            "error_file": "/dev/null",
        }
        for each in programs
    ]
    (folder / "apps.json").write_text(json.dumps({"apps": apps}))
    env = {"PM2_HOME": str(folder / "home"), "PM2_DISCRETE_MODE": "true"}
    return Launch(["sh", "-c", _PM2_START.format(daemon=_PM2 / "lib/Daemon.js")], env)


def _erlang(programs: Sequence[Program], folder: Path) -> Launch:
    logs(folder)
    terms = [f"{{{program.name}, {json.dumps(list(program.argv))}}}.\n" for program in programs]
    (folder / "programs.terms").write_text("".join(terms))
    place = places.compiled_erlang("logs")
    run = ["-run", "logs", "main", "programs.terms"]
    return Launch(["erl", "-noshell", "-noinput", "-pa", place, *run])


def _s6_log(programs: Sequence[Program], folder: Path) -> Launch:
    return _piped(programs, logs(folder), f"s6-log n{KEPT} s{LIMIT}")


def _svlogd(programs: Sequence[Program], folder: Path) -> Launch:
    place = logs(folder)
    for program in programs:
        (place / program.name).mkdir()
        (place / program.name / "config").write_text(f"s{LIMIT}\nn{KEPT}\n")
    return _piped(programs, place, "svlogd")


def _piped(programs: Sequence[Program], place: Path, logger: str) -> Launch:
    """A logger of its own for each, as their supervisors arrange it."""
    pipes = [
        f"{shlex.join(program.argv)} | {logger} {shlex.quote(str(place / program.name))} &"
        for program in programs
    ]
    return Launch(["sh", "-c", " ".join([*pipes, "wait"])])


CAT = Logger(Rival("cat > file", _cat, kind="limit", needs="cat"), note="no rotation")
COPY_LOOP = Logger(Rival("read and write in Python", _copy_loop, kind="bare loop"))
OTPSUP = Logger(Rival("otpsup", _otpsup, kind="otpsup"))

SUPERVISORD = Logger(Rival("supervisord", _supervisord, needs="supervisord"))
CIRCUS = Logger(Rival("circus", _circus, needs="circusd"), share=0.1)
PM2 = Logger(Rival("pm2", _pm2, needs="pm2"), share=0.1, note="no rotation")
S6_LOG = Logger(Rival("s6-log", _s6_log, needs="s6-log"), share=0.3)
SVLOGD = Logger(Rival("svlogd (runit)", _svlogd, needs="svlogd"), share=0.2)
ERLANG = Logger(Rival("Erlang/OTP", _erlang, needs="erlc"), note="a gen_server of ours")

LOGGERS: tuple[Logger, ...] = (
    CAT, COPY_LOOP, OTPSUP, SUPERVISORD, ERLANG, S6_LOG, PM2, SVLOGD, CIRCUS,
)  # fmt: skip
"""honcho is not among them: it writes no files."""
