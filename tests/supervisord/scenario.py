"""The calls of the differential test: of otpsup and of the real supervisord alike."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

# Those that end too early have a long startsecs: the real one takes its time from the fork to its
# own look at the end, and on a busy machine a second goes by in between.
PROGRAMS = r"""
[program:cat]
command=/bin/cat
stdout_logfile={folder}/cat.log
stderr_logfile=NONE

[program:other]
command=/bin/cat
autostart=false
startsecs=0
priority=5
stopsignal=INT

[program:fails]
command=/bin/sh -c "echo no; exit 3"
startsecs=60
startretries=0
autostart=false

[program:retries]
command=/bin/sh -c "exit 4"
startsecs=60
startretries=100
autostart=false

[program:missing]
command=/no/such/thing
autostart=false

[program:unknown]
command=no-such-program-anywhere --flag
autostart=false

[program:folder]
command=/tmp
autostart=false

[program:plain]
command=/etc/passwd
autostart=false

[program:unparsable]
command=/bin/sh -c "oh
autostart=false

[program:nowhere]
command=/no/such/thing
startretries=0

[program:ends]
command=/bin/sh -c "sleep 0.2; exit 0"
startsecs=0
autostart=false

[program:ends7]
command=/bin/sh -c "sleep 0.2; exit 7"
startsecs=0
autostart=false
autorestart=false
exitcodes=0,2

[program:killed]
command=/bin/sh -c "sleep 0.2; kill -9 $$"
startsecs=0
autostart=false
autorestart=false

[program:stubborn]
command=/bin/sh -c "trap '' TERM; echo ready; while :; do sleep 0.1; done"
autostart=false
startsecs=0
stopwaitsecs=1
killasgroup=true
stdout_logfile={folder}/stubborn.log

[program:lingers]
command=/bin/sh -c "trap '' TERM; echo ready; while :; do sleep 0.1; done"
autostart=false
startsecs=0
stopwaitsecs=5
stdout_logfile={folder}/lingers.log

[program:traps]
command=/bin/sh -c "trap 'echo usr1' USR1; trap '' HUP; echo ready; while :; do sleep 0.05; done"
startsecs=0
stopasgroup=true
stdout_logfile={folder}/traps.log
redirect_stderr=true

[program:writer]
command=/bin/sh -c "echo one; echo two; printf 'no newline'; echo wrong >&2; exec sleep 1000"
startsecs=0
stdout_logfile={folder}/writer.log
stderr_logfile={folder}/writer.err
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=2

[program:umlaut]
command=/bin/printf 'gr\303\274n <&> "q"\n'
startsecs=0
autorestart=false
stdout_logfile={folder}/umlaut.log

[program:bytes]
command=/bin/printf 'a\377\376b\n'
startsecs=0
autorestart=false
stdout_logfile={folder}/bytes.log

[program:escapes]
command=/bin/printf 'a\033[1mb\n'
startsecs=0
autorestart=false
stdout_logfile={folder}/escapes.log

[program:silent]
command=/bin/sleep 1000
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE

[program:closes]
command=/bin/sh -c "exec 0<&-; echo closed; exec sleep 1000"
startsecs=0
stdout_logfile={folder}/closes.log

[program:multi]
command=/bin/sleep 1000
process_name=%(program_name)s_%(process_num)02d
numprocs=3
startsecs=0
priority=20

[program:one]
command=/bin/cat
autostart=false
startsecs=0
priority=7

[program:two]
command=/bin/cat
autostart=false
startsecs=0
priority=3

[program:bad]
command=/bin/sh -c "exit 1"
startsecs=60
autostart=false
startretries=0
priority=9

[group:pair]
programs=one,two
priority=50

