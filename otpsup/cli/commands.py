"""The commands: what each is called, takes and does. Both readers of command lines, the completion
and the reference are made from this table.

Decides the words. Must not import what a command needs: that is loaded when it is run.
"""

from __future__ import annotations

from .parameters import (
    Argument,
    Option,
    Subcommand,
    delay,
    file,
    flag,
    one_of,
    path,
    seconds,
    signal_name,
    whole,
)

EXIT_CODES = {
    0: "done",
    1: "the tree, or the input, said no",
    2: "the command line is wrong",
    3: "there is no tree to talk to",
    130: "interrupted (Ctrl-C)",
}

ASK = "__complete"
"""The command that the scripts of `completion` use; it is no part of what people type."""

GROUPS = {
    "look": "Looking at a running tree",
    "steer": "Steering it",
    "change": "Changing what is in it",
    "before": "Before it runs",
    "shell": "Around it",
}

# What many of them take.

_PATH = Argument("path", "PATH", "a child, as in 'backend/db'", "?", path, "path")
_A_PATH = Argument("path", "PATH", "a child, as in 'backend/db'", "1", path, "path")
_SEVERAL = "children; may be patterns ('web-*'), or the name that copies share"
_PATHS = Argument("paths", "PATH", _SEVERAL, "*", path, "path")
_SOME_PATHS = Argument("paths", "PATH", _SEVERAL, "+", path, "path")
_FILE = Argument(
    "file", "FILE", "a tree file; without it, the one from which the tree was made", "?", str,
    "file",
)  # fmt: skip

_JSON = flag("json", "print one JSON value")
_JSON_LINES = flag("json", "print one JSON value; with -f, one a line")
_TREE = Option("tree", ("--tree",), "the tree, if several are running", "NAME", completes="tree")
_SOCKET = Option(
    "socket", ("--socket",), "the tree's control socket", "PATH", file, completes="file"
)
_WHICH = (_TREE, _SOCKET)
_COMMON = (_JSON, *_WHICH)


def _follow(text: str) -> Option:
    return Option("follow", ("--follow", "-f"), text, default=False)


def _lines(default: int, what: str = "lines") -> Option:
    text = f"so many of the last {what} ({default})"
    return Option("lines", ("--lines", "-n"), text, "LINES", whole(0, 100_000), default)


_ANY_TREE = (
    "a running tree's name, a tree file, MODULE:NAME or FILE.py:NAME; the only running tree if "
    "left out"
)

# The table.

_LOOK = (
    Subcommand(
        "status", "verbs:status", "show the tree, or the parts of it at PATH", "look",
        (_PATHS,), _COMMON,
    ),
    Subcommand(
        "why", "why:command",
        "tell why the child at PATH, or the tree, is as it is, and what led to that", "look",
        (_PATH,), _COMMON,
    ),
    Subcommand(
        "info", "facts:info",
        "tell all that is known of a child, and how it was declared; without PATH, of the tree",
        "look", (_PATH,), _COMMON,
    ),
    Subcommand(
        "stacks", "facts:stacks",
        "tell where a Python worker is: the stacks of its threads and asyncio tasks", "look",
        (_A_PATH,), _COMMON,
    ),
    Subcommand(
        "pid", "facts:pid", "print the pid of a child; without PATH, of the tree's host", "look",
        (_PATHS,), _COMMON,
    ),
    Subcommand(
        "top", "top:command",
        "show what each child uses, again and again: CPU, memory, uptime, restarts", "look", (),
        (
            Option("delay", ("--delay", "-d"), "between two looks (2)", "SECONDS", delay, 2.0),
            Option("sort", ("--sort", "-s"), "cpu, memory, uptime, restarts, or tree (tree)", "KEY",
                   one_of("tree", "cpu", "memory", "uptime", "restarts"), "tree",
                   completes="tree cpu memory uptime restarts"),
            flag("once", "one look, and no more"),
            *_COMMON,
        ),
    ),
    Subcommand(
        "metrics", "metrics:command",
        "print what the tree counts and measures, as Prometheus reads it", "look", (),
        (
            flag("openmetrics", "in the OpenMetrics format"),
            flag("json", "print one JSON value; for that the tree needs no plug-in"),
            *_WHICH,
        ),
    ),
    Subcommand(
        "logs", "output:logs", "print what the children wrote last, each line with its child",
        "look", (_PATHS,),
        (_follow("and what they will write"), _lines(20, "lines of each child"), _JSON_LINES,
         *_WHICH),
    ),
    Subcommand(
        "tail", "output:tail", "print what one child wrote last", "look",
        (
            _A_PATH,
            Argument("stream", "STREAM", "stdout or stderr; without it, both", "?",
                     one_of("stdout", "stderr"), "stdout stderr"),
        ),
        (_follow("and what it will write"), _lines(20), _JSON_LINES, *_WHICH),
    ),
    Subcommand(
        "events", "output:events", "print what happened in the tree lately", "look", (),
        (_follow("and what will happen"), _lines(20, "events"), _JSON_LINES, *_WHICH),
    ),
    Subcommand(
        "healthz", "healthz:command",
        "tell whether the tree, its children, its disks and whatever else is looked at are well; "
        "exits with 1 if not", "look", (),
        (
            Option("format", ("--format",), "console, json or k8s (console on a terminal, else "
                   "k8s)", "FORMAT", one_of("console", "json", "k8s"),
                   completes="console json k8s"),
            Option("include", ("--include",), "only these collectors, with commas between them",
                   "NAMES"),
            Option("exclude", ("--exclude",), "all collectors but these", "NAMES"),
            *_WHICH,
        ),
    ),
    Subcommand(
        "alerts", "alerting:command",
        "tell what is firing, and what waits to be told; with test, send a message through each "
        "channel, now", "look",
        (Argument("what", "WHAT", "test, or nothing", "?", one_of("test"), "test"),),
        (
            Option("channel", ("--channel", "-c"), "with test, this channel alone", "NAME"),
            *_COMMON,
        ),
    ),
    Subcommand(
        "wait", "waiting:command",
        "wait until the tree is there, or the children at PATH are", "look", (_PATHS,),
        (
            flag("ready", "and are ready to serve"),
            Option("timeout", ("--timeout", "-t"), "give up after so long", "SECONDS", seconds),
            *_COMMON,
        ),
    ),
)  # fmt: skip

