"""A child's environment, folder, identity and program: from its spec to what the kernel needs.

Everything here may fail for reasons outside the spec (no such user, no such program); it then
raises `Unusable` with one clear sentence.
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from ..mask import Secrets
from ..specs import Command, Worker
from ..specs.check import INFINITY
from . import env_files
from .env_files import Unusable as Unusable


@frozen
class Given:
    """What one start of a child is given on top of the host's variables.

    Attributes:
        variables: by name.
        hidden: values among them that are secrets, whatever their names are.
    """

    variables: dict[str, str]
    hidden: tuple[str, ...] = ()


def given(spec: Worker | Command) -> Given:
    """The child's own variables: its user's, its env files', its own, its secrets, and which copy
    it is; the later of these win. Files are read now.

    Raises:
        Unusable: a file cannot be read, or what is in it cannot be used.
    """
    loaded: dict[str, str] = {}
    for path in spec.env_file:
        loaded |= env_files.variables(path)
    secret = {name: env_files.secret(f"secret {name}", path) for name, path in spec.secrets.items()}
    copy = {"OTPSUP_COPY": str(spec.copy.number)} if spec.copy else {}
    own = {**_login(spec.user), **loaded, **spec.environment, **secret, **copy}
    return Given(own, tuple(secret.values()))


def _login(user: str | int | None) -> dict[str, str]:
    """Whose child it is: the variables that systemd sets for `User=` (systemd.exec(5))."""
    entry = None if user is None else _entry(user)
    if entry is None:
        return {}
    name = entry.pw_name
    return {"HOME": entry.pw_dir, "LOGNAME": name, "USER": name, "SHELL": entry.pw_shell}


def _entry(user: str | int) -> pwd.struct_passwd | None:
    """A user's entry; None for a number that is nobody's.

    Raises:
        Unusable: no such user.
    """
    try:
        return pwd.getpwnam(user) if isinstance(user, str) else pwd.getpwuid(user)
    except KeyError:
        if isinstance(user, str):
            raise Unusable(f"there is no user {user!r} on this machine") from None
        return None


def secrets(
    spec: Worker | Command, args: Sequence[Any], given: Given, host: Mapping[str, str]
) -> Secrets:
    """What nobody is to see of what this child is given.

    Args:
        args: come after the spec's own arguments.
        host: the host's variables, whose secrets count, too.
    """
    variables = {**host, **given.variables}
    if isinstance(spec, Worker):
        return Secrets({**variables, **spec.kwargs}, always=given.hidden)
    texts = (arg for arg in args if isinstance(arg, str))
    return Secrets(variables, (*spec.argv, *texts), given.hidden)


def working_folder(spec: Worker | Command) -> str:
    """The child's folder as an absolute path; "" for the host's own."""
    return os.path.abspath(spec.cwd) if spec.cwd else ""  # noqa: PTH100 (keeps symlinks)


def program(argv0: str, cwd: str, env: Mapping[str, str], host: Mapping[str, str]) -> str:
    """The file to execute, found as the child's own shell would find it; by the host's PATH where
    the child has none of its own, be that inherited or not.

    Raises:
        Unusable: there is no such program.
    """
    if "/" in argv0:
        return os.path.join(cwd, argv0) if cwd else argv0  # noqa: PTH118
    path = env.get("PATH", host.get("PATH", os.defpath))
    found = _on(path, argv0)
    if found is None:
        raise Unusable(f"command {argv0!r} not found on PATH ({path}); install it or give its path")
    return found


def _on(path: str, name: str) -> str | None:
    """The first program of this name in these folders, as execvp(3) has it. (`shutil.which` would
    do, but brings every kind of compression along.)"""
    for folder in path.split(os.pathsep):
        file = os.path.join(folder, name)  # noqa: PTH118
        if os.access(file, os.X_OK) and not os.path.isdir(file):  # noqa: PTH112
            return file
    return None


def privileges(spec: Worker | Command) -> dict[str, Any]:
    """The parts of an order about limits, priority and identity; empty if there are none.

    Raises:
        Unusable: no such user or group.
    """
    order: dict[str, Any] = {}
    if spec.nice is not None:
        order["nice"] = spec.nice
    if spec.rlimits:
        order["rlimits"] = dict(spec.rlimits)
    if spec.group is not None:
        order["gid"] = _group_number(spec.group)
    if spec.user is not None:
        order |= _user(spec.user, order.get("gid"))
    return order


def _user(user: str | int, gid: int | None) -> dict[str, Any]:
    """Identity of a user: with its own supplementary groups, as initgroups(3) has it."""
    entry = _entry(user)
    if entry is None:
        return {"uid": user, "gid": user if gid is None else gid, "groups": []}
    gid = entry.pw_gid if gid is None else gid
    return {"uid": entry.pw_uid, "gid": gid, "groups": os.getgrouplist(entry.pw_name, gid)}


def _group_number(group: str | int) -> int:
    if isinstance(group, int):
        return group
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise Unusable(f"there is no group {group!r} on this machine") from None


def grace(spec: Worker | Command) -> float:
    """Seconds between stop signal and SIGKILL if the launcher has to end the child by itself."""
    if spec.shutdown == INFINITY:
        return 1e9
    return float(spec.shutdown) if isinstance(spec.shutdown, int | float) else 0.0


def hold_standard_descriptors() -> None:
    """Open /dev/null where this process has no stdin, stdout or stderr.

    Else a file or socket of the tree would get that number, and somebody's output.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)


def current_umask() -> int:
    """The host's file mode mask, read without touching it (proc(5))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o022