[group:mixed]
programs=bad
priority=2
"""

NAMES = (
    "cat", "other", "fails", "retries", "missing", "unknown", "folder", "plain", "unparsable",
    "nowhere", "ends", "ends7", "killed", "stubborn", "traps", "writer", "umlaut", "bytes",
    "escapes", "silent", "closes", "multi:multi_00", "pair:one", "pair:two", "mixed:bad",
)  # fmt: skip
ODD_NAMES = (
    "", "nope", "multi", "pair", "pair:", "pair:*", "pair:nope", "nope:*", ":", "cat:cat", "cat:*",
    "cat:", "a:b:c", "pair:one:", "*", "gr\xfcn", "x" * 1000,
)  # fmt: skip
HOSTILE: tuple[Any, ...] = (5, -1, True, 1.5, [], ["cat"], {}, {"name": "cat"})


@frozen
class Call:
    """A method, called with these arguments."""

    method: str
    args: tuple[Any, ...] = ()
    ordered: bool = True
    """False: the order of the answer's parts depends on which process was faster."""


@frozen
class Reach:
    """Wait until a process is in one of these states."""

    name: str
    states: tuple[str, ...]


@frozen
class Written:
    """Wait until a log, a file in the folder, holds this."""

    file: str
    text: bytes


@frozen
class Ask:
    """An HTTP request; status, the head that matters, and of a 200 its body, are compared."""

    method: str
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


@frozen
class Rewrite:
    """Change the configuration."""

    change: Callable[[str], str]


Step = Call | Reach | Written | Ask | Rewrite


def call(method: str, *args: Any) -> Call:
    return Call(method if "." in method else f"supervisor.{method}", args)


def steps() -> Iterator[Step]:
    """All of them."""
    yield from at_first()
    yield from about_methods()
    yield from look()
    yield from read_logs()
    yield from start_and_stop()
    yield from groups()
    yield from signals()
    yield from stdin()
    yield from hostile()
    yield from multicall()
    yield from over_http()
    yield from reread()
    yield from clear()
    yield from in_the_end()


def quick() -> Iterator[Step]:
    """Those that take no time."""
    yield from at_first()
    yield from about_methods()
    yield from look()
    yield from read_logs()
    yield from signals()
    yield from hostile()
    yield from multicall()
    yield from over_http()


def at_first() -> Iterator[Step]:
    yield Reach("cat", ("RUNNING",))
    yield Reach("nowhere", ("FATAL",))
    for name in ("umlaut", "bytes", "escapes"):
        yield Reach(name, ("EXITED",))
    yield Written("writer.log", b"no newline")
    yield Written("writer.err", b"wrong")
    yield Written("closes.log", b"closed")
    yield Written("traps.log", b"ready")
    yield Written("umlaut.log", b">")
    yield Written("bytes.log", b"b")
    yield Written("escapes.log", b"b")


def about_methods() -> Iterator[Step]:
    yield call("system.listMethods")
    for name in METHODS:
        yield call("system.methodSignature", name)
    for name in ("", "nope", "supervisor.nope", "system", "supervisor._update"):
        yield call("system.methodSignature", name)
        yield call("system.methodHelp", name)
    for method in (
        "getAPIVersion", "getVersion", "getSupervisorVersion", "getIdentification", "getState",
        "getPID",
    ):  # fmt: skip
        yield call(method)
        yield call(method, "too many")
    for unknown in (
        "nope", "supervisor.nope", "supervisor._update", "supervisor.__class__", "nope.nope",
        "supervisor.supervisord.options", "system.namespaces", "a.b.c.d", "supervisor.",
        ".getState", "supervisor..getState", "supervisor.getState.", "SUPERVISOR.getState",
        "supervisor.getstate", "system._listMethods", "supervisor.update_text",
    ):  # fmt: skip
        yield Call(unknown)


def look() -> Iterator[Step]:
    yield call("getAllProcessInfo")
    yield call("getAllConfigInfo")
    for name in (*NAMES, *ODD_NAMES):
        yield call("getProcessInfo", name)
    yield call("getProcessInfo")
    yield call("getProcessInfo", "cat", "cat")
    yield call("getAllProcessInfo", 1)