_STEER = (
    Subcommand(
        "start", "verbs:start", "start the children at PATH, or all that are down", "steer",
        (_PATHS,), _COMMON,
    ),
    Subcommand(
        "stop", "verbs:stop", "stop the children at PATH; without PATH, the whole tree", "steer",
        (_PATHS,), _COMMON,
    ),
    Subcommand(
        "restart", "verbs:restart",
        "stop and start the children at PATH, or all children in order", "steer", (_PATHS,),
        (
            flag("rolling", "one at a time; stop at the first that does not become ready"),
            *_COMMON,
        ),
    ),
    Subcommand(
        "shutdown", "verbs:shutdown", "stop the whole tree", "steer", (),
        (flag("hurry", "kill instead of asking"), *_COMMON),
    ),
    Subcommand(
        "signal", "verbs:signal", "send a signal to the processes of children", "steer",
        (
            _SOME_PATHS,
            Argument("signal", "SIGNAL", "a name such as HUP, or a number", "1", signal_name,
                     "HUP INT TERM USR1 USR2 WINCH STOP CONT QUIT KILL"),
        ),
        _COMMON,
    ),
    Subcommand(
        "reopen", "verbs:reopen", "open all log files anew, after they were moved away", "steer",
        (), _COMMON,
    ),
)  # fmt: skip

_CHANGE = (
    Subcommand(
        "plan", "changes:plan", "tell what update would do, and why; nothing is touched", "change",
        (_FILE,), _COMMON,
    ),
    Subcommand(
        "update", "changes:update",
        "make the tree what its file says now: only what has changed is touched", "change",
        (_FILE,), _COMMON,
    ),
    Subcommand(
        "add", "changes:add", "add the children in a file, and start them", "change",
        (Argument("file", "FILE", "one child, or `children:`; `-` is standard input", "1", str,
                  "file"),),
        (
            Option("parent", ("--parent",), "the supervisor that gets them; the root if left out",
                   "PATH", path, completes="path"),
            *_COMMON,
        ),
    ),
    Subcommand(
        "remove", "changes:remove", "stop children and forget them", "change", (_SOME_PATHS,),
        _COMMON,
    ),
    Subcommand(
        "scale", "changes:scale", "have so many copies of a child", "change",
        (
            Argument("path", "PATH", "the name that the copies share", "1", path, "path"),
            Argument("count", "N", "how many copies", "1", whole(0, 10_000)),
        ),
        _COMMON,
    ),
)  # fmt: skip

