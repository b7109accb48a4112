"""Channels, each against a real receiver: what arrives, and what is said when it does not."""

from __future__ import annotations

import logging
import mailbox
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otpsup import Alerts, Apprise, InvalidSpec, Mailbox, OwnChannel, Smtp, Webhook
from otpsup.alerts.channels import make
from otpsup.alerts.courier import NotDelivered, Refused
from otpsup.alerts.message import Message, Where, of_test
from tests.alerts.receivers import PASSWORD, Pager, certificate, hook_server, mail_server
from tests.support.servers import free_port

SECRET = "canary-0123456789"


def message(subject: str = "[otpsup] shop: api gave up") -> Message:
    """One as it comes from the outbox."""
    made = of_test("mail", Where("shop", "db1", 7, "abc"), 1_800_000_000.0)
    return Message(
        "abc.1.mail", "mail", made.at, "critical", subject, "api gave up\n\nwarum: Größe\n",
        {**made.payload, "id": "abc.1.mail", "subject": subject, "status": "firing"},
    )  # fmt: skip


def sender(channel: Any, folder: Path) -> Callable[[Message], None]:
    return make(channel, lambda: folder / "mail")


def failure(channel: Any, folder: Path) -> str:
    """What is said of a message that does not arrive."""
    with pytest.raises(NotDelivered) as caught:
        sender(channel, folder)(message())
    assert SECRET not in str(caught.value)
    return str(caught.value)


def file(folder: Path, text: str) -> Path:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(0o600)
    return path


# E-mail.


def test_a_mail_is_what_a_person_can_read_and_a_machine_can_tell_apart(tmp_path: Path) -> None:
    """Subject, text, date; a Message-ID that does not change; marked as nobody's letter."""
    port = free_port()
    with mail_server(port) as inbox:
        channel = Smtp("127.0.0.1", "otpsup@example.com", ["a@example.com", "b@example.com"],
                       port=port, tls="none")  # fmt: skip
        for _ in range(2):
            sender(channel, tmp_path)(message())
    first, second = inbox.mails

    assert first["Subject"] == "[otpsup] shop: api gave up"
    assert first["To"] == "a@example.com, b@example.com"
    assert first["From"] == "otpsup@example.com"
    assert first["Message-ID"] == second["Message-ID"] == "<abc.1.mail@otpsup.invalid>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Importance"] == "high"
    assert first.get_content().replace("\r\n", "\n") == "api gave up\n\nwarum: Größe\n"


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_starttls_and_a_password(tmp_path: Path) -> None:
    """The password goes over TLS alone, and a wrong one is told without it."""
    cert, context = certificate(tmp_path)
    port = free_port()
    given: dict[str, Any] = {"port": port, "user": "shop", "ca_file": cert}
    password = file(tmp_path, f"{PASSWORD}\n")
    with mail_server(port, context) as inbox:
        good = Smtp("127.0.0.1", "a@b.c", "d@e.f", password_file=password, **given)
        sender(good, tmp_path)(message())
        assert inbox.tls == [True]

        password.write_text(SECRET)
        assert failure(good, tmp_path) == "it lets shop not in: 535 *** is wrong"
        password.unlink()
        assert "cannot read the password from" in failure(good, tmp_path)
        untrusted = Smtp("127.0.0.1", "a@b.c", "d@e.f", port=port)
        assert "its certificate is not trusted" in failure(untrusted, tmp_path)
    assert len(inbox.mails) == 1


def test_a_mail_server_that_is_away_or_says_no(tmp_path: Path) -> None:
    """A 4xx is tried again; a 5xx is about that message alone."""
    port = free_port()
    channel = Smtp("127.0.0.1", "a@b.c", "d@e.f", port=port, tls="none")
    assert failure(channel, tmp_path) == "Connection refused"
    nowhere = Smtp("no such host", "a@b.c", "d@e.f", tls="none")
    assert failure(nowhere, tmp_path).startswith("no such host: ")
    with mail_server(port) as inbox:
        inbox.replies = ["451 too busy", "554 no such thing here"]
        assert failure(channel, tmp_path) == "it says 451 too busy"
        with pytest.raises(Refused, match="554 no such thing here"):
            sender(channel, tmp_path)(message())