SLICES = (
    (0, 0), (0, 1), (0, 3), (0, 100000), (1, 0), (3, 2), (5, 100), (-1, 0), (-3, 0), (-100000, 0),
    (100000, 0), (100000, 5), (-1, 1), (-1, -1), (0, -1), (5, -5), (17, 0), (18, 0), (19, 0),
    (0, 18), (1, 17), (17, 1), (-18, 0), (-17, 0), (2147483647, 0), (-2147483648, 0),
    (0, 2147483647),
)  # fmt: skip


def read_logs() -> Iterator[Step]:
    methods = (
        "readProcessStdoutLog", "readProcessStderrLog", "tailProcessStdoutLog",
        "tailProcessStderrLog",
    )  # fmt: skip
    for method in methods:
        for slice in SLICES:
            yield call(method, "writer", *slice)
        for name in ("silent", "other", "multi:multi_00", "umlaut", "missing", *ODD_NAMES[:9]):
            yield call(method, name, 0, 0)
            yield call(method, name, 0, 5)
        for args in ((), ("writer",), ("writer", 0), ("writer", 0, 0, 0)):
            yield call(method, *args)
        yield call(method, "writer", "1", "2")
        yield call(method, "writer", True, False)
        yield call(method, "writer", 1.9, 2.9)
        yield call(method, "writer", "x", 0)
        yield call(method, "bytes", 0, 0)
        yield call(method, "escapes", 0, 0)
    for alias in ("readProcessLog", "tailProcessLog"):
        yield call(alias, "writer", 0, 5)
    for slice in SLICES:
        if slice[0] >= 0 and slice[1] == 0 and slice[0] < 100:
            continue
        yield call("readLog", *slice[:1], 0) if slice[0] >= 100000 else call("readLog", -1, 1)
    yield call("readLog", 0, -1)
    yield call("readMainLog", 5, -1)
    yield call("readLog", "x", 0)
    yield call("readLog")


def start_and_stop() -> Iterator[Step]:
    yield call("startProcess", "cat")
    yield call("startProcess", "cat", False)
    for name in ("missing", "unknown", "folder", "plain", "unparsable", "nowhere"):
        yield call("startProcess", name)
        yield call("startProcess", name, False)
        yield call("getProcessInfo", name)
    yield call("startProcess", "fails")
    yield call("getProcessInfo", "fails")
    yield call("readProcessStdoutLog", "fails", 0, 0)
    yield call("startProcess", "retries")
    yield Reach("retries", ("BACKOFF",))
    yield call("getProcessInfo", "retries")
    yield call("startProcess", "retries")
    yield call("signalProcess", "retries", "0")
    yield call("removeProcessGroup", "retries")
    yield call("stopProcess", "retries")
    yield call("getProcessInfo", "retries")
    yield call("stopProcess", "retries")
    yield call("startProcess", "other")
    yield call("getProcessInfo", "other")
    yield call("startProcess", "other")
    yield call("stopProcess", "other")
    yield call("getProcessInfo", "other")
    yield call("stopProcess", "other")
    yield call("stopProcess", "other", False)
    for name, states in (
        ("ends", ("EXITED",)), ("ends7", ("EXITED",)), ("killed", ("EXITED",)),
    ):  # fmt: skip
        yield call("startProcess", name)
        yield call("getProcessInfo", name)
        yield Reach(name, states)
        yield call("getProcessInfo", name)
        yield call("stopProcess", name)
        yield call("signalProcess", name, "TERM")
    yield call("startProcess", "stubborn", True)
    yield Written("stubborn.log", b"ready")
    yield call("stopProcess", "stubborn", False)
    yield call("getProcessInfo", "stubborn")
    yield call("startProcess", "stubborn", False)
    yield call("startProcess", "stubborn", True)
    yield call("stopProcess", "stubborn")
    yield call("sendProcessStdin", "stubborn", "x")
    yield Reach("stubborn", ("STOPPED",))
    yield call("getProcessInfo", "stubborn")
    yield call("startProcess", "stubborn")
    yield Reach("stubborn", ("RUNNING",))
    yield call("stopProcess", "stubborn", True)
    yield call("getProcessInfo", "stubborn")
    yield call("stopProcess", "cat")
    yield call("getProcessInfo", "cat")
    yield call("startProcess", "cat", False)
    yield call("getProcessInfo", "cat")
    yield call("stopProcess", "cat", True)
    yield call("getProcessInfo", "cat")
    yield call("startProcess", "cat", True)
    yield call("getProcessInfo", "cat")
    for name in ODD_NAMES:
        if name not in ("pair:", "pair:*", "cat:cat", "cat:*", "cat:"):
            yield call("startProcess", name)
            yield call("stopProcess", name, False)
    for method in ("startProcess", "stopProcess", "startProcessGroup", "stopProcessGroup"):
        yield call(method)
        yield call(method, "cat", True, 3)


