"""Which keys there are: of every kind of child, of a file, and which of them are inherited how.

The one list that loading, the schema, `dump` and the reference page go by.
"""

from __future__ import annotations

import resource
from typing import Final

from attrs import frozen

from ..specs import Backoff, Command, DynamicSupervisor, Supervisor, Worker
from ..specs.check import schema_of
from .forms import NAME_OF_VARIABLE, SECONDS, Anything, ImportPath, Several, Table, Text, Value
from .kinds import CHECKS, DEPENDENCIES, STDERR, STDOUT, HookForm, Inherited, Input, Ready
from .notations import CommandLine, FilePath, Limit, Mask, Shutdown, Signal
from .records import Key, Keys, Record, fields_of

BACKOFF = Record(
    Backoff,
    {
        "initial": Key("initial", SECONDS),
        "factor": Key("factor", Value("a number")),
        "step": Key("step", SECONDS),
        "max": Key("max", SECONDS),
        "jitter": Key("jitter", Value("a share")),
        "reset_after": Key("reset_after", SECONDS),
    },
    "a mapping, as in `{initial: 1s, max: 1m}`",
)


def _value(words: str, *names: str) -> dict[str, Key]:
    return {name: Key(name, Value(words)) for name in names}


NAME = {"name": Key("name", Text("a name"))}

CHILD: Keys = {
    **_value("a word", "restart"),
    "shutdown": Key("shutdown", Shutdown()),
    **_value("true or false", "significant", "autostart"),
    "backoff": Key("backoff", BACKOFF),
    "after": Key("after", DEPENDENCIES),
}

_RLIMITS = schema_of(fields_of(Command)["rlimits"])["propertyNames"]
_LIMITS = tuple(
    name.removeprefix("RLIMIT_").lower() for name in dir(resource) if name.startswith("RLIMIT_")
)

PROCESS: Keys = {
    **CHILD,
    "ready": Key("ready", Ready()),
    "start_timeout": Key("start_timeout", SECONDS),
    **_value("a whole number", "start_retries"),
    "stop_signal": Key("stop_signal", Signal("a signal's name or number")),
    **_value("true or false", "stop_group"),
    "exitcodes": Key("exitcodes", Several(Value("a number"), "exit codes")),
    "environment": Key("environment", Table(Text(), "names and values", NAME_OF_VARIABLE)),
    "inherit_env": Key("inherit_env", Inherited()),
    "env_file": Key("env_file", Several(FilePath(), "paths")),
    "secrets": Key("secrets", Table(FilePath(), "names and paths", NAME_OF_VARIABLE)),
    "cwd": Key("cwd", FilePath()),
    **_value("a name or number", "user", "group"),
    "umask": Key("umask", Mask()),
    **_value("a whole number", "nice"),
    "rlimits": Key("rlimits", Table(Limit(), "limits by name", _RLIMITS, _LIMITS)),
    "stdout": Key("stdout", STDOUT, takes_null=True),
    "stderr": Key("stderr", STDERR, takes_null=True),
    **{name: Key(name, CHECKS) for name in ("startup", "readiness", "liveness")},
    **{name: Key(name, HookForm()) for name in ("before_start", "after_ready", "after_exit")},
}

WORKER: Keys = {
    **NAME,
    "worker": Key("target", ImportPath()),
    "args": Key("args", Several(Anything(), "a list", may_be_one=False)),
    "kwargs": Key("kwargs", Table(Anything(), "arguments by name", keeps_nothing=True)),
    **_value("a word", "start_method"),
    **PROCESS,
}
COMMAND: Keys = {
    **NAME,
    "command": Key("argv", CommandLine()),
    "stdin": Key("stdin", Input(), takes_null=True),
    **PROCESS,
}

_SUPERVISING: Keys = {**_value("a whole number", "intensity"), "period": Key("period", SECONDS)}
SUPERVISOR: Keys = {
    **NAME,
    **_value("a word", "strategy", "auto_shutdown"),
    **_value("true or false", "parallel"),
    **_SUPERVISING,
    **CHILD,
}
DYNAMIC: Keys = {**NAME, **_value("a whole number", "max_children"), **_SUPERVISING, **CHILD}


@frozen
class Kind:
    """One kind of child.

    Attributes:
        key: the key by which it is told.
        noun: what a message calls it.
        keys: that are read by their forms.
        others: keys that the builder reads itself.
    """

    key: str
    noun: str
    cls: type[Worker | Command | Supervisor | DynamicSupervisor]
    keys: Keys
    others: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """All keys that such a child may have."""
        return (*self.keys, *self.others, *EVERY_CHILD)


EVERY_CHILD: Final = ("copies", "extends")
"""Keys of a child that are no fields of its spec."""

KINDS: Final = {
    kind.key: kind
    for kind in (
        Kind("command", "a command", Command, COMMAND),
        Kind("worker", "a worker", Worker, WORKER),
        Kind("children", "a supervisor", Supervisor, SUPERVISOR, ("children", "defaults")),
        Kind(
            "template", "a dynamic supervisor", DynamicSupervisor, DYNAMIC, ("template", "defaults")
        ),
    )
}

ALL_KEYS: Final = tuple(dict.fromkeys(key for kind in KINDS.values() for key in kind.known))

OWN: Final = ("name", "after", "significant", "defaults", *EVERY_CHILD, *KINDS)
"""Keys of one child alone: no `defaults` give them."""

DEFAULTS: Final = tuple(key for key in ALL_KEYS if key not in OWN)

MERGED: Final = ("environment", "secrets", "rlimits", "kwargs")
"""Keys whose mappings are merged name by name; all else replaces what is inherited."""

PROCESSES_ONLY: Final = ("shutdown",)
"""A default that supervisors do not take: they wait until their own children have ended."""

_POLICY = (
    *("strategy", "parallel", "intensity", "period", "auto_shutdown", "shutdown", "max_children"),
)
ROOT: Final = ("name", *_POLICY, "children", "template", "plugins")
"""What a file says of the tree itself; it has no siblings, and nobody restarts it."""

SHARED: Final = ("include", "variables", "env_files", "defaults", "bases")
"""Keys at the top of any file."""


def belongs_to(key: str, besides: str) -> str:
    """`'umask' is for a command or a worker`; nothing if no other kind has this key."""
    nouns = [kind.noun for kind in KINDS.values() if key in kind.known and kind.key != besides]
    return f"it is for {' and '.join(nouns)}, and this is {KINDS[besides].noun}" if nouns else ""
