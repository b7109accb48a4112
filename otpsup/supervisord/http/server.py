"""A daemon's HTTP servers, as `otpsup.serving` serves them."""

from __future__ import annotations

from collections.abc import Sequence

from ...serving.server import Server, Site
from ...serving.sockets import Address
from ..conf.model import HttpServer
from .app import App, Door


def serving(servers: Sequence[HttpServer], door: Door) -> Server:
    """What serves them, once it is started.

    Raises:
        NoWebServer: uvicorn or httptools are not installed.
        CannotServe: a socket cannot be had; none is left open.
    """
    why = f"this configuration has [{servers[0].section}]" if servers else ""
    return Server([_site(server, door) for server in servers], why)


def _site(server: HttpServer, door: Door) -> Site:
    address = Address(
        label=f"[{server.section}]",
        file=server.file,
        host=server.host,
        port=server.port or 0,
        chmod=server.chmod,
        chown=server.chown,
    )
    return Site(address, lambda over: App(server, door, over))
