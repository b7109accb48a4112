"""What can stand in a tree: `Supervisor`, `DynamicSupervisor`, `Worker`, `Command`.

Frozen, and checked when built: a spec that exists is a spec that can be started. Decides what is
legal, as OTP's `supervisor:check_childspecs/1` does; knows nothing of processes.
"""

from __future__ import annotations

import signal as signals
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import field, frozen

from .. import mask
from ..errors import InvalidSpec
from . import check, environ, health, output, posix, stdin
from .after import After, are_dependencies, from_value
from .backoff import Backoff
from .copy import Copy
from .hook import IMPORT_PATH, Hook, argv, is_argv, is_target
from .hook import from_value as hook_from_value
from .ready import Readiness, Spawned, from_word

Restart = Literal["permanent", "transient", "temporary"]
Shutdown = float | Literal["brutal_kill", "infinity"]
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
AutoShutdown = Literal["never", "any_significant", "all_significant"]
StartMethod = Literal["zygote", "spawn", "forkserver", "fork"]


def _copy(value: Any) -> Any:
    return check.converted(dict, value) if isinstance(value, Mapping) else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_A_HOOK = "a command line, a callable, 'pkg.module:name' or a Hook"


def _is_hook(value: Any) -> bool:
    return isinstance(value, Hook)


@frozen(kw_only=True)
class Child:
    """What every child has, be it a process or a supervisor.

    Args:
        restart: `permanent` is always restarted, `transient` only after an abnormal end,
            `temporary` never (OTP, supervisor(3), *restart type*).
        shutdown: how to stop it: seconds between the stop signal and SIGKILL, `brutal_kill` for
            SIGKILL at once, `infinity` to wait for ever.
        significant: its end can end its supervisor, see `Supervisor.auto_shutdown`.
        autostart: False declares a child that only `start_child` starts.
        backoff: waits between restart attempts; None restarts at once, as OTP does.
        copy: which copy of what it is; set by `copies`.
        after: the siblings that it depends on: names, which means ready, or `started(name)`,
            `healthy(name)`, `completed(name)`. One such child makes dependencies the order of all
            its siblings, in place of their list.
    """

    restart: Restart = field(
        default="permanent",
        validator=check.one_of(
            ("permanent", "transient", "temporary"),
            "restart='transient'",
            reason="invalid_restart_type",
        ),
    )
    shutdown: Shutdown = field(default=5.0, validator=check.shutdown)
    significant: bool = field(default=False, validator=check.boolean)
    autostart: bool = field(default=True, validator=check.boolean)
    backoff: Backoff | None = field(
        default=None,
        validator=check.optional(
            check.rule(lambda v: isinstance(v, Backoff), "a Backoff", "backoff=Backoff(initial=1)")
        ),
    )
    copy: Copy | None = field(
        default=None,
        validator=check.optional(
            check.rule(lambda v: isinstance(v, Copy), "a Copy", "*copies(4, make)")
        ),
    )
    after: tuple[After, ...] = field(
        default=(),
        converter=from_value,
        validator=check.rule(
            are_dependencies,
            "names of siblings, each once, or conditions on them",
            "after=['db', completed('migrate')]",
        ),
    )

    @significant.validator
    def _significant_is_not_permanent(self, _: attrs.Attribute[bool], value: bool) -> None:
        """supervisor(3): a permanent child cannot be significant."""
        if value is True and self.restart == "permanent":
            problem = (
                "significant=True needs restart='transient' or 'temporary', not 'permanent'; "
                "a permanent child never ends for good"
            )
            text = f"{check.label(self)}: {problem}"
            raise InvalidSpec(text, "bad_combination", field="significant", problem=problem)


_CHECKS = check.rule(
    lambda value: health.are_checks(value, "liveness"),
    "a Check, its condition, or several",
    "liveness=heartbeat(30)",
)
_NOT_FOR_LIFE = check.rule(
    lambda value: health.are_checks(value, "readiness"),
    "a check of a port, http, a probe, a command or an object with check_health, or several "
    "(heartbeat, silence, file_age, memory, cpu and max_age are for liveness only)",
    "readiness=port(8001)",
)