def test_a_subject_begins_no_header(tmp_path: Path) -> None:
    """A line break in what a child is called cannot add one."""
    port = free_port()
    channel = Smtp("127.0.0.1", "a@b.c", "d@e.f", port=port, tls="none")
    with mail_server(port):
        said = failure_of(channel, tmp_path, message("hello\r\nBcc: x@y.z"))
    assert "linefeed" in said


def failure_of(channel: Any, folder: Path, sent: Message) -> str:
    with pytest.raises(NotDelivered) as caught:
        sender(channel, folder)(sent)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"sender": "x\nBcc: y@z"}, "sender must be an address"),
        ({"to": []}, "to must be one address or more"),
        ({"user": "x"}, "a user needs a password_file or password_env"),
        ({"user": "x", "password_env": "A", "tls": "none"}, "would cross the network in clear"),
        ({"password_env": "A B", "user": "x"}, "the name of an environment variable"),
        ({"port": 0}, "a port from 1 to 65535"),
    ],
)
def test_settings_that_cannot_be_right(fields: dict[str, Any], problem: str) -> None:
    """They are refused when they are made."""
    with pytest.raises(InvalidSpec, match=problem):
        Smtp(**{"host": "mail.example.com", "sender": "a@b.c", "to": "d@e.f", **fields})


# Webhooks.


def test_a_webhook_is_json_with_a_key_that_tells_a_second_try(tmp_path: Path) -> None:
    """The documented schema, the headers, the secret ones from their files."""
    secret = file(tmp_path, f"Bearer {SECRET}\n")
    with hook_server() as (url, hooks):
        channel = Webhook(
            f"{url}/hook", headers={"X-Team": "shop"}, secret_headers={"Authorization": secret}
        )
        sender(channel, tmp_path)(message())
    (headers,), (body,) = hooks.headers, hooks.bodies

    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == '"abc.1.mail"'
    assert headers["X-Team"] == "shop"
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert body["version"] == 1
    assert body["subject"] == "[otpsup] shop: api gave up"
    assert set(body) == {
        "version", "id", "channel", "tree", "host", "pid", "at", "status", "severity", "subject",
        "text", "alerts", "more", "lost",
    }  # fmt: skip


def test_a_webhook_that_says_no(tmp_path: Path) -> None:
    """Its own trouble and too many requests are tried again; a no is about that message; nobody
    is followed elsewhere."""
    with hook_server(500, 429, 404, 302) as (url, hooks):
        channel = Webhook(url)
        assert failure(channel, tmp_path) == "it answers 500: never"
        assert failure(channel, tmp_path) == "it answers 429: never"
        with pytest.raises(Refused, match="it answers 404"):
            sender(channel, tmp_path)(message())
        assert failure(channel, tmp_path) == "it answers 302: never"
    assert len(hooks.bodies) == 4


def test_a_webhook_that_does_not_answer(tmp_path: Path) -> None:
    """Is not waited for longer than it may take."""
    with hook_server(None) as (url, _):
        assert failure(Webhook(url, timeout=0.1), tmp_path) == "no answer in time"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_webhook_over_tls(tmp_path: Path) -> None:
    """Only a certificate that is trusted will do."""
    cert, context = certificate(tmp_path)

    def wrap(sock: Any) -> Any:
        return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)

    with hook_server(wrap=wrap) as (url, hooks):
        secure = url.replace("http:", "https:")
        assert "its certificate is not trusted" in failure(Webhook(secure), tmp_path)
        sender(Webhook(secure, ca_file=cert), tmp_path)(message())
    assert len(hooks.bodies) == 1