def groups() -> Iterator[Step]:
    yield call("startProcessGroup", "pair")
    yield call("startProcessGroup", "pair")
    yield call("getProcessInfo", "pair:one")
    yield call("stopProcess", "pair:one")
    yield call("startProcess", "pair:*")
    yield call("startProcess", "pair:", False)
    yield Call("supervisor.stopProcessGroup", ("pair",), ordered=False)
    yield call("stopProcessGroup", "pair")
    yield call("startProcess", "pair:*", False)
    yield Call("supervisor.stopProcess", ("pair:*", True), ordered=False)
    yield call("stopProcess", "pair:*", False)
    yield call("startProcessGroup", "mixed")
    yield Reach("mixed:bad", ("FATAL",))  # in supervisord up to a second after that answer
    yield call("startProcess", "mixed:*")
    yield Reach("mixed:bad", ("FATAL",))
    yield call("startProcessGroup", "missing")
    yield call("startProcessGroup", "nowhere", False)
    yield call("stopProcessGroup", "mixed")
    yield call("startProcessGroup", "nope")
    yield call("stopProcessGroup", "nope")
    yield call("startProcessGroup", "multi")
    yield Call("supervisor.stopProcessGroup", ("multi",), ordered=False)
    yield call("startProcessGroup", "multi")
    yield Call("supervisor.startAllProcesses", (), ordered=False)
    yield Reach("retries", ("BACKOFF",))
    for name in ("ends", "ends7", "killed"):
        yield Reach(name, ("EXITED",))
    for name in ("stubborn", "lingers", "traps"):
        yield Written(f"{name}.log", b"ready")
    yield Call("supervisor.stopAllProcesses", (), ordered=False)
    yield call("stopAllProcesses")
    yield call("getAllProcessInfo")
    for name in ("cat", "traps", "writer", "silent", "closes"):
        yield call("startProcess", name)
    yield call("startProcessGroup", "multi")
    yield call("startAllProcesses", True, 3)
    yield call("stopAllProcesses", True, 3)


SIGNALS: tuple[Any, ...] = (
    "USR1", "usr1", "SIGUSR1", "sigusr1", " USR1 ", "10", 10, "HUP", "1", 1, "0", 0, "NOPE", "",
    "SIG", "999", 999, -1, "-1", "65", "SIGSIGUSR1", "USR1 USR2",
)  # fmt: skip


def signals() -> Iterator[Step]:
    for signal in SIGNALS:
        yield call("signalProcess", "traps", signal)
    for name in ("missing", "nowhere", "umlaut", "fails", *ODD_NAMES):
        yield call("signalProcess", name, "0")
        yield call("signalProcess", name, "NOPE")
    for name in ("pair", "multi", "traps", "nope", "nowhere"):
        yield call("signalProcessGroup", name, "0")
        yield call("signalProcessGroup", name, "NOPE")
        yield call("signalProcess", f"{name}:*", "0")
    yield call("signalProcess", "nowhere", "RTMIN")
    yield call("signalProcess", "nowhere", "64")
    yield call("signalAllProcesses", "0")
    yield call("signalAllProcesses", "NOPE")
    for method in ("signalProcess", "signalProcessGroup", "signalAllProcesses"):
        yield call(method)
        yield call(method, "a", "b", "c")