@frozen(kw_only=True)
class Process(Child):
    """What every process of a tree has, be it a `Worker` or a `Command`.

    Args:
        ready: when it counts as ready, see `otpsup.specs.ready`; `"spawned"` or `"notify"`, or a
            kind such as `port(8001)`.
        start_timeout: seconds within which it must be ready; then the start has failed.
        start_retries: None leaves its failures to its supervisor, as OTP does. A number makes them
            its own, as supervisord does with `startretries`: nobody waits for its start, one that
            fails is tried again after its `backoff`, so many times in a row, and then it is given
            up, alone; when it ends after it was ready, it is started again at once. None of that
            counts against the supervisor's `intensity`, which must be `one_for_one`.
        stop_signal: the signal that asks it to stop: a number, a `signal.Signals` or a name.
        stop_group: send that to its whole process group at once, and not to it alone.
        exitcodes: exit codes that count as a normal end.
        environment: variables on top of those of the host that it gets.
        inherit_env: which of the variables that the host had when the tree was started it gets:
            `"all"`, `"none"`, or a list of names, as `["PATH", "LC_*"]`. A child without PATH has
            its own program looked up in the host's.
        env_file: files of `NAME=value` lines, read at each start; later ones win over earlier
            ones, and `environment` over all. One path, or several.
        secrets: variables whose values are read from files at each start, and shown nowhere; they
            win over `environment`. A line break at the end of a file is not part of the value.
        cwd: its working folder; None is the host's.
        user, group: names or numbers to run as; `user` alone brings its own groups along, and its
            HOME, USER, LOGNAME and SHELL.
        umask: file mode mask, as in `0o022`.
        nice: the priority to run at, from -20 to 19 (setpriority(2)).
        rlimits: resource limits by name (setrlimit(2)): `{"nofile": 4096, "core": (0, -1)}`;
            one number sets soft and hard limit, -1 is unlimited.
        stdout, stderr: `"inherit"` (the host's stdout, prefixed with the name), `"null"`, a
            path, a `LogFile` or an `Inherit`; for stderr also `"stdout"`.
        startup: checks of whether it has begun well, as in Kubernetes: until they have succeeded,
            the other checks do not begin; if one fails, it is ended, as by `liveness`.
        readiness: checks of whether it can serve; a failure only marks it as not ready, until the
            check succeeds again.
        liveness: checks of whether it does well. If one fails, it is asked to end, and that counts
            as an end by itself, for the reason `unhealthy`. Each of the three is one `Check`, or
            its condition alone, or several.
        before_start: run before each start, which has failed if this does; what it takes counts
            for `start_timeout`.
        after_ready: run whenever it has become ready; a failure is told in the log.
        after_exit: run whenever it has ended, before it is started again.
    """

    ready: Readiness = field(
        default=Spawned(),
        converter=from_word,
        validator=check.rule(
            lambda v: isinstance(v, Readiness),
            "'spawned', 'notify' or a readiness kind",
            "ready=otpsup.port(8001)",
        ),
    )
    start_timeout: float = field(default=60.0, validator=check.positive_seconds("start_timeout=60"))
    start_retries: int | None = field(
        default=None,
        validator=check.optional(
            check.rule(check.is_below(check.MANY), "a count (0 or more)", "start_retries=3")
        ),
    )
    stop_signal: int = field(
        default=signals.SIGTERM,
        converter=posix.signal_number,
        validator=check.rule(
            posix.is_signal, "a signal", "stop_signal='INT'", schema=posix.SIGNALS
        ),
    )
    stop_group: bool = field(default=False, validator=check.boolean)
    exitcodes: frozenset[int] = field(
        default=frozenset({0}),
        converter=posix.exit_codes,
        validator=check.rule(
            lambda v: isinstance(v, frozenset) and all(posix.is_exit_code(code) for code in v),
            "exit codes from 0 to 255",
            "exitcodes={0, 2}",
            schema={"items": posix.is_exit_code.schema},
        ),
    )
    environment: Mapping[str, str] = field(
        factory=dict,
        converter=_copy,
        repr=False,
        validator=check.rule(
            environ.is_environment,
            "names and values as text",
            "environment={'LANG': 'C'}",
            secret=True,
        ),
    )
    inherit_env: Literal["all", "none"] | tuple[str, ...] = field(
        default="all",
        converter=_tuple,
        validator=check.rule(
            environ.is_inherited,
            "'all', 'none' or names of variables",
            "inherit_env=['PATH', 'LANG']",
        ),
    )
    env_file: tuple[Path, ...] = field(
        default=(),
        converter=environ.paths,
        validator=check.rule(environ.are_paths, "a path, or several", "env_file='app.env'"),
    )
    secrets: Mapping[str, Path] = field(
        factory=dict,
        converter=environ.path_values,
        validator=check.rule(
            environ.are_secrets,
            "names and paths of files",
            "secrets={'DB_PASSWORD': '/run/secrets/db'}",
        ),
    )
    cwd: Path | None = field(
        default=None,
        converter=environ.path,
        validator=check.optional(check.rule(check.is_path, "a path", "cwd='/srv/app'")),
    )
    user: str | int | None = field(
        default=None,
        validator=check.optional(
            check.rule(posix.is_user, "a user name or number", "user='www-data'", schema=posix.USER)
        ),
    )
    group: str | int | None = field(
        default=None,
        validator=check.optional(
            check.rule(posix.is_user, "a group name or number", "group='adm'", schema=posix.USER)
        ),
    )
    umask: int | None = field(
        default=None,
        validator=check.optional(check.rule(check.Whole(0, 0o777), "0 to 0o777", "umask=0o022")),
    )
    nice: int | None = field(
        default=None,
        validator=check.optional(
            check.rule(check.Whole(-20, 19), "a whole number from -20 to 19", "nice=10")
        ),
    )
    rlimits: Mapping[str, tuple[int, int]] = field(
        factory=dict,
        converter=posix.rlimits,
        validator=check.rule(
            posix.are_rlimits,
            "limits by name, -1 for unlimited",
            "rlimits={'nofile': 4096}",
            schema=posix.RLIMITS,
        ),
    )
    stdout: output.Output = field(
        default=output.INHERIT, converter=output.from_value, validator=output.stdout_check
    )
    stderr: output.Output = field(
        default=output.INHERIT, converter=output.from_value, validator=output.stderr_check
    )
    startup: health.Checks = field(default=(), converter=health.from_value, validator=_NOT_FOR_LIFE)
    readiness: health.Checks = field(
        default=(), converter=health.from_value, validator=_NOT_FOR_LIFE
    )
    liveness: health.Checks = field(default=(), converter=health.from_value, validator=_CHECKS)
    before_start: Hook | None = field(
        default=None,
        converter=hook_from_value,
        validator=check.optional(
            check.rule(_is_hook, _A_HOOK, "before_start=['createdb', 'shop']")
        ),
    )
    after_ready: Hook | None = field(
        default=None,
        converter=hook_from_value,
        validator=check.optional(
            check.rule(_is_hook, _A_HOOK, "after_ready=['nginx', '-s', 'reload']")
        ),
    )
    after_exit: Hook | None = field(
        default=None,
        converter=hook_from_value,
        validator=check.optional(
            check.rule(_is_hook, _A_HOOK, "after_exit=['rm', '-f', '/run/shop.lock']")
        ),
    )


