"""Any text: our reader and supervisor's own parser take it or refuse it alike, with the same values
or the same words."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otpsup.errors import InvalidFile
from otpsup.supervisord.conf import Settings, load
from otpsup.supervisord.conf.model import Group, HttpServer, Log, Process

real_parser = pytest.importorskip("tests.support.real_parser")

ENVIRON = {
    "HOME": os.environ.get("HOME", "/"),
    "PATH": "/usr/bin:/bin",
    "X": "ex",
    "NUM": "3",
    "EMPTY": "",
    "PERCENT": "100%",
    "DOUBLE": "%(here)s",
    "QUOTE": 'a"b',
    "LIST": "a,b",
    "TRUE": "True",
    "SECRET": "p#w;d ; x",
}
KINDS = {
    "program": "ProcessConfig",
    "fcgi-program": "FastCGIProcessConfig",
    "eventlistener": "EventListenerConfig",
}


def _log(stream: str, log: Log) -> dict[str, Any]:
    return {
        f"{stream}_logfile": log.logfile,
        f"{stream}_logfile_maxbytes": log.maxbytes,
        f"{stream}_logfile_backups": log.backups,
        f"{stream}_capture_maxbytes": log.capture_maxbytes,
        f"{stream}_events_enabled": log.events_enabled,
        f"{stream}_syslog": log.syslog,
    }


def _process(process: Process) -> dict[str, Any]:
    found = {each: getattr(process, each, None) for each in real_parser.PROCESS}
    return found | {
        "uid": real_parser.uid(process.user),
        "exitcodes": list(process.exitcodes),
        "environment": dict(process.environment),
        "autorestart": process.autorestart,
        "stopsignal": process.stopsignal,
        "kind": KINDS[process.kind],
        **_log("stdout", process.stdout),
        **_log("stderr", process.stderr),
    }


def _group(group: Group) -> dict[str, Any]:
    found: dict[str, Any] = {"name": group.name, "priority": group.priority}
    found["processes"] = [_process(each) for each in group.processes]
    if group.listening:
        found["events"] = sorted(group.listening.events)
        found["buffer_size"] = group.listening.buffer_size
        found["handler"] = group.listening.result_handler
    if group.socket:
        socket = group.socket
        found["socket"] = (socket.url, socket.backlog, real_parser.owner(socket.owner), socket.mode)
    return found


def _server(server: HttpServer) -> dict[str, Any]:
    found = {each: getattr(server, each) for each in ("section", "username", "password")}
    if server.file is None:
        return found | {"host": server.host, "port": server.port}
    return found | {"file": server.file, "chown": server.chown, "chmod": server.chmod}


def _values(found: Settings) -> dict[str, Any]:
    daemon = asdict(found.supervisord)
    daemon["level"] = real_parser.level(daemon.pop("loglevel"))
    return {
        "daemon": daemon,
        "groups": [_group(each) for each in found.groups],
        "servers": [_server(each) for each in found.servers],
        "interfaces": [(e.name, e.factory, dict(e.arguments)) for e in found.rpcinterfaces],
        "serverurl": found.serverurl,
        "warnings": list(found.warnings),
        "infos": list(found.infos),
    }


def _ours(path: str) -> tuple[str, Any]:
    try:
        return "taken", _values(load(path, ENVIRON))
    except InvalidFile as error:
        return "refused", error.problems[0].text


def _theirs(path: str) -> tuple[str, Any]:
    try:
        return "taken", real_parser.read(path, ENVIRON)
    except real_parser.Refused as error:
        return ("crashed" if error.crashed else "refused"), str(error)


def assert_same(path: str) -> str:
    """Both read the file alike; how they did is the answer."""
    ours, theirs = _ours(path), _theirs(path)
    if theirs[0] == "crashed":  # a traceback there is an error here, in whatever words
        assert ours[0] == "refused", theirs[1]
    else:
        assert ours == theirs
    return theirs[0]


NAMES = st.sampled_from(
    "web web2 a b api-1 x.y ünï wörk WEB 0 _ a,b a;b a%b %(here)s %% a:b a/b".split()
    + ["", "a b", " web", "a ;c"]
)
NUMBERS = "1 3 7 10 0 -1 999 007 1_000 +5 1.5 x 0x10 1e3 ٣ %(ENV_NUM)s 99999".split() + [
    "",
    "1 ; c",
    "1;c",
    "1 #c",
]
BOOLEANS = "true True yes on 1 false no off 0 YES maybe 2 %(ENV_TRUE)s %(ENV_EMPTY)s".split() + [""]
SIZES = "0 1 50MB 10kb 1gb 1.5MB 5M 5B MB -1 50mb -5KB %(ENV_NUM)sMB".split() + ["50 MB", ""]
PATHS = (
    "/dev/stdout /dev/fd/1 /proc/1/fd/1 /proc/self/fd/2 /dev/null syslog SYSLOG NONE none off AUTO auto"
    " /tmp/a.log /nowhere/a.log a.log ./a.log sub/a.log ~/a.log ~nobody/x.log %(here)s/a.log"
    " %(here)s/%(program_name)s_%(process_num)02d.log /tmp/%(ENV_X)s.log /tmp/100%%.log /tmp/100%%%%.log"
    " /tmp/%(nope)s /tmp/%s /tmp/% /tmp/%(ENV_PERCENT)s %(ENV_DOUBLE)s/x /tmp/%(host_node_name)s"
    " /tmp/%(group_name)s.log %(ENV_OWN)s/a.log"
).split() + ["", "/tmp/a b.log", "/tmp/a.log ; comment", "/tmp/a.log;x", "/tmp/a.log #x"]
TEXTS = [
    "/bin/cat", "sleep 1", "sh -c 'a; b'", "sh -c 'a ; b'", "echo 100%%", "echo 100%", "echo %d",
    "echo %(process_num)d/%(numprocs)d", "echo %(ENV_X)s", "echo %(ENV_NOPE)s", "echo %(ENV_OWN)s",
    "echo %(program_name)s %(group_name)s %(host_node_name)s %(here)s", "echo 'unclosed",
    "a \\\n  b", "a\n  b\n\n  c", "a\n  # c\n  b", "x # y", "x #y", "x#y", "echo =a:b", "ünï",
    "date +%%Y", "date +%Y-%m", "%(process_num)", "echo %(process_num)s", "", "%()s", "%(a", "a\n ;b\n c",
    "echo %(process_num)03d", "echo %(ENV_SECRET)s", "bash -c \"echo %(ENV_QUOTE)s\"",
]  # fmt: skip
ENVIRONMENTS = [
    "", "A=1", 'A="1"', "A='1',B=\"2\"", "A=1,B=2,", "A=1 B=2", "A=1;B=2", "A", "A=", "=1", "A=b c",
    'A="x,y"', 'A="50%%"', 'A="50%"', "OWN=/tmp", 'OWN="/tmp",Z="%(ENV_OWN)s"', 'A="%(ENV_X)s"',
    'A="%(process_num)d"', "A=\"1\",\n  B=\"2\"", 'A="unclosed', 'A=#x', 'A="#x"', 'A="it\'s"', 'A="a\\"b"',
    "PATH=/a:%(ENV_PATH)s", "A=http://x:1/(a)+-.", "A=ü", 'A="ü"', "A='\"x\"'", "A=\"\"", "A@B=1", "A=1,,B=2",
    'A="%(ENV_SECRET)s"', 'A="x" ; B="y"', 'A="%(host_node_name)s"', 'A="%(here)s"', "A=x@y", "A=1,A=2",
    'A="%%%%"', 'A="%(ENV_PERCENT)s"', "a=1,A=2", 'A="p#q"', 'A="p ;q"', "A=*", "X=new", "A=1\nB=2", "A=%(program_name)s",
]  # fmt: skip
SIGNALS = (
    "TERM SIGTERM term INT QUIT KILL 9 15 HUP USR1 99 0 FOO SIG RTMIN IGN _IGN SIG_DFL WINCH".split()
    + ["", " TERM"]
)
CODES = "0 0,2 0,1,2 255 256 -1 a 0, ,0 1.5 0;1".split() + ["", "0, 2", " 3 , 4 "]
RESTARTS = "true false unexpected Unexpected UNEXPECTED yes no 1 0 always never".split() + [""]
USERS = "root nobody 0 65534 nosuchuser 987654 -1 %(ENV_NOPE)s Root".split() + [""]
OCTALS = "022 0022 77 0700 0o755 8 x -1".split() + [""]
URLS = "AUTO auto http://localhost:9001 unix:///tmp/x.sock x".split() + [""]
PROCESS_NAMES = [
    "%(program_name)s_%(process_num)02d", "%(program_name)s", "%(process_num)s", "%(process_num)d",
    "%(group_name)s-%(process_num)s", "x", "a b", "a:b", "%(nope)s", "%(host_node_name)s_%(process_num)s",
    "%(process_num)", "%(process_num)x%", "%(ENV_X)s%(process_num)s", "", "%(here)s", "%(process_num)c",
]  # fmt: skip
EVENTS = (
    "EVENT TICK_5 tick_60 PROCESS_STATE PROCESS_LOG NOPE PROCESS_STATE_EXITED,TICK_5 TICK_5, %(ENV_X)s".split()
    + ["", "TICK_5, EVENT", "TICK_5,TICK_5"]
)
SOCKETS = (
    "unix:///tmp/x.sock unix:///tmp/../tmp/%(program_name)s.sock tcp://localhost:9000 unix:///run/y.sock unix://x.sock tcp://LOCALHOST:1"
    " tcp://x:0 tcp://x:70000 tcp://:9 http://x:1 tcp://x tcp://[::1]:9 unix:// unix:///%(process_num)d %(here)s"
    " unix://%(here)s/x.sock unix://~/x"
).split() + ["", "tcp://a b:9"]
OWNERS = (
    "root root:root nobody:nogroup 0 nosuchuser root:nosuchgroup 0:0 :root root: 5:999999".split()
    + [""]
)
PORTS = (
    "9001 :9001 *:9001 127.0.0.1:9001 LOCALHOST:9001 [::1]:9001 0 70000 x x: host:x host:0 %(ENV_NUM)s".split()
    + ["", "9001 ; c"]
)
LEVELS = "info debug WARN error warning critical trace blather 10 none".split() + [""]
DIRECTORIES = (
    "/tmp ~ . %(here)s /nowhere sub %(here)s %(here)s/nope ~nosuchuser /tmp/ %(ENV_X)s".split()
    + [
        "",
        "/tmp ;x",
    ]
)
FILES = (
    "*.ini a.ini conf.d/*.ini %(here)s/*.ini /nowhere/*.conf %(ENV_X)s.ini %(host_node_name)s.ini *.ini a.ini conf.d %(nope)s % [ab].ini".split()
    + ["", "a.ini b.ini", "*.ini\n conf.d/*.ini", "b.ini a.ini"]
)
OPTIONAL = {
    "process_name": PROCESS_NAMES, "numprocs": ["1", "2", "3", "0", "-1", "x", "%(ENV_NUM)s", "1.0"],
    "numprocs_start": ["0", "1", "5", "-2", "x"], "priority": NUMBERS, "autostart": BOOLEANS,
    "startsecs": NUMBERS, "startretries": NUMBERS, "autorestart": RESTARTS, "exitcodes": CODES,
    "stopsignal": SIGNALS, "stopwaitsecs": NUMBERS, "stopasgroup": BOOLEANS, "killasgroup": BOOLEANS,
    "user": USERS, "redirect_stderr": BOOLEANS, "stdout_logfile": PATHS, "stderr_logfile": PATHS,
    "stdout_logfile_maxbytes": SIZES, "stderr_logfile_maxbytes": SIZES,
    "stdout_logfile_backups": NUMBERS, "stderr_logfile_backups": NUMBERS,
    "stdout_capture_maxbytes": SIZES, "stderr_capture_maxbytes": SIZES,
    "stdout_events_enabled": BOOLEANS, "stderr_events_enabled": BOOLEANS,
    "stdout_syslog": BOOLEANS, "stderr_syslog": BOOLEANS, "environment": ENVIRONMENTS,
    "directory": DIRECTORIES, "umask": OCTALS, "serverurl": URLS, "unknown": TEXTS, "command": TEXTS,
}  # fmt: skip
DAEMON = {
    "logfile": PATHS, "logfile_maxbytes": SIZES, "logfile_backups": NUMBERS, "loglevel": LEVELS,
    "pidfile": PATHS, "umask": OCTALS, "nodaemon": BOOLEANS, "silent": BOOLEANS, "minfds": NUMBERS,
    "minprocs": NUMBERS, "nocleanup": BOOLEANS, "childlogdir": DIRECTORIES, "user": USERS,
    "directory": DIRECTORIES, "strip_ansi": BOOLEANS, "environment": ENVIRONMENTS, "identifier": TEXTS,
}  # fmt: skip
LISTENER = {
    "events": EVENTS,
    "buffer_size": NUMBERS,
    "result_handler": ["a:b", "x", "%(here)s", ""],
}
FCGI = {"socket": SOCKETS, "socket_owner": OWNERS, "socket_mode": OCTALS, "socket_backlog": NUMBERS}
ACCOUNT = {
    "username": ["u", "%(ENV_X)s", ""],
    "password": ["p", "{SHA}82ab", "p%%q", "p%q", "p;q", "p ;q", ""],
}
INET = {"port": PORTS}
UNIX = {"file": PATHS, "chmod": OCTALS, "chown": OWNERS}
RPC = {
    "supervisor.rpcinterface_factory": ["a:b", "%(ENV_X)s:f", ""],
    "retries": ["1", "%(here)s", "%%"],
}
SEPARATORS = st.sampled_from(["=", " = ", ":", " : ", "= ", " =", "=", "="])
SELDOM = st.sampled_from(range(40))
"""Is 7 so seldom that most texts are right in this."""
JUNK = st.sampled_from([
    "", "; comment", "# comment", "  indented", "no separator", "=value", "[", "]", "[]", "[x", "[a]b", "  ; c",
    "key", "key =", "\tkey=1", "[DEFAULT]", "user=root", "[program:web]", "%(x)s=1", "COMMAND=up", "rem x", "\ufeff[a]",
])  # fmt: skip


@st.composite
def _options(
    draw: st.DrawFn, table: dict[str, list[str]], needed: dict[str, list[str]]
) -> list[str]:
    lines = []
    chosen = draw(st.lists(st.sampled_from(sorted(table)), max_size=4))
    for option in [*(each for each in needed if draw(SELDOM) != 7), *chosen]:
        # Mostly the first values of a table: they are right, and so the rest is reached.
        values = table.get(option) or needed[option]
        value = draw(st.sampled_from([*values[:4] * 3 * len(values), *values * 2]))
        key = option.upper() if draw(SELDOM) == 7 else option
        lines.append(f"{key}{draw(SEPARATORS)}{value}")
    if draw(SELDOM) == 7:
        lines.insert(draw(st.integers(0, len(lines))), draw(JUNK))
    return lines


@st.composite
def _section(draw: st.DrawFn) -> list[str]:
    name = draw(st.one_of(*[st.sampled_from(["web", "a", "b"])] * 5, NAMES))
    kind = draw(st.sampled_from([*"pppppgge f i u r s x d".replace(" ", "")]))
    command = {"command": TEXTS}
    if kind == "p":
        return [f"[program:{name}]", *draw(_options(OPTIONAL, command))]
    if kind == "g":
        members = draw(st.lists(st.sampled_from(["web", "a", "b"] * 5 + ["", "nope"]), max_size=3))
        line = f"programs={draw(st.sampled_from([',', ', '])).join(members)}"
        return [
            f"[group:{name}]",
            line,
            *draw(_options({"priority": NUMBERS, "programs": ["web", "a"]}, {})),
        ]
    if kind == "e":
        return [
            f"[eventlistener:{name}]",
            *draw(_options(OPTIONAL | LISTENER, command | {"events": EVENTS})),
        ]
    if kind == "f":
        return [
            f"[fcgi-program:{name}]",
            *draw(_options(OPTIONAL | FCGI, command | {"socket": SOCKETS})),
        ]
    after = draw(st.sampled_from(["", ":two", "x", ":"]))
    account = draw(st.sampled_from([{}, {}, ACCOUNT]))
    if kind == "i":
        return [f"[inet_http_server{after}]", *draw(_options(INET, {"port": PORTS, **account}))]
    if kind == "u":
        return [f"[unix_http_server{after}]", *draw(_options(UNIX, {"file": PATHS, **account}))]
    if kind == "r":
        return [
            f"[rpcinterface:{name}]",
            *draw(_options(RPC, {"supervisor.rpcinterface_factory": ["a:b"]})),
        ]
    if kind == "d":
        return ["[DEFAULT]", *draw(_options(OPTIONAL, {}))]
    if kind == "s":
        return ["[supervisord]", *draw(_options(DAEMON, {}))]
    return [
        f"[{draw(st.sampled_from(['x', 'program', 'supervisorctl', 'ctlplugin:x', 'Program:x']))}]",
        "a=%",
    ]


@st.composite
def _text(draw: st.DrawFn, main: bool) -> str:
    parts = draw(st.lists(_section(), min_size=1, max_size=4))
    if main and draw(SELDOM) != 7:
        parts.insert(draw(st.integers(0, 1)), ["[supervisord]", *draw(_options(DAEMON, {}))])
    if (main and draw(st.integers(0, 2)) == 0) or draw(SELDOM) == 7:
        parts.append(["[include]", *draw(_options({"files": FILES}, {"files": FILES}))])
    ends = draw(st.sampled_from(["\n", "\n", "\n", "\r\n"]))
    return ends.join(line.replace("\n", ends) for part in parts for line in [*part, ""])


@st.composite
def _folders(draw: st.DrawFn) -> dict[str, str]:
    files = {"supervisord.conf": draw(_text(main=True))}
    for name in draw(
        st.lists(st.sampled_from(["a.ini", "b.ini", "ex.ini", "conf.d/c.ini"]), max_size=2)
    ):
        files[name] = draw(_text(main=False))
    return files


def _same_in_folder(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "conf.d").mkdir()
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", newline="")
        assert_same(str(Path(folder) / "supervisord.conf"))


ALL_HEALTH = list(HealthCheck)


@pytest.mark.slow
@given(_folders())
@settings(max_examples=80, deadline=None, suppress_health_check=ALL_HEALTH)
def test_both_take_or_refuse_a_text_alike(files: dict[str, str]) -> None:
    _same_in_folder(files)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(_folders())
@settings(max_examples=5_000, deadline=None, suppress_health_check=ALL_HEALTH)
def test_both_take_or_refuse_many_texts_alike(files: dict[str, str]) -> None:
    _same_in_folder(files)