def stdin() -> Iterator[Step]:
    yield call("sendProcessStdin", "cat", "hello\n")
    yield Written("cat.log", b"hello")
    yield call("sendProcessStdin", "cat", "gr\xfcn\n")
    yield Written("cat.log", "gr\xfcn".encode())
    yield call("sendProcessStdin", "cat", "")
    yield call("readProcessStdoutLog", "cat", 0, 0)
    for name in ("other", "nowhere", "umlaut", *ODD_NAMES):
        yield call("sendProcessStdin", name, "x")
    yield call("sendProcessStdin", "closes", "x")
    for chars in HOSTILE:
        yield call("sendProcessStdin", "cat", chars)
        yield call("sendProcessStdin", "nope", chars)
    yield call("sendProcessStdin", "cat")
    yield call("sendRemoteCommEvent", "a", "b")
    yield call("sendRemoteCommEvent", "gr\xfcn", "b\n")
    yield call("sendRemoteCommEvent", "a")


def hostile() -> Iterator[Step]:
    takes_name = (
        "getProcessInfo", "startProcess", "stopProcess", "startProcessGroup", "stopProcessGroup",
        "clearProcessLogs", "addProcessGroup", "removeProcessGroup",
    )  # fmt: skip
    for method in takes_name:
        for value in HOSTILE:
            yield call(method, value)
    for value in HOSTILE:
        yield call("signalProcess", value, "0")
        yield call("readProcessStdoutLog", value, 0, 0)
        yield call("tailProcessStdoutLog", value, 0, 0)
        yield call("system.methodHelp", value)
        yield call("system.methodSignature", value)
        if not isinstance(value, int | float):
            yield call("signalProcess", "traps", value)
            yield call("readLog", value, 0)


def multicall() -> Iterator[Step]:
    def one(method: str, *params: Any) -> dict[str, Any]:
        return {"methodName": method, "params": list(params)}

    api, state = one("supervisor.getAPIVersion"), one("supervisor.getState")
    yield call("system.multicall", [])
    yield call("system.multicall", [api, state])
    yield call("system.multicall", [{"methodName": "supervisor.getAPIVersion"}])
    yield call("system.multicall", [{"params": []}, api])
    yield call("system.multicall", [one("system.multicall", []), api])
    yield call("system.multicall", [one("nope.nope"), one("supervisor._x"), one("x"), api])
    yield call("system.multicall", [one("supervisor.getState", 1, 2), api])
    yield call("system.multicall", [one("supervisor.getProcessInfo", "nope"), api])
    yield call("system.multicall", [one("supervisor.signalProcess", "traps", "0"), api])
    yield call("system.multicall", [one("supervisor.startProcess", "nowhere"), api])
    yield call("system.multicall", [one("system.listMethods")])
    yield call("system.multicall", [one("supervisor.getProcessInfo", 5), api])
    yield call("system.multicall", [{"methodName": 5}, api])
    yield call("system.multicall", [{"methodName": "supervisor.getState", "params": 5}, api])
    yield call("system.multicall", [{"methodName": "supervisor.getState", "params": ""}, api])
    yield call("system.multicall", [{"methodName": "supervisor.getState", "params": "a"}, api])
    yield call("system.multicall", ["api"])
    yield call("system.multicall", [5])
    yield call("system.multicall", 5)
    yield call("system.multicall", "")
    yield call("system.multicall", {})
    yield call("system.multicall")
    yield call("system.multicall", [], [])
    slow = one("supervisor.stopProcess", "other")
    yield call(
        "system.multicall",
        [one("supervisor.startProcess", "other"), one("supervisor.getProcessInfo", "other"), slow,
         one("supervisor.getProcessInfo", "other"), slow],
    )  # fmt: skip