@frozen
class Worker(Process):
    """A Python callable that runs in a process of its own.

    Args:
        name: unique among its siblings.
        target: a callable, a coroutine function, or a path `"pkg.module:name"` to either. A
            callable must be importable by its own module and name, as pickle needs it.
        args, kwargs: what it is called with; they are pickled.
        start_method: `zygote` (a fork of a warm, single-threaded process; the default), or one
            of multiprocessing's own `spawn`, `forkserver`, `fork`.
    """

    name: str = field(validator=check.name)
    target: Callable[..., object] | str = field(
        repr=check.repr_of_callable,
        validator=check.rule(
            is_target,
            "a callable or 'pkg.module:name'",
            "Worker('web', 'app.web:serve')",
            schema=IMPORT_PATH,
        ),
    )
    args: tuple[Any, ...] = field(
        default=(),
        converter=_tuple,
        repr=False,
        validator=check.rule(
            lambda v: isinstance(v, tuple), "a tuple", "args=(8001,)", secret=True
        ),
    )
    kwargs: Mapping[str, Any] = field(
        factory=dict,
        converter=_copy,
        repr=False,
        validator=check.rule(
            lambda v: isinstance(v, Mapping) and all(isinstance(k, str) for k in v),
            "arguments by name",
            "kwargs={'port': 8001}",
            secret=True,
        ),
    )
    start_method: StartMethod = field(
        default="zygote",
        kw_only=True,
        validator=check.one_of(("zygote", "spawn", "forkserver", "fork"), "start_method='spawn'"),
    )


@frozen
class Command(Process):
    """An external program that runs as a subprocess, in a session of its own.

    Args:
        name: unique among its siblings.
        argv: the program and its arguments; no shell reads them. A program without a slash is
            looked up in the child's own PATH.
        stdin: `"null"`; `"pipe"`, into which `write_stdin` writes; or a socket that it serves, a
            `Socket` or its address.
    """

    name: str = field(validator=check.name)
    argv: tuple[str, ...] = field(
        converter=argv,
        repr=lambda argv: repr(mask.command_line(argv)),
        validator=check.rule(
            is_argv, "a list of texts, program first", "Command('db', ['redis-server'])"
        ),
    )
    stdin: stdin.Stdin = field(
        default=stdin.NULL,
        converter=stdin.from_value,
        kw_only=True,
        validator=check.rule(
            stdin.is_stdin, "'null', 'pipe', an address or a Socket", "stdin='pipe'"
        ),
    )
