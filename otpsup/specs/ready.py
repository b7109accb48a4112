"""Readiness kinds: when a started child counts as ready.

*Up* is not *ready*: a process may exist long before it can serve. These classes only describe the
condition; `runtime.readiness` watches for it. Every kind ends at the child's `start_timeout`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import field, frozen

from .. import mask
from . import check
from .hook import IMPORT_PATH, is_target

_interval = check.positive_seconds("interval=0.1")
_timeout = check.positive_seconds("timeout=1")
_host = check.rule(
    lambda v: isinstance(v, str) and v != "",
    "a host",
    "host='127.0.0.1'",
    schema={"type": "string", "minLength": 1},
)


@frozen
class Spawned:
    """Ready as soon as the process exists. Written `ready="spawned"`, and the default."""


@frozen
class StaysUp:
    """Ready after it has stayed up for `seconds`; an earlier end is a failed start."""

    seconds: float = field(validator=check.positive_seconds("stays_up(1)"))


@frozen
class Notify:
    """Ready when the child says so.

    A Python child calls `current_child().ready()`; any child may send `READY=1` to the socket in
    `NOTIFY_SOCKET` (sd_notify(3)). With `fd`, a newline written to that descriptor counts too
    (the s6 protocol, notification-fd). Written `ready="notify"` where no `fd` is wanted.
    """

    fd: int | None = field(
        default=None,
        validator=check.optional(check.rule(check.Whole(3, 1023), "a descriptor from 3", "fd=3")),
    )


@frozen
class Port:
    """Ready when `host:port` accepts a TCP connection; tried every `interval` seconds."""

    port: int = field(
        validator=check.rule(check.Whole(1, 65535), "a port from 1 to 65535", "port(8001)")
    )
    host: str = field(default="127.0.0.1", validator=_host, kw_only=True)
    interval: float = field(default=0.05, validator=_interval, kw_only=True)
    timeout: float = field(default=1.0, validator=_timeout, kw_only=True)


def _is_http_url(url: Any) -> bool:
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0


@frozen
class Http:
    """Ready when a GET of `url` answers with `status` (None: any of 200 to 399).

    Tried every `interval` seconds, each try given `timeout` seconds. Redirects are not followed.
    """

    url: str = field(
        repr=lambda url: repr(mask.text(url)),
        validator=check.rule(
            _is_http_url,
            "an http:// or https:// address",
            "http('http://127.0.0.1:8001/healthz')",
            schema={"type": "string", "pattern": "^[hH][tT][tT][pP][sS]?://"},
        ),
    )
    status: int | None = field(
        default=None,
        kw_only=True,
        validator=check.optional(check.rule(check.Whole(100, 599), "an HTTP status", "status=200")),
    )
    interval: float = field(default=0.1, validator=_interval, kw_only=True)
    timeout: float = field(default=2.0, validator=_timeout, kw_only=True)


def _is_pattern(pattern: Any) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return isinstance(pattern, str) and pattern != ""


@frozen
class LogLine:
    """Ready when a line of the child's output matches the regular expression `pattern`."""

    pattern: str = field(
        validator=check.rule(
            _is_pattern,
            "a regular expression",
            "log_line('listening on .*')",
            schema={"type": "string", "minLength": 1},
        )
    )
    stream: Literal["stdout", "stderr", "both"] = field(
        default="both",
        kw_only=True,
        validator=check.one_of(("stdout", "stderr", "both"), "stream='stderr'"),
    )


@frozen
class Probe:
    """Ready when `function()` returns true; called in a thread of the host every `interval`.

    An exception counts as *not yet*; the last one is named if the start times out. A call that
    takes longer than `timeout` seconds is given up (its thread is left behind, as Python cannot
    end it) and counts as *not yet*. A path `"pkg.module:name"` is imported by the host, too.
    """

    function: Callable[[], object] | str = field(
        repr=check.repr_of_callable,
        validator=check.rule(
            lambda v: is_target(v) if isinstance(v, str) else callable(v),
            "a callable or 'pkg.module:name'",
            "probe(lambda: True)",
            schema=IMPORT_PATH,
        ),
    )
    interval: float = field(default=0.1, validator=_interval, kw_only=True)
    timeout: float = field(default=5.0, validator=_timeout, kw_only=True)


Readiness = Spawned | StaysUp | Notify | Port | Http | LogLine | Probe

_WORDS: dict[str, Readiness] = {"spawned": Spawned(), "notify": Notify()}


def from_word(value: Any) -> Any:
    """Turn `"spawned"` and `"notify"` into their kinds; leave everything else as it is."""
    return _WORDS.get(value, value) if isinstance(value, str) else value


# The spelling for trees: ready=otpsup.port(8001).
stays_up = StaysUp
notify = Notify
port = Port
http = Http
log_line = LogLine
probe = Probe
