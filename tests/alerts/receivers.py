"""Real receivers: an SMTP server, an HTTP server."""

from __future__ import annotations

import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, ClassVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from otpsup.alerts.message import Message
from tests.support.waiting import LONG

PASSWORD = "correct-horse-battery"


class Inbox:
    """What an SMTP server has taken.

    Attributes:
        replies: what it says to the next messages, instead of taking them.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.tls: list[bool] = []
        self.replies: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """As aiosmtpd calls it."""
        if self.replies:
            return self.replies.pop(0)
        data = envelope.content
        assert isinstance(data, bytes)
        mail = message_from_bytes(data, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.tls.append(session.ssl is not None)
        return "250 OK"


def _let_in(server: Any, session: Any, envelope: Any, mechanism: Any, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    is_good = (data.login, data.password) == (b"shop", PASSWORD.encode())
    if is_good:
        return AuthResult(success=True)
    said = f"535 {data.password.decode()} is wrong"  # some do tell what they were given
    return AuthResult(success=False, handled=False, message=said)


@contextmanager
def mail_server(port: int, context: ssl.SSLContext | None = None) -> Iterator[Inbox]:
    """One that listens on 127.0.0.1; with a context it wants STARTTLS and a password."""
    inbox = Inbox()
    more: dict[str, Any] = {}
    if context is not None:
        more = {
            "tls_context": context, "require_starttls": True, "authenticator": _let_in,
            "auth_required": True,
        }  # fmt: skip
    controller = Controller(inbox, hostname="127.0.0.1", port=port, ready_timeout=LONG, **more)
    controller.start()
    try:
        yield inbox
    finally:
        controller.stop()


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 and localhost, and the context of a server that has it."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return cert, context


class Hooks:
    """What an HTTP server was sent.

    Attributes:
        answers: statuses of the next answers; 200 when there are none left, None is no answer.
        echoes: whether a no repeats the path and the password.
    """

    echoes = False

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)
        self.headers: list[dict[str, str]] = []
        self.bodies: list[Any] = []
        self.come = threading.Condition()
        self.is_over = threading.Event()

    def taken(self, path: str, headers: Any, data: bytes) -> int | None:
        """One request."""
        with self.come:
            self.headers.append({**dict(headers), "path": path})
            self.bodies.append(json.loads(data))
            self.come.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def wait(self, count: int, within: float = LONG) -> None:
        """Until so many have come."""
        with self.come:
            assert self.come.wait_for(lambda: len(self.bodies) >= count, within), len(self.bodies)


def _handler(hooks: Hooks) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            status = hooks.taken(self.path, self.headers, data)
            if status is None:
                hooks.is_over.wait()
                return
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            told = f" {self.path} {self.headers['Authorization']}" if hooks.echoes else ""
            self.wfile.write(b"as you wish" if status == 200 else f"never{told}".encode())

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler


@contextmanager
def hook_server(
    *answers: int | None, port: int = 0, wrap: Callable[[Any], Any] | None = None
) -> Iterator[tuple[str, Hooks]]:
    """One that listens on 127.0.0.1; its address, and what it is sent."""
    hooks = Hooks(*answers)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _handler(hooks))
    server.daemon_threads = True
    if wrap is not None:
        server.socket = wrap(server.socket)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", hooks
    finally:
        hooks.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Pager:
    """A channel of somebody's own."""

    seen: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def send(self, message: Message) -> None:
        self.seen.append((self._prefix, message.subject))
