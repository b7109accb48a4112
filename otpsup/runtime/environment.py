"""A child's environment, folder, identity and program: from its spec to what the kernel needs.

Everything here may fail for reasons outside the spec (no such user, no such program); it then
raises `Unusable` with one clear sentence.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import OtpsupError
from ..mask import Secrets
from ..specs import Command, Worker
from ..specs.check import INFINITY


class Unusable(OtpsupError):
    """The machine does not have what the spec asks for."""


def overlay(spec: Worker | Command) -> dict[str, str]:
    """The variables that the child gets on top of the host's: its user's, its env file's, then its
    own."""
    loaded: dict[str, str] = {}
    for path in spec.env_file:
        loaded |= read_env_file(path)
    return {**_login(spec.user), **loaded, **spec.environment}


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


def secrets(spec: Worker | Command, args: Sequence[Any]) -> Secrets:
    """What nobody is to see of what this child is given, the host's own variables with it.

    Args:
        args: come after the spec's own arguments.

    Raises:
        Unusable: the env file cannot be read.
    """
    variables = {**os.environ, **overlay(spec)}
    if isinstance(spec, Worker):
        return Secrets({**variables, **spec.kwargs})
    return Secrets(variables, (*spec.argv, *(arg for arg in args if isinstance(arg, str))))


def read_env_file(path: Path) -> dict[str, str]:
    """The variables in a file of `NAME=value` lines.

    Blank lines and lines that begin with `#` are passed over; `export ` before a name too. A value
    may be quoted as in a shell; nothing is expanded.

    Raises:
        Unusable: the file cannot be read, or a line is no assignment.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"cannot read env file {path}: {error}") from None
    numbered = ((n, line.strip()) for n, line in enumerate(lines, 1))
    return dict(_assignment(path, n, line) for n, line in numbered if line and line[0] != "#")


def _assignment(path: Path, number: int, line: str) -> tuple[str, str]:
    name, equals, value = line.removeprefix("export ").strip().partition("=")
    if not equals or not name.isidentifier():
        raise Unusable(f"{path}, line {number}: expected NAME=value, for example LANG=C")
    if "\0" in value:
        raise Unusable(f"{path}, line {number}: a NUL byte, which no environment can hold")
    try:
        return name, " ".join(shlex.split(_without_comment(value)))
    except ValueError as error:
        raise Unusable(f"{path}, line {number}: {error}; close the quotation") from None


_WORD = re.compile(r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s'"\\])+""")


def _without_comment(value: str) -> str:
    """A comment begins at a word that begins with `#`, as in a shell; `a#b` is a value."""
    comments = (word.start() for word in _WORD.finditer(value) if word[0].startswith("#"))
    return value[: next(comments, len(value))]


def working_folder(spec: Worker | Command) -> str:
    """The child's folder as an absolute path; "" for the host's own."""
    return os.path.abspath(spec.cwd) if spec.cwd else ""  # noqa: PTH100 (keeps symlinks)


def program(argv0: str, cwd: str, env: Mapping[str, str]) -> str:
    """The file to execute, found as the child's own shell would find it.

    Raises:
        Unusable: there is no such program.
    """
    if "/" in argv0:
        return os.path.join(cwd, argv0) if cwd else argv0  # noqa: PTH118
    path = env.get("PATH", os.environ.get("PATH", os.defpath))
    found = shutil.which(argv0, path=path)
    if found is None:
        raise Unusable(f"command {argv0!r} not found on PATH ({path}); install it or give its path")
    return found


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
