"""Which children a Consul agent is told of; `otpsup.plugins.consul` tells it.

Source: https://developer.hashicorp.com/consul/api-docs/agent/service
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from attrs import field, frozen

from . import check
from .plugin import PluginSpec


def _texts(value: Any) -> Any:
    return (value,) if isinstance(value, str) else check.converted(tuple, value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, str) and each for each in value)


def _text(example: str) -> check.Rule:
    return check.rule(lambda v: isinstance(v, str) and bool(v), "a text", example)


@frozen
class ConsulService:
    """How a child is registered: with a check of the agent's own, which connects to its port.

    Attributes:
        port: that it serves.
        address: at which others, and the agent, find it.
        name: of the service; the child's own if not given.
        tags: of the service.
        interval: seconds from one check of the agent to the next.
        deregister_after: seconds after which the agent forgets a service whose check fails, for
            whoever was killed could not deregister it; Consul takes a minute at least.
        id: of the service; made of name, tags and address if not given.
    """

    port: int = field(
        validator=check.rule(check.Whole(1, 65535), "a port from 1 to 65535", "port=8391")
    )
    address: str = field(default="127.0.0.1", kw_only=True, validator=_text("address='10.0.0.7'"))
    name: str | None = field(
        default=None, kw_only=True, validator=check.optional(_text("name='shop'"))
    )
    tags: tuple[str, ...] = field(
        default=(),
        kw_only=True,
        converter=_texts,
        validator=check.rule(_are_texts, "texts", "tags=['api']"),
    )
    interval: float = field(
        default=10.0, kw_only=True, validator=check.positive_seconds("interval=10")
    )
    deregister_after: float = field(
        default=60.0, kw_only=True, validator=check.positive_seconds("deregister_after=60")
    )
    id: str | None = field(
        default=None, kw_only=True, validator=check.optional(_text("id='shop-1'"))
    )


def _service(value: Any) -> Any:
    return ConsulService(value) if check.is_int(value) else value


def _services(value: Any) -> Any:
    return check.converted(lambda v: {path: _service(each) for path, each in v.items()}, value)


def _are_services(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(path, str) and isinstance(each, ConsulService) for path, each in value.items()
    )


def _is_address(value: Any) -> bool:
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username


def _optional_path(value: Any) -> Any:
    return None if value is None else check.converted(Path, value)


def _is_file(value: Any) -> bool:
    return value is None or check.is_path(value)


@frozen
class Consul(PluginSpec):
    """Registers children with a Consul agent when they are ready, and deregisters them when they
    are not up any more.

    Attributes:
        services: by the paths of children; a port alone may stand for a service.
        address: of the agent.
        timeout: seconds that the agent has for an answer.
        ca, certificate, key: files in PEM form, for an agent at https.
        token_file: a file with the agent's token.
    """

    name: ClassVar[str] = "consul"
    runs: ClassVar[str] = "otpsup.plugins.consul:Registrar"

    services: Mapping[str, ConsulService] = field(
        converter=_services,
        validator=check.rule(
            _are_services, "services by the paths of children", "Consul({'api': 8391})"
        ),
    )
    address: str = field(
        default="http://127.0.0.1:8500",
        kw_only=True,
        validator=check.rule(
            _is_address, "an http or https address", "address='http://127.0.0.1:8500'"
        ),
    )
    timeout: float = field(default=5.0, kw_only=True, validator=check.positive_seconds("timeout=5"))
    ca: Path | None = field(
        default=None,
        kw_only=True,
        converter=_optional_path,
        validator=check.rule(_is_file, "a path", "ca='/etc/consul/ca.pem'"),
    )
    certificate: Path | None = field(
        default=None,
        kw_only=True,
        converter=_optional_path,
        validator=check.rule(_is_file, "a path", "certificate='/etc/consul/client.pem'"),
    )
    key: Path | None = field(
        default=None,
        kw_only=True,
        converter=_optional_path,
        validator=check.rule(_is_file, "a path", "key='/etc/consul/client-key.pem'"),
    )
    token_file: Path | None = field(
        default=None,
        kw_only=True,
        converter=_optional_path,
        validator=check.rule(_is_file, "a path", "token_file='/run/secrets/consul'"),
    )
