"""Orders: a child's spec as the launcher, the zygote or a stock worker takes it.

An order is a dict of plain values; `launcher.execute` names its keys. Descriptors travel beside it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..child import PATH
from ..specs import Command, Notify, Worker
from ..specs.check import has_no_nul
from . import environment
from .launcher import execute

_CHANNEL_NUMBER = 3


def command(
    spec: Command,
    path: str,
    args: Sequence[Any],
    umask: int,
    env: dict[str, str],
    host: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """The order for a command.

    Args:
        path: the child's path in the tree.
        args: come after the spec's own arguments.
        umask: the host's, for a spec that has none.
        env: its variables beside those that it inherits.
        host: the host's variables.

    Raises:
        environment.Unusable: the machine lacks something.
    """
    order = _common(spec, path, umask)
    file = environment.program(spec.argv[0], order["cwd"], env, host)
    env = {**env, PATH: path}
    return {
        **order,
        "channel": channel_number(spec),
        **_inherit(spec),
        "file": os.fsencode(file),
        "argv": [os.fsencode(part) for part in (*spec.argv, *_texts(args))],
        "env": _encode(env),
    }


def _texts(args: Sequence[Any]) -> list[str]:
    texts = [str(arg) for arg in args]
    if not has_no_nul(texts):
        raise environment.Unusable("an argument holds a NUL byte, which no program can be given")
    return texts


def worker(
    spec: Worker, path: str, args: Sequence[Any], umask: int, env: dict[str, str]
) -> tuple[dict[str, Any], list[int]]:
    """The order for a worker of the zygote, and the descriptors that its arguments bring along.

    Raises:
        environment.Unusable: the machine lacks something.
        Exception: the target or an argument cannot be pickled.
    """
    from . import workers  # multiprocessing with it, which a tree of commands does without

    process = workers.worker_process(spec, path, tuple(args))
    parts, fds = workers.pickle(process)
    tracker = workers.tracker_fd()
    order = {
        **_common(spec, path, umask),
        **_inherit(spec),
        "env": _encode(env),
        **parts,
        "tracker": tracker is not None,
    }
    return order, fds if tracker is None else [*fds, tracker]


def stock(
    spec: Worker, path: str, umask: int, env: dict[str, str], host: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """What a worker of a stock start method carries out on itself. It may have whatever variables
    its host has by now, so all that it is to have are in the order."""
    theirs = {k: v for k, v in _encode(host).items() if k not in execute.NOT_THEIRS}
    inherited = execute.inherited(_inherit(spec), theirs)
    return {
        **_common(spec, path, umask),
        "env": {**inherited, **_encode(env)},
        "is_whole": True,
    }


def _common(spec: Worker | Command, path: str, umask: int) -> dict[str, Any]:
    return {
        "path": path,
        "cwd": environment.working_folder(spec),
        "umask": umask if spec.umask is None else spec.umask,
        "stop_signal": int(spec.stop_signal),
        "grace": environment.grace(spec),
        **environment.privileges(spec),
    }


def _inherit(spec: Worker | Command) -> dict[str, Any]:
    """Which of the host's variables; nothing for all of them, which whoever makes it has anyway."""
    if spec.inherit_env == "all":
        return {}
    names = () if spec.inherit_env == "none" else spec.inherit_env
    return {"inherit": [os.fsencode(name) for name in names]}


def channel_number(spec: Command) -> int:
    """The descriptor under which a command finds its channel: 3, unless the spec wants that."""
    wanted = spec.ready.fd if isinstance(spec.ready, Notify) else None
    return _CHANNEL_NUMBER + 1 if wanted == _CHANNEL_NUMBER else _CHANNEL_NUMBER


def _encode(env: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(key): os.fsencode(value) for key, value in env.items()}
