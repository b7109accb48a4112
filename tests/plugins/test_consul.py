"""The Consul plug-in against a stand-in for Consul's agent, which checks each request to the byte.

It is no Consul: it knows two paths of its HTTP API, and does what the documentation says of a check
with `tcp`, `interval` and `DeregisterCriticalServiceAfter`.
Source: https://developer.hashicorp.com/consul/api-docs/agent/service
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from otpsup import Command, Consul, ConsulService, Supervisor, Tree, port
from otpsup.plugins import consul
from tests.support import ROOT
from tests.support.servers import free_port
from tests.support.trees import node, pid, python
from tests.support.waiting import until

SERVE = """
    import socket, sys
    sock = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    while True:
        sock.accept()[0].close()
"""


class Handler(BaseHTTPRequestHandler):
    """Answers as the agent does; says what it is."""

    server: StandIn
    server_version = "stand-in-for-consul"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.path, body, dict(self.headers)))
        status = self.server.take(self.path, body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class StandIn(ThreadingHTTPServer):
    """The agent's services."""

    daemon_threads = True

    def __init__(self, number: int = 0) -> None:
        super().__init__(("127.0.0.1", number), Handler)
        self.services: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, bytes, dict[str, str]]] = []
        self.refuses = 200
        self._over = threading.Event()
        self._work = [threading.Thread(target=each) for each in (self.serve_forever, self._look)]
        for thread in self._work:
            thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, path: str, body: bytes) -> int:
        if self.refuses != 200:
            return self.refuses
        if path == "/v1/agent/service/register":
            service = json.loads(body)
            self.services[service["id"]] = {**service, "ok": time.monotonic()}
            return 200
        found = re.fullmatch("/v1/agent/service/deregister/([^/]+)", path)
        return 200 if found and self.services.pop(found[1], None) else 404

    def _look(self) -> None:
        """Its checks: by TCP, each interval; what is critical for so long is forgotten."""
        while not self._over.wait(0.02):
            for id, service in list(self.services.items()):
                check = service["check"]
                host, _, number = check["tcp"].partition(":")
                try:
                    socket.create_connection((host, int(number)), 1).close()
                    service["ok"] = time.monotonic()
                except OSError:
                    limit = float(check["DeregisterCriticalServiceAfter"].rstrip("s"))
                    if time.monotonic() - service["ok"] > limit:
                        self.services.pop(id, None)

    def close(self) -> None:
        self._over.set()
        self.shutdown()
        for thread in self._work:
            thread.join()
        self.server_close()


@contextmanager
def agent(number: int = 0) -> Iterator[StandIn]:
    made = StandIn(number)
    try:
        yield made
    finally:
        made.close()


def service_of(number: int, **options: Any) -> ConsulService:
    return ConsulService(number, name="bklog", tags=["api"], **options)


def serving(number: int, **options: Any) -> Command:
    return Command("api", python(SERVE, str(number)), ready=port(number), **options)


def registration(number: int, after: str = "60s") -> bytes:
    """What the agent is to be sent, byte for byte."""
    id = "bklog-api-" + md5(f"127.0.0.1:{number}".encode(), usedforsecurity=False).hexdigest()
    return (
        f'{{"name":"bklog","id":"{id}","address":"127.0.0.1","port":{number},"tags":["api"],'
        f'"check":{{"tcp":"127.0.0.1:{number}","interval":"10s",'
        f'"DeregisterCriticalServiceAfter":"{after}"}}}}'
    ).encode()


def tree_of(child: Command, settings: Consul) -> Tree:
    root = Supervisor("bklog", children=[child, Command("other", ["sleep", "1000"])], intensity=100)
    return Tree(root, plugins=[settings])


def test_it_registers_on_ready_and_deregisters_on_exit() -> None:
    """To the byte; after a crash anew; at the end of the tree, and nothing else is sent."""
    number = free_port()
    with agent() as consul_agent:
        settings = Consul({"api": service_of(number)}, address=consul_agent.address)
        id = json.loads(registration(number))["id"]
        with tree_of(serving(number), settings) as tree:
            until(lambda: id in consul_agent.services)
            path, body, headers = consul_agent.requests[0]
            assert (path, body) == ("/v1/agent/service/register", registration(number))
            assert headers["Content-Type"] == "application/json"
            os.kill(pid(tree, "api"), signal.SIGKILL)
            until(lambda: len(consul_agent.requests) == 3)
            until(lambda: node(tree, "api").state == "running")
            tree.terminate_child("api")
            until(lambda: not consul_agent.services)
            tree.start_child("api")
            until(lambda: id in consul_agent.services)
        assert not consul_agent.services
        register = ("/v1/agent/service/register", registration(number))
        deregister = (f"/v1/agent/service/deregister/{id}", b"")
        sent = [(path, body) for path, body, _ in consul_agent.requests]
        assert sent == [register, deregister] * 3