def _request(method: str, params: str = "<params/>") -> bytes:
    text = f"<?xml version='1.0'?><methodCall><methodName>{method}</methodName>{params}"
    return f"{text}</methodCall>".encode()


_STATE = _request("supervisor.getAPIVersion")


def _with(*values: str) -> str:
    return (
        f"<params>{''.join(f'<param><value>{value}</value></param>' for value in values)}</params>"
    )


def over_http() -> Iterator[Step]:
    for path in ("/RPC2", "/RPC2/", "/RPC2?x=1", "/RPC2foo", "/rpc2", "/RPC", "//RPC2", "/%52PC2"):
        yield Ask("POST", path, _STATE)
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        yield Ask(method, "/RPC2")
    for body in (
        b"x", b"<", b"<a/>", b"\xff\xfe", b"\x00", _STATE[:-5], _STATE + b"x",
        b"<methodCall/>", _request(""), _request("supervisor.getAPIVersion", ""),
        _request("supervisor.getAPIVersion", "<params></params>"),
        _request("supervisor.getProcessInfo", _with("nope")),
        _request("supervisor.getProcessInfo", _with("<string>nope</string>")),
        _request("supervisor.getProcessInfo", _with("<string/>")),
        _request("supervisor.getProcessInfo", _with("<base64>bm9wZQ==</base64>")),
        _request("supervisor.getProcessInfo", _with("<base64>//79</base64>")),
        _request("supervisor.getProcessInfo", _with("<i4>x</i4>")),
        _request("supervisor.getProcessInfo", _with("<int></int>")),
        _request("supervisor.getProcessInfo", _with("<double>x</double>")),
        _request("supervisor.getProcessInfo", _with("<dateTime.iso8601>x</dateTime.iso8601>")),
        _request("supervisor.getProcessInfo", _with("<array/>")),
        _request("supervisor.getProcessInfo", _with("<struct><member/></struct>")),
        _request("supervisor.getProcessInfo", "<params><param/></params>"),
        _request("supervisor.readLog", _with("<i4>0</i4>", "<i4>-1</i4>")),
        _request("supervisor.readLog", _with("<i8>0</i8>", "<i8>-1</i8>")),
        _request("supervisor.readLog", _with("0", "-1")),
        _request("supervisor.readLog", _with(" <int> 0 </int> ", "<int>-1</int>")),
        _request("supervisor.signalProcess", _with("traps", "<boolean>1</boolean>")),
        _request("supervisor.sendProcessStdin", _with("nope", "<nope>x</nope>")),
        b"<?xml version='1.0' encoding='latin1'?><methodCall><methodName>gr\xfcn</methodName>",
    ):  # fmt: skip
        yield Ask("POST", "/RPC2", body)
    for path in ("/ok.html", "/nope", "/../etc/passwd", "/%2e%2e/etc/passwd", "/logtail/nope",
                 "/logtail/silent", "/logtail/silent/stderr", "/logtail/writer/nope",
                 "/logtail/pair:nope", "/logtail/nope:*"):  # fmt: skip
        yield Ask("GET", path)
    yield Ask("POST", "/logtail/writer", b"x")
    yield Ask("POST", "/mainlogtail", b"x")
    wrong = base64.b64encode(b"a:b").decode()
    yield Ask("POST", "/RPC2", _STATE, (("Authorization", f"Basic {wrong}"),))


