"""Channels: the ways by which alerts reach people.

These classes only describe; `otpsup.alerts.channels` delivers. What is a secret is in a file, or in
an environment variable of the host, and is read at each delivery: it can be changed any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from attrs import field, frozen

from .. import mask
from ..errors import InvalidSpec
from . import check
from .hook import IMPORT_PATH, is_target
from .quiet import RATE, QuietHours, Rate, are_hours, from_hours, is_rate

Tls = Literal["starttls", "tls", "none"]
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""RFC 6409, RFC 8314, RFC 5321."""
_LOCAL = ("localhost", "127.0.0.1", "::1")


def _path(value: Any) -> Any:
    return value if value is None else check.converted(Path, value)


def _file(example: str) -> check.Rule:
    return check.rule(lambda v: v is None or check.is_path(v), "a path", example)


def _variable(example: str) -> check.Rule:
    return check.rule(
        lambda v: v is None or (isinstance(v, str) and v.isascii() and v.isidentifier()),
        "the name of an environment variable",
        example,
        schema={"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]*(?![\s\S])"},
    )


def _line(example: str) -> check.Rule:
    """A text on one line: a line break in a header would begin another one."""
    return check.rule(
        lambda v: isinstance(v, str) and v != "" and v.isprintable(),
        "a text on one line",
        example,
        schema={"type": "string", "minLength": 1},
    )


def _own_hours(value: Any) -> Any:
    return value if value is None else from_hours(value)


@frozen
class Channel:
    """What all channels have.

    Args:
        rate: no more messages than that; what comes beyond goes into the next one.
        quiet_hours: of its own, instead of those of `Alerts`; an empty list is none.
        timeout: seconds that a delivery may take.
    """

    kind: ClassVar[str] = ""

    rate: Rate = field(default=RATE, kw_only=True, validator=is_rate)
    quiet_hours: tuple[QuietHours, ...] | None = field(
        default=None,
        kw_only=True,
        converter=_own_hours,
        validator=check.rule(
            lambda v: v is None or are_hours(v), "quiet hours", "quiet_hours=['22:00-07:00']"
        ),
    )
    timeout: float = field(
        default=30.0, kw_only=True, validator=check.positive_seconds("timeout=30")
    )


@frozen
class Mailbox(Channel):
    """A folder of messages that mail programs can read: a Maildir.

    Source: https://cr.yp.to/proto/maildir.html

    Args:
        folder: is made if need be; next to the outbox, `<name of the tree>.mail`, if not given.
    """

    kind: ClassVar[str] = "mailbox"

    folder: Path | None = field(
        default=None,
        converter=_path,
        validator=check.rule(
            lambda v: v is None or check.is_path(v), "a path", "Mailbox('/var/mail/shop')"
        ),
    )


def _to(value: Any) -> Any:
    return check.converted(tuple, [value] if isinstance(value, str) else value)