def test_an_address_that_is_a_secret_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not it, nor what is in its path, whatever is wrong with it."""
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:{free_port()}/services/{SECRET}?x={SECRET}")
    channel = Webhook(url_env="HOOK")
    assert failure(channel, tmp_path) == "Connection refused"
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:no-port/{SECRET}")
    failure(channel, tmp_path)
    monkeypatch.setenv("HOOK", f"ftp://{SECRET}")
    assert "no http or https address" in failure(channel, tmp_path)
    monkeypatch.delenv("HOOK")
    assert failure(channel, tmp_path) == "the variable HOOK for the address is not set"


def test_an_answer_that_repeats_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told without it: the header's, the address's, a part of the address."""
    token = "another-canary-012"
    header = file(tmp_path, f"Bearer {token}\n")
    with hook_server(*[500] * 3) as (url, hooks):
        hooks.echoes = True
        monkeypatch.setenv("HOOK", f"{url}/services/{SECRET}")
        channel = Webhook(url_env="HOOK", secret_headers={"Authorization": header})
        said = failure(channel, tmp_path)
        assert said.startswith("it answers 500: never /")
        assert token not in said
        monkeypatch.setenv("HOOK", url.replace("//", f"//user:{token}@") + f"/{SECRET}")
        said = failure(Webhook(url_env="HOOK"), tmp_path)
        kind, _, login = hooks.headers[1]["Authorization"].partition(" ")
        assert kind == "Basic"
        assert login not in said


# Mailboxes.


def test_a_mailbox_is_one_that_mail_programs_read(tmp_path: Path) -> None:
    """A Maildir, for its owner alone."""
    folder = tmp_path / "some" / "box"
    (folder / "tmp").mkdir(parents=True)  # a host was killed when it had come so far
    folder.chmod(0o700)
    sender(Mailbox(folder), tmp_path)(message())
    (found,) = mailbox.Maildir(folder, create=False)

    assert found["Subject"] == "[otpsup] shop: api gave up"
    (path,) = (folder / "new").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_mailbox_that_cannot_be_written(tmp_path: Path) -> None:
    """Is told as every other failure."""
    (tmp_path / "box").write_text("a file")
    assert failure(Mailbox(tmp_path / "box"), tmp_path) == "File exists"


# Apprise.


@pytest.mark.slow  # loading apprise takes two seconds
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what apprise imports
def test_apprise_sends_to_each_address_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One that has taken a message does not get it again because another has not; and addresses,
    which are secrets, are in no log, not even at DEBUG."""
    pytest.importorskip("apprise")
    caplog.set_level(logging.DEBUG)
    with hook_server() as (good, taken), hook_server(500, 500, 500) as (bad, refused):
        urls = [f"{url.replace('http', 'json')}/{SECRET}?:x={SECRET}" for url in (good, bad)]
        urls_file = file(tmp_path, "# chats\n" + "\n".join(urls))
        send = sender(Apprise(urls_file=urls_file, timeout=5), tmp_path)
        with pytest.raises(NotDelivered, match="address 2 of 2 did not take it") as caught:
            send(message())
        refused.answers.clear()
        send(message())

    assert len(taken.bodies) == 1
    assert len(refused.bodies) == 2
    assert taken.bodies[0]["title"] == "[otpsup] shop: api gave up"
    assert taken.headers[0]["path"].startswith(f"/{SECRET}")
    assert SECRET not in str(caught.value)
    assert caplog.records
    assert SECRET not in caplog.text


def test_somebody_elses_channel(tmp_path: Path) -> None:
    """An object with `send` is one, as is a class of such, by its import path."""
    sender(Pager(), tmp_path)(message())
    own = OwnChannel("tests.alerts.receivers:Pager", settings={"prefix": "to all: "})
    sender(own, tmp_path)(message())
    subject = "[otpsup] shop: api gave up"
    assert Pager.seen == [("", subject), ("to all: ", subject)]
    with pytest.raises(InvalidSpec, match="no channel of alerts: it has no method `send"):
        sender(OwnChannel("builtins:dict"), tmp_path)
    with pytest.raises(InvalidSpec, match="channels by name"):
        Alerts(channels={"x": object()})