def reread() -> Iterator[Step]:
    yield call("reloadConfig")
    yield call("addProcessGroup", "cat")
    yield call("addProcessGroup", "nope")
    yield call("removeProcessGroup", "nope")
    yield call("removeProcessGroup", "cat")
    yield Rewrite(
        lambda text: (
            text.replace("[program:silent]", "[program:fresh]").replace(
                "stopsignal=INT", "stopsignal=QUIT"
            )
            + "\n[program:late]\ncommand=/bin/cat\nautostart=false\nstartsecs=0\n"
            + "[program:soon]\ncommand=/bin/cat\nstartsecs=0\n"
        )
    )
    yield call("getAllConfigInfo")
    yield call("addProcessGroup", "late")
    yield call("reloadConfig")
    yield call("getAllConfigInfo")
    yield call("getProcessInfo", "late")
    yield call("addProcessGroup", "late")
    yield call("addProcessGroup", "late")
    yield call("getProcessInfo", "late")
    yield call("addProcessGroup", "soon")
    yield Reach("soon", ("RUNNING",))
    yield call("getProcessInfo", "soon")
    yield call("reloadConfig")
    yield call("removeProcessGroup", "silent")
    yield call("stopProcessGroup", "silent")
    yield call("removeProcessGroup", "silent")
    yield call("getProcessInfo", "silent")
    yield call("reloadConfig")
    yield call("addProcessGroup", "silent")
    yield call("addProcessGroup", "fresh")
    yield call("removeProcessGroup", "other")
    yield call("addProcessGroup", "other")
    yield call("reloadConfig")
    yield call("getAllProcessInfo")
    yield call("getAllConfigInfo")
    yield Rewrite(lambda text: text + "\n[program:broken]\ncommand=%(nope)s\n")
    yield call("reloadConfig")
    yield Rewrite(lambda text: text.replace("command=%(nope)s", "startsecs=x\ncommand=cat"))
    yield call("reloadConfig")
    yield Rewrite(lambda text: text.replace("startsecs=x\ncommand=cat", "numprocs=2\ncommand=cat"))
    yield call("reloadConfig")
    yield call("addProcessGroup", "broken")
    yield call("getAllProcessInfo")


def clear() -> Iterator[Step]:
    yield call("clearProcessLogs", "writer")
    yield call("readProcessStdoutLog", "writer", 0, 0)
    yield call("tailProcessStdoutLog", "writer", 0, 0)
    yield call("clearProcessLog", "umlaut")
    yield call("readProcessStdoutLog", "umlaut", 0, 0)
    for name in ("nowhere", *ODD_NAMES):
        yield call("clearProcessLogs", name)
    yield call("clearAllProcessLogs")
    yield call("clearAllProcessLogs", 1)
    yield call("clearProcessLogs")
    yield call("clearLog")
    yield call("clearLog", 1)


def in_the_end() -> Iterator[Step]:
    yield Call("supervisor.stopAllProcesses", (), ordered=False)
    yield call("startProcess", "lingers")
    yield Written("lingers.log", b"ready")
    yield call("shutdown", 1)
    yield call("restart", 1)
    yield call("shutdown")
    for method in ("getState", "getAllProcessInfo", "shutdown", "restart", "getPID"):
        yield call(method)
    yield call("getProcessInfo", "nope")
    yield call("startProcess")
    yield call("sendRemoteCommEvent", "a", "b")
    yield call("system.listMethods")


METHODS = (
    *(
        f"supervisor.{name}"
        for name in (
            "addProcessGroup", "clearAllProcessLogs", "clearLog", "clearProcessLog",
            "clearProcessLogs", "getAPIVersion", "getAllConfigInfo", "getAllProcessInfo",
            "getIdentification", "getPID", "getProcessInfo", "getState", "getSupervisorVersion",
            "getVersion", "readLog", "readMainLog", "readProcessLog", "readProcessStderrLog",
            "readProcessStdoutLog", "reloadConfig", "removeProcessGroup", "restart",
            "sendProcessStdin", "sendRemoteCommEvent", "shutdown", "signalAllProcesses",
            "signalProcess", "signalProcessGroup", "startAllProcesses", "startProcess",
            "startProcessGroup", "stopAllProcesses", "stopProcess", "stopProcessGroup",
            "tailProcessLog", "tailProcessStderrLog", "tailProcessStdoutLog",
        )
    ),
    "system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall",
)  # fmt: skip