def _are_addresses(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(map(_is_address, value))


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and "@" in value.strip("@")


@frozen
class Smtp(Channel):
    """E-mail, through a mail server.

    Args:
        host: of the server.
        sender: the address in `From`.
        to: the addresses it goes to.
        port: 587 for `starttls`, 465 for `tls`, 25 for `none`, if not given.
        user: to log in as.
        password_file: a file with the password.
        password_env: a variable of the host with it.
        tls: `starttls` (RFC 3207), `tls` from the first byte (RFC 8314), or `none`. A password is
            given to no server without it, unless that is on this machine.
        ca_file: of certificates that are trusted instead of the system's.
    """

    kind: ClassVar[str] = "smtp"

    host: str = field(validator=_line("host='mail.example.com'"))
    sender: str = field(
        validator=check.rule(
            _is_address, "an address", "sender='otpsup@example.com'",
            schema={"type": "string", "pattern": "[^@]@[^@]"},
        )
    )  # fmt: skip
    to: tuple[str, ...] = field(
        converter=_to,
        validator=check.rule(
            _are_addresses, "one address or more", "to=['ops@example.com']",
            schema={"type": "array", "minItems": 1,
                    "items": {"type": "string", "pattern": "[^@]@[^@]"}},
        ),
    )  # fmt: skip
    port: int | None = field(
        default=None,
        kw_only=True,
        validator=check.optional(
            check.rule(check.Whole(1, 65_535), "a port from 1 to 65535", "port=587")
        ),
    )
    user: str | None = field(
        default=None, kw_only=True, validator=check.optional(_line("user='shop'"))
    )
    password_file: Path | None = field(
        default=None,
        kw_only=True,
        converter=_path,
        validator=_file("password_file='/run/secrets/mail'"),
    )
    password_env: str | None = field(
        default=None, kw_only=True, validator=_variable("password_env='MAIL_PASSWORD'")
    )
    tls: Tls = field(
        default="starttls", kw_only=True, validator=check.one_of(_PORTS, "tls='starttls'")
    )
    ca_file: Path | None = field(
        default=None, kw_only=True, converter=_path, validator=_file("ca_file='/etc/ssl/ours.pem'")
    )

    def __attrs_post_init__(self) -> None:
        _one_at_most(self, "password_file", "password_env")
        given = self.password_file or self.password_env
        if bool(self.user) != bool(given):
            raise _bad(self, "a user needs a password_file or password_env, and that needs a user")
        if given and self.tls == "none" and self.host not in _LOCAL:
            raise _bad(self, "a password would cross the network in clear; set tls to 'starttls'")

    @property
    def at(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or _PORTS[self.tls]


def _is_url(value: Any) -> bool:
    """A user and a password are secrets, and have no place in one that is written down here."""
    parts = urlsplit(value)
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return is_web and value.isprintable() and "@" not in parts.netloc


def _are_headers(value: Any) -> bool:
    return check.text_mapping(value) and all(
        name.isascii() and name.replace("-", "").isalnum() and text.isprintable()
        for name, text in value.items()
    )


def _paths(value: Any) -> Any:
    return check.converted(lambda v: {name: Path(path) for name, path in v.items()}, value)


_HEADER_NAMES = {"pattern": r"^[A-Za-z0-9-]*[A-Za-z0-9][A-Za-z0-9-]*(?![\s\S])"}


@frozen
class Webhook(Channel):
    """An HTTP POST of JSON, to an address of one's own, or to a chat's incoming webhook.

    Args:
        url: `http` or `https`; what has a password or a token in it belongs in `url_file` or
            `url_env`.
        url_file: a file with the address.
        url_env: a variable of the host with it.
        headers: to be sent along.
        secret_headers: by name, the files whose contents are sent: `{"Authorization": "/run/..."}`.
        ca_file: of certificates that are trusted instead of the system's.
    """

    kind: ClassVar[str] = "webhook"

    url: str | None = field(
        default=None,
        repr=lambda url: repr(url and mask.text(url)),
        validator=check.optional(
            check.rule(
                _is_url, "an http or https address without a user", "Webhook('https://ops.example.com/hook')",
                secret=True, schema={"type": "string", "pattern": "^https?://[^/?#@]+(?:[/?#]|$)"},
            )
        ),
    )  # fmt: skip
    url_file: Path | None = field(
        default=None, kw_only=True, converter=_path, validator=_file("url_file='/run/secrets/hook'")
    )
    url_env: str | None = field(
        default=None, kw_only=True, validator=_variable("url_env='HOOK_URL'")
    )
    headers: Mapping[str, str] = field(
        factory=dict,
        kw_only=True,
        repr=lambda headers: repr(mask.within(dict(headers))),
        validator=check.rule(
            _are_headers, "names and texts", "headers={'X-Team': 'shop'}", secret=True,
            schema={"propertyNames": _HEADER_NAMES, "additionalProperties": {"type": "string"}},
        ),
    )  # fmt: skip
    secret_headers: Mapping[str, Path] = field(
        factory=dict,
        kw_only=True,
        converter=_paths,
        validator=check.rule(
            lambda v: _are_headers(dict.fromkeys(v, "")) and all(map(check.is_path, v.values())),
            "names and paths of files",
            "secret_headers={'Authorization': '/run/secrets/hook'}",
            schema={"propertyNames": _HEADER_NAMES},
        ),
    )
    ca_file: Path | None = field(
        default=None, kw_only=True, converter=_path, validator=_file("ca_file='/etc/ssl/ours.pem'")
    )

    def __attrs_post_init__(self) -> None:
        _just_one(self, "url", "url_file", "url_env")


@frozen
class Apprise(Channel):
    """Whatever apprise can reach: WeCom, DingTalk, Slack, SMS gateways and a hundred more.

    Needs the extra `alerts`. An address of apprise has its secrets in it, so none is given here.

    Source: https://github.com/caronc/apprise/wiki

    Args:
        urls_file: a file with apprise's addresses, one a line; `#` begins a comment.
        urls_env: a variable with them, with blanks between.
    """

    kind: ClassVar[str] = "apprise"

    urls_file: Path | None = field(
        default=None,
        kw_only=True,
        converter=_path,
        validator=_file("urls_file='/run/secrets/apprise'"),
    )
    urls_env: str | None = field(
        default=None, kw_only=True, validator=_variable("urls_env='APPRISE_URLS'")
    )

    def __attrs_post_init__(self) -> None:
        _just_one(self, "urls_file", "urls_env")


@frozen
class OwnChannel(Channel):
    """A channel of your own, by its import path; in Python the object itself will do.

    Args:
        use: `pkg.module:Class`; objects of it have `send(message)`, see
            `otpsup.plugins.AlertChannel`.
        settings: the arguments of the class, by name.
    """

    kind: ClassVar[str] = "own"

    use: str = field(
        validator=check.rule(
            lambda v: isinstance(v, str) and is_target(v), "'pkg.module:Class'",
            "OwnChannel('shop.lamp:Lamp')", schema=IMPORT_PATH,
        )
    )  # fmt: skip
    settings: Mapping[str, Any] = field(
        factory=dict,
        kw_only=True,
        repr=False,
        validator=check.rule(
            lambda v: isinstance(v, Mapping) and all(isinstance(key, str) for key in v),
            "arguments by name",
            "settings={'pin': 3}",
            secret=True,
        ),
    )


CHANNELS: tuple[type[Channel], ...] = (Mailbox, Smtp, Webhook, Apprise, OwnChannel)


def _just_one(channel: Channel, *names: str) -> None:
    _one_at_most(channel, *names)
    if all(getattr(channel, name) is None for name in names):
        raise _bad(channel, f"needs one of {', '.join(names)}")


def _one_at_most(channel: Channel, *names: str) -> None:
    given = [name for name in names if getattr(channel, name) is not None]
    if len(given) > 1:
        raise _bad(channel, f"must have just one of {', '.join(given)}")


def _bad(channel: Channel, problem: str) -> InvalidSpec:
    return InvalidSpec(f"{type(channel).__name__}: {problem}", "bad_combination", problem=problem)
