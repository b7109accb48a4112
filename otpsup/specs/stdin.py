"""What a command's standard input is: nothing, a pipe from the host, or a socket that it serves.

Describes only; `runtime` opens them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from attrs import field, frozen

from . import check

NULL: Final = "null"
PIPE: Final = "pipe"

_URL = r"^(?:tcp://(?:\[[^\]\s]+\]|[^:/\s\[\]]*):[0-9]{1,5}|unix:///[^\u0000]+)(?![\s\S])"


def _is_url(value: Any) -> bool:
    if not isinstance(value, str) or not re.match(_URL, value):
        return False
    return value.startswith("unix:") or int(value.rpartition(":")[2]) < 1 << 16


@frozen
class Socket:
    """A socket that is opened before the command, kept while it is restarted, and shared by all
    commands of the tree that name the same one: what FastCGI programs serve (supervisord,
    `fcgi-program`), and inetd's `wait` services.

    Args:
        url: `tcp://host:port` (no host: all addresses) or `unix:///path`.
        backlog: connections that may wait to be accepted (listen(2)); None is the most.
        owner: `user` or `user:group` that a unix socket is to belong to.
        mode: its permissions.
    """

    url: str = field(
        validator=check.rule(
            _is_url,
            "tcp://host:port or unix:///path",
            "Socket('tcp://127.0.0.1:9000')",
            schema={"type": "string", "pattern": _URL},
        )
    )
    backlog: int | None = field(
        default=None,
        kw_only=True,
        validator=check.optional(
            check.rule(check.Whole(0, 2**31 - 1), "a count (0 or more)", "backlog=128")
        ),
    )
    owner: str | None = field(
        default=None,
        kw_only=True,
        validator=check.optional(
            check.rule(
                lambda v: isinstance(v, str) and bool(re.fullmatch(r"[^:\0]+(:[^:\0]+)?", v)),
                "user or user:group",
                "owner='www-data:www-data'",
                schema={"type": "string", "pattern": r"^[^:\u0000]+(:[^:\u0000]+)?(?![\s\S])"},
            )
        ),
    )
    mode: int = field(
        default=0o700,
        kw_only=True,
        validator=check.rule(check.Whole(0, 0o777), "0 to 0o777", "mode=0o770"),
    )


Stdin = str | Socket


def from_value(value: Any) -> Any:
    """Turn an address into a `Socket`; leave all else as it is."""
    return Socket(value) if isinstance(value, str) and "://" in value else value


def is_stdin(value: Any) -> bool:
    """Whether a command's input can be this."""
    return isinstance(value, Socket) or value in (NULL, PIPE)
