"""Registers children with a Consul agent: when they are ready, until they are not up any more.

The agent may be away: what it is to know is remembered, and told when it is back. What it was told
is told again every few minutes, for an agent that lost its data forgets all services.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

from ..complaints import Complaints
from ..errors import in_words
from ..logger import logger
from ..plain import plain
from ..specs.check import nearest, shown
from ..specs.consul import Consul, ConsulService
from ..views import Event
from .base import Plugin
from .handle import PluginTree

_AGAIN = 5.0
"""Seconds after which what the agent has not taken is told again."""
_REFRESH = 300.0
"""Seconds after which it is told anew what it knows already."""


class Registrar(Plugin):
    """At work for one tree."""

    every = _AGAIN

    def __init__(self, settings: Consul) -> None:
        self._settings = settings
        self._up: set[str] = set()
        """Paths of children that are ready."""
        self._told: dict[str, float] = {}
        """Paths that the agent knows, and when it was told."""
        self._complaints = Complaints("plug-in consul")
        self._is_away = False

    def start(self, tree: PluginTree) -> None:
        """Children that are up already, if the plug-in came later than they."""
        self._complaints = Complaints(f"plug-in {self.name}")
        self._tree = tree
        self._look()
        self._tell_of_unknown([node.path for node in tree.status().walk()])

    def _tell_of_unknown(self, known: list[str]) -> None:
        """A path may be wrong, or of a child that is to come."""
        for path in sorted(self._settings.services.keys() - set(known)):
            near = nearest(path, known)
            hint = f"; {near}" if near else ""
            self._complaints.say(path, f"registers {shown(path)}, and there is no such child{hint}")

    def lost(self, count: int) -> None:
        """What became of children is to be seen in the tree."""
        self._look()

    def _look(self) -> None:
        running = {node.path for node in self._tree.status().walk() if node.state == "running"}
        self._up = running & self._settings.services.keys()
        self._agree()

    def on_event(self, event: Event) -> None:
        """A child has become ready, or is not up any more."""
        if event.kind != "state" or event.path not in self._settings.services:
            return
        if event.state == "running":
            self._up.add(event.path)
            self._told.pop(event.path, None)  # another process: the agent looks anew
        else:
            self._up.discard(event.path)
        self._agree()

    def tick(self) -> None:
        """Tell the agent what it has not taken, or may have forgotten."""
        old = time.monotonic() - _REFRESH
        self._told = {
            path: at for path, at in self._told.items() if at > old or path not in self._up
        }
        self._agree()

    def stop(self) -> None:
        """Nothing is up any more."""
        self._up.clear()
        self._agree()

    def _agree(self) -> None:
        """Have the agent know just what is up."""
        gone, new = self._told.keys() - self._up, self._up - self._told.keys()
        for tell, paths in ((self._deregister, gone), (self._register, new)):
            for path in sorted(paths):
                try:
                    tell(path)
                except urllib.error.HTTPError as error:  # of this one: the others may do better
                    self._say(f"refuses {path}", f"refuses {path}", error)
                except (OSError, ValueError) as error:
                    self._is_away = True
                    self._say("is away", "cannot be told", error)
                    return
        if self._is_away and (gone or new):
            self._is_away = False
            logger.info("plug-in {}: the agent has been told", self.name)

    def _say(self, kind: str, what: str, error: Exception) -> None:
        where = self._settings.address
        self._complaints.say(kind, f"will try again: the agent at {where} {what}: {_why(error)}")

    def _register(self, path: str) -> None:
        body = payload(path, self._settings.services[path])
        self._put("/v1/agent/service/register", body)
        self._told[path] = time.monotonic()

    def _deregister(self, path: str) -> None:
        id = service_id(path, self._settings.services[path])
        self._put(f"/v1/agent/service/deregister/{quote(id, safe='')}", b"")
        del self._told[path]

    def _put(self, path: str, body: bytes) -> None:
        settings = self._settings
        request = urllib.request.Request(settings.address.rstrip("/") + path, body, method="PUT")
        if body:
            request.add_header("Content-Type", "application/json")
        if settings.token_file:
            request.add_header("X-Consul-Token", settings.token_file.read_text().strip())
        with _opener(settings).open(request, timeout=settings.timeout) as answer:
            answer.read()


def _opener(settings: Consul) -> urllib.request.OpenerDirector:
    """Without a proxy: the agent is on this machine, or near it."""
    handlers: list[Any] = [urllib.request.ProxyHandler({})]
    if settings.address.startswith("https:"):
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.certificate:
            context.load_cert_chain(settings.certificate, settings.key)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers)


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        with error:
            return plain(f"HTTP status {error.code}: {error.read(200).decode(errors='replace')}")
    reason = getattr(error, "reason", None)
    return in_words(reason if isinstance(reason, Exception) else error)


def service_name(path: str, service: ConsulService) -> str:
    """What a service is called."""
    return service.name or path.rpartition("/")[2]


def service_id(path: str, service: ConsulService) -> str:
    """By which the agent knows it: the same after a restart, of the host, too."""
    if service.id:
        return service.id
    at = f"{service.address}:{service.port}"
    mark = hashlib.md5(at.encode(), usedforsecurity=False).hexdigest()
    return "-".join([service_name(path, service), *service.tags, mark])


def payload(path: str, service: ConsulService) -> bytes:
    """The body of a registration."""
    at = f"{service.address}:{service.port}"
    found = {
        "name": service_name(path, service),
        "id": service_id(path, service),
        "address": service.address,
        "port": service.port,
        "tags": list(service.tags),
        "check": {
            "tcp": at,
            "interval": _duration(service.interval),
            "DeregisterCriticalServiceAfter": _duration(service.deregister_after),
        },
    }
    return json.dumps(found, separators=(",", ":")).encode()


def _duration(seconds: float) -> str:
    """As Go's time.ParseDuration reads it."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
