"""A tree that is served, and a client of it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from otpsup import Command, Supervisor, Tree, Web
from otpsup.web.tokens import add
from tests.support.waiting import LONG

ROLES = ("view", "operate", "admin")


@frozen
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@frozen
class Client:
    """Asks a server.

    Attributes:
        tokens: by role.
    """

    url: str
    tokens: dict[str, str]
    tree: Tree

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.split("/")[2].partition(":")
        return host, int(port)

    def ask(
        self, method: str, path: str, role: str | None = "admin", body: Any = None, **headers: str
    ) -> Answer:
        """One request; a body that is bytes is sent as it is."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if role is not None:
            given["Authorization"] = f"Bearer {self.tokens.get(role, role)}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(*self.address, timeout=LONG)
        try:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            told = {k.lower(): v for k, v in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        finally:
            connection.close()

    def get(self, path: str, role: str | None = "admin", **headers: str) -> Answer:
        return self.ask("GET", path, role, **headers)

    def post(self, path: str, body: Any = None, role: str | None = "admin", **h: str) -> Answer:
        return self.ask("POST", path, role, {} if body is None else body, **h)

    def open(self, path: str, role: str | None = "admin", **headers: str) -> socket.socket:
        """A request whose answer is not read yet."""
        sock = socket.create_connection(self.address, timeout=LONG)
        more = "".join(f"{n.replace('_', '-')}: {v}\r\n" for n, v in headers.items())
        if role is not None:
            more += f"Authorization: Bearer {self.tokens[role]}\r\n"
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
        return sock


def read_until(sock: socket.socket, mark: bytes) -> bytes:
    """What comes, to the first of these marks."""
    found = b""
    while mark not in found:
        data = sock.recv(65536)
        assert data, f"it ended without {mark!r}: {found[-500:]!r}"
        found += data
    return found


def spec() -> Supervisor:
    """Something of each kind."""
    return Supervisor(
        "shop",
        children=[
            Command("web", ["sh", "-c", "echo hello; exec sleep 1000"]),
            Supervisor("back", children=[Command("db", ["cat"], stdin="pipe")]),
        ],
    )


@contextmanager
def served(folder: Path, tree_spec: Supervisor | None = None, **more: Any) -> Iterator[Client]:
    """A tree with a server, and a token of each role in a file."""
    file = folder / "tokens"
    tokens = {role: add(file, role, f"the-{role}") for role in ROLES}  # type: ignore[arg-type]
    web = Web(listen="127.0.0.1:0", token_file=file, **more)
    with Tree(tree_spec or spec(), web=web) as tree:
        yield Client(tree.ask_plugin("web", "url"), tokens, tree)