_BEFORE = (
    Subcommand(
        "run", "run:command", "be a program whose whole job is this tree, until it has ended",
        "before",
        (
            Argument("target", "TREE", "a tree file, MODULE:NAME, FILE.py:NAME, or a file that "
                     "ends with .conf: supervisord's", "?", str, "file"),
        ),
        (
            Option("conf", ("--configuration", "-c"), "a supervisord.conf, to be run as "
                   "supervisord does, in the foreground", "FILE", str, completes="file"),
            Option("name", ("--name",), "call the tree so", "NAME"),
            Option("log_level", ("--log-level",), "of otpsup's own log (INFO)", "LEVEL",
                   one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO",
                   completes="DEBUG INFO WARNING ERROR"),
            Option("log_format", ("--log-format",), "text, or JSON a line (text)", "FORMAT",
                   one_of("text", "json"), "text", completes="text json"),
        ),
    ),
    Subcommand(
        "check", "files:check", "tell whether trees are well-formed; nothing is started", "before",
        (Argument("files", "TREE", "a tree file, MODULE:NAME or FILE.py:NAME", "+", str, "file"),),
        (_JSON,),
    ),
    Subcommand(
        "import", "importing:command",
        "write a tree file that means what a supervisord.conf or a Procfile means; say what has "
        "no equivalent", "before",
        (Argument("file", "FILE", "a supervisord.conf, a part of one, or a Procfile", "1", file,
                  "file"),),
        (
            Option("output", ("--output", "-o"), "write it to this file, which must not exist; "
                   "without it, print it", "FILE", file, completes="file"),
        ),
    ),
    Subcommand("schema", "files:schema", "print the JSON Schema of tree files", "before"),
    Subcommand(
        "graph", "drawing:command", "draw a tree and its dependencies", "before",
        (Argument("tree_or_module", "TREE", _ANY_TREE, "?", str, "tree"),),
        (
            Option("format", ("--format",), "text, mermaid, dot or svg (text)", "FORMAT",
                   one_of("text", "mermaid", "dot", "svg"), "text",
                   completes="text mermaid dot svg"),
            *_WHICH,
        ),
    ),
    Subcommand(
        "simulate", "simulate:command",
        "run the scenarios in FILE, one JSON object a line, and print a trace for each; with "
        "--kill, say what would stop, start and escalate in TREE, and why", "before",
        (Argument("file", "FILE|TREE", f"scenarios, `-` is stdin; with --kill, {_ANY_TREE}", "?",
                  str, "file"),),
        (
            Option("kill", ("--kill",), "a child that would be killed; may be given several times, "
                   "each as soon as it is up", "PATH", path, [], many=True, completes="path"),
            Option("times", ("--times",), "do all of --kill so often", "N", whole(1, 1000)),
            Option("broken", ("--broken",), "a child that would not start any more", "PATH", path,
                   [], many=True, completes="path"),
            *_COMMON,
        ),
    ),
)  # fmt: skip

_SHELL = (
    Subcommand(
        "shell", "shell:command",
        "read commands, with completion and history, or from standard input", "shell", (), _WHICH,
    ),
    Subcommand(
        "web", "web:command",
        "serve a page and REST for a running tree, until interrupted; with login, print where that "
        "is if the tree serves itself; with token, make one for NAME", "shell",
        (
            Argument("what", "WHAT", "login, token, or nothing", "?", one_of("login", "token"),
                     "login token"),
            Argument("name", "NAME", "with token, whose it is"),
        ),
        (
            Option("listen", ("--listen", "-l"), "host:port or unix:/path (127.0.0.1:9300)",
                   "ADDRESS"),
            Option("tokens", ("--tokens",), "the file of tokens; with token, the new one is added "
                   "to it", "FILE", file, completes="file"),
            Option("role", ("--role",), "with token: view, operate or admin (view)", "ROLE",
                   one_of("view", "operate", "admin"), completes="view operate admin"),
            Option("host", ("--host",), "a name that this server has for others; may be given "
                   "several times", "NAME", str, [], many=True),
            Option("certificate", ("--certificate",), "in PEM, for TLS", "FILE", file,
                   completes="file"),
            Option("key", ("--key",), "of the certificate, if it is not in that file", "FILE",
                   file, completes="file"),
            *_WHICH,
        ),
    ),
    Subcommand(
        "completion", "completion:command",
        "print what makes a shell complete the commands of otpsup", "shell",
        (Argument("shell", "SHELL", "bash, zsh or fish", "1", one_of("bash", "zsh", "fish"),
                  "bash zsh fish"),),
    ),
    Subcommand(
        "orphans", "orphans:command",
        "list processes of trees that are dead; there should be none", "shell", (),
        (
            flag("end", "end them: SIGTERM, then SIGKILL"),
            Option("grace", ("--grace",), "between SIGTERM and SIGKILL (5.0)", "SECONDS", seconds,
                   5.0),
            _JSON,
        ),
    ),
)  # fmt: skip

COMMANDS = {each.name: each for each in (*_LOOK, *_STEER, *_CHANGE, *_BEFORE, *_SHELL)}
