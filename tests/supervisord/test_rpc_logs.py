"""Reading logs: of processes, of the daemon, and as they grow."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path

import pytest

from otpsup.supervisord.conf.model import HttpServer, Supervisord
from otpsup.supervisord.http import auth
from otpsup.supervisord.http.tails import TRUNCATED, Tail
from otpsup.supervisord.mainlog import MainLog
from otpsup.supervisord.rpc import logs
from otpsup.supervisord.rpc.faults import RpcError


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "x.log"
    path.write_bytes(b"0123456789")
    return path


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, 0, "0123456789"), (0, 3, "012"), (4, 0, "456789"), (8, 9, "89"), (20, 0, ""),
        (-3, 0, "789"), (-99, 0, "0123456789"),
    ],
)  # fmt: skip
def test_a_slice(log: Path, offset: int, length: int, expected: str) -> None:
    """As supervisord documents and does it (http://supervisord.org/api.html)."""
    assert logs.read(str(log), offset, length) == expected


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1), (-1, -1)])
def test_no_slice(log: Path, offset: int, length: int) -> None:
    """Negative lengths, and lengths after negative offsets, mean nothing."""
    with pytest.raises(RpcError, match="^BAD_ARGUMENTS$"):
        logs.read(str(log), offset, length)


def test_an_end(log: Path) -> None:
    """The text, the size, and whether something was left out."""
    assert logs.tail(str(log), 0, 10) == ["0123456789", 10, False]
    assert logs.tail(str(log), 0, 4) == ["6789", 10, True]
    assert logs.tail(str(log), 10, 4) == ["", 10, False]
    assert logs.tail(str(log / "no"), 3, 4) == ["", 3, False]


def test_bytes_that_are_no_text(log: Path) -> None:
    """They are shown, and no error."""
    log.write_bytes(b"a\xff\xfeb")
    assert logs.read(str(log), 0, 0) == "a\ufffd\ufffdb"


def test_a_log_that_grows(log: Path) -> None:
    """From its last 1,024 bytes on; over a truncation, and over a rotation."""
    log.write_bytes(b"x" * 2000 + b"end")
    tail = Tail(str(log))
    first = tail.more()
    assert (len(first), first[-3:]) == (1024, b"end")
    assert tail.more() == b""
    with log.open("ab") as file:
        file.write(b"more")
    assert tail.more() == b"more"
    log.write_bytes(b"new")
    assert tail.more() == TRUNCATED
    assert tail.more() == b"new"
    log.rename(log.with_suffix(".1"))
    assert tail.more() == b""
    log.write_bytes(b"another")
    assert tail.more() == b"another"
    tail.close()


def test_the_main_log(tmp_path: Path) -> None:
    """supervisord's form; below its level nothing; rotated; begun anew."""
    path = tmp_path / "d.log"
    settings = Supervisord(logfile=str(path), logfile_maxbytes=100, logfile_backups=1)
    log = MainLog(settings, clock=lambda: 0.123)
    log.info("spawned: 'x' with pid 1")
    log.debug("nothing")
    assert path.read_text().endswith(":00,123 INFO spawned: 'x' with pid 1\n")
    for number in range(5):
        log.warn(f"{number} {'y' * 50}")
    assert "WARN 4 " in (path.with_name("d.log.1").read_text() + path.read_text())
    assert not path.with_name("d.log.2").exists()
    log.clear()
    assert path.read_text() == ""
    log.critical("after")
    assert "CRIT after" in path.read_text()
    log.close()


def header(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


SHA = "{SHA}" + hashlib.sha1(b"p:w", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("password", ["p:w", SHA])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (header("u:p:w"), "welcome"), (header("u:p"), "unknown"), (header("v:p:w"), "unknown"),
        (header("u"), "unknown"), (header(f"u:{SHA}"), "unknown"), (None, "unknown"),
        ("Basic", "unknown"), ("Digest x", "unknown"), ("Basic \xff", "malformed"),
        ("basic " + header("u:p:w")[6:], "welcome"),
    ],
)  # fmt: skip
def test_who_may_come_in(password: str, given: str | None, expected: str) -> None:
    """With a plain password, and with a digest of one."""
    server = HttpServer(section="unix_http_server", username="u", password=password)
    assert auth.verdict(server, given) == expected


def test_all_may_come_in_where_nobody_is_named() -> None:
    """No username, no password."""
    assert auth.verdict(HttpServer(section="inet_http_server"), None) == "welcome"
