"""Settings of the HTTP server of a tree: its page, REST, `/healthz`, `/metrics`, ..."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, ClassVar

from attrs import field, frozen

from ..errors import InvalidSpec
from . import check
from .plugin import PluginSpec

_INET = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/\s]+):([0-9]{1,5})")
_UNIX = "unix:"


def _is_listen(value: Any) -> bool:
    if not isinstance(value, str) or not value.isprintable():
        return False
    if value.startswith(_UNIX):
        return value.removeprefix(_UNIX).startswith("/")
    found = _INET.fullmatch(value)
    return found is not None and int(found[2]) < 65536 and _is_host(found[1].strip("[]"))


def _is_host(host: str) -> bool:
    """An address of this machine: what a name means may change, but for `localhost`."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _path(value: Any) -> Any:
    return value if value is None else check.converted(Path, value)


def _hosts(value: Any) -> Any:
    if isinstance(value, str):
        return (value.lower(),)
    return check.converted(lambda v: tuple(each.lower() for each in v), value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-z_.:-]{1,253}", value) is not None


_FILE = check.optional(check.rule(check.is_path, "a path", "certificate='/etc/shop/web.pem'"))


@frozen
class Web(PluginSpec):
    """Serves a tree over HTTP: a page, REST, and the pages of all plug-ins (extra `web`).

    Args:
        listen: `host:port`, as in `127.0.0.1:9300` or `[::1]:9300`, port 0 being any that is free;
            or `unix:/path/of/socket`, which without a `token_file` only the user of the tree may
            use.
        token_file: a file with lines of `role name sha256`, as `otpsup web token` writes them: who
            asks must send one of these tokens, as `Authorization: Bearer TOKEN` (RFC 6750). Or with
            one token as it is, of 16 characters or more, which may only look. Whatever can be
            reached from other machines has to have one. Without it, `/healthz` and the other pages
            of plug-ins are open to this machine, and all else takes a token that is made at the
            start, see `otpsup web login`; on a unix socket nothing but to be the user of the tree.
        hosts: names that this server has for others, as a proxy passes them on in the Host header.
        certificate, key: files in PEM, for TLS; without a key it is in the certificate's file.
    """

    name: ClassVar[str] = "web"
    runs: ClassVar[str] = "otpsup.web.service:Service"

    listen: str = field(
        default="127.0.0.1:9300",
        validator=check.rule(
            _is_listen,
            "'host:port' with an IP address or 'localhost', or 'unix:/path'",
            "listen='127.0.0.1:9300'",
            schema={"type": "string", "minLength": 1},
        ),
    )
    token_file: Path | None = field(
        default=None,
        converter=_path,
        validator=check.optional(
            check.rule(check.is_path, "a path", "token_file='/etc/shop/web.token'")
        ),
    )

    hosts: tuple[str, ...] = field(
        default=(),
        converter=_hosts,
        validator=check.rule(
            lambda v: isinstance(v, tuple) and all(map(_is_name, v)),
            "names of hosts, without ports", "hosts=['shop.example.com']",
        ),
    )  # fmt: skip
    certificate: Path | None = field(default=None, converter=_path, validator=_FILE)
    key: Path | None = field(default=None, converter=_path, validator=_FILE)

    def __attrs_post_init__(self) -> None:
        if self.key is not None and self.certificate is None:
            text = "a key is for a certificate: name that, too"
            raise InvalidSpec(f"Web: {text}", field="key", problem=text)
        if self.token_file is None and not self.is_private:
            text = (
                f"{check.shown(self.listen)} can be reached from other machines, and whoever can "
                "reach it would see all pages: name a token_file, or listen on 127.0.0.1"
            )
            raise InvalidSpec(f"Web: {text}", field="listen", problem=text)

    @property
    def file(self) -> Path | None:
        """The path of the unix socket, if it is one."""
        is_unix = self.listen.startswith(_UNIX)
        return Path(self.listen.removeprefix(_UNIX)) if is_unix else None

    @property
    def host(self) -> str:
        """The host, without brackets; nothing for a unix socket."""
        return "" if self.file else self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port; 0 for a unix socket."""
        return 0 if self.file else int(self.listen.rpartition(":")[2])

    @property
    def is_private(self) -> bool:
        """Only this machine can reach it."""
        if self.file or self.host == "localhost":
            return True
        return ipaddress.ip_address(self.host).is_loopback