def test_an_agent_that_is_away_is_told_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The children do not depend on it; it is complained of once."""
    monkeypatch.setattr(consul.Registrar, "every", 0.02)
    lines: list[str] = []
    handler = logger.add(lines.append, format="{message}")
    logger.enable("otpsup")
    number, at = free_port(), free_port()
    settings = Consul({"api": service_of(number)}, address=f"http://127.0.0.1:{at}")
    with tree_of(serving(number), settings) as tree:
        until(lambda: any("will try again: the agent at" in each for each in lines))
        assert node(tree, "api").state == "running"
        with agent(at) as consul_agent:
            until(lambda: consul_agent.services)
            until(lambda: any("the agent has been told" in each for each in lines))
            consul_agent.services.clear()
    assert len([each for each in lines if "will try again" in each and "away" not in each]) <= 2
    logger.disable("otpsup")
    logger.remove(handler)


def test_a_service_that_the_agent_refuses_keeps_none_of_the_others() -> None:
    """And is told of with the agent's status."""
    number = free_port()
    with agent() as consul_agent:
        consul_agent.refuses = 403
        token = Path(os.environ["OTPSUP_RUNTIME_DIR"]) / "token"
        token.write_text("hunter2\n")
        settings = Consul(
            {"api": service_of(number), "other": 1},
            address=consul_agent.address,
            token_file=token,
        )
        with tree_of(serving(number), settings):
            names = {"bklog", "other"}
            until(
                lambda: {json.loads(body)["name"] for _, body, _ in consul_agent.requests} == names
            )
            assert consul_agent.requests[0][2]["X-Consul-Token"] == "hunter2"


def test_a_child_that_there_is_not_is_told_of() -> None:
    """Once, with the nearest that there is; what comes later is registered all the same."""
    number = free_port()
    lines: list[str] = []
    handler = logger.add(lines.append, format="{message}")
    logger.enable("otpsup")
    with agent() as consul_agent:
        services = {"api": service_of(number), "othr": 1, "mail-2": 2}
        settings = Consul(services, address=consul_agent.address)
        with tree_of(serving(number), settings) as tree:
            until(lambda: len([each for each in list(lines) if "no such child" in each]) == 2)
            tree.start_child(Command("mail-2", ["sleep", "1000"]))
            until(lambda: len(consul_agent.services) == 2)
    logger.disable("otpsup")
    logger.remove(handler)
    assert [each for each in lines if "no such child" in each] == [
        "plug-in consul registers 'mail-2', and there is no such child\n",
        "plug-in consul registers 'othr', and there is no such child; did you mean 'other'?\n",
    ]


HOST = """
    import otpsup, sys, os
    from tests.plugins.test_consul import *
    number, address = int(sys.argv[1]), sys.argv[2]
    settings = Consul({"api": service_of(number, deregister_after=0.1)}, address=address)
    otpsup.run(tree_of(serving(number), settings))
"""


@pytest.mark.slow
def test_after_a_kill_of_the_host_the_agent_forgets_it() -> None:
    """Nobody is left who could deregister it: the agent does, when its check fails for so long."""
    number = free_port()
    with agent() as consul_agent:
        argv = [sys.executable, "-c", textwrap.dedent(HOST), str(number), consul_agent.address]
        host = subprocess.Popen(argv, cwd=ROOT)
        try:
            until(lambda: consul_agent.services)
        finally:
            host.kill()
            host.wait()
        until(lambda: not consul_agent.services)
        assert [body for _, body, _ in consul_agent.requests] == [registration(number, "0.1s")]


def test_ids_tell_services_apart() -> None:
    """By name, tags and address; one's own id wins."""
    assert consul.service_id("a/b", ConsulService(1)).startswith("b-")
    ids = {
        consul.service_id("x", ConsulService(n, address=a, tags=t))
        for n in (1, 2)
        for a in ("10.0.0.1", "10.0.0.2")
        for t in ([], ["api"])
    }
    assert len(ids) == 8
    assert consul.service_id("x", ConsulService(1, id="mine")) == "mine"
