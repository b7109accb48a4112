"""Tokens that are taken back, roles that are lowered, cookies of others: who is let in just now."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger
from starlette.datastructures import Headers

from otpsup import Supervisor, Tree, Web
from otpsup.logger import logger as our_log
from otpsup.web import sessions, tokens
from otpsup.web.access import NOBODY, Access, Caller
from otpsup.web.guard import Guard
from otpsup.web.problems import Refused
from otpsup.web.sessions import FAILURES
from otpsup.web.tokens import Known, TokenFile, hashed
from tests.support.waiting import LONG, until

DOCS = Path(__file__).parents[2] / "docs/how-to/web.md"
HERE = {"client": ("127.0.0.1", 1), "scheme": "http"}
MIA, LEO = "the token of mia", "the token of leo"


def guard(known: Callable[[], Known] | None = None, *, trusts_peers: bool = False) -> Guard:
    """One that knows mia, an admin, and leo, who may look."""
    both = {hashed(MIA): Caller("admin", "mia"), hashed(LEO): Caller("view", "leo")}
    return Guard(Access(), known or (lambda: both), "otpsup-1", trusts_peers=trusts_peers)


def head(*named: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.encode(), value.encode()) for name, value in named])


def bearer(token: str) -> Headers:
    return head(("authorization", f"Bearer {token}"))


def cookie(text: str) -> Headers:
    return head(("cookie", text))


def logged_in(of: Guard, token: str = MIA) -> str:
    """The cookie of a new session."""
    return of.log_in(HERE, head(), token)[1].partition(";")[0]


def role(of: Guard, headers: Headers) -> str | None:
    return of.caller(HERE, headers).role


def line(role: str, name: str, token: str) -> str:
    return f"{role} {name} {hashed(token)}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Tokens of mia, an admin, and of leo, who may look."""
    made = tmp_path / "tokens"
    made.write_text(line("admin", "mia", MIA) + line("view", "leo", LEO))
    return made


# The file of tokens.


def test_a_file_that_is_replaced_while_it_is_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered of it is of the file that was read: the new one is read next time."""
    monkeypatch.setattr(tokens, "_SETTLED", -1.0)  # whatever its age, it is trusted
    found = TokenFile(file)
    slow, new = file.with_name("slow"), file.with_name("new")
    os.mkfifo(slow)
    new.write_text(line("view", "leo", LEO))
    slow.replace(file)
    reader = threading.Thread(target=found.known)
    reader.start()
    with file.open("w") as writer:  # when the reader has it open
        new.replace(file)
        writer.write(line("admin", "mia", MIA))
    reader.join()
    assert hashed(MIA) not in found.known()
    assert hashed(LEO) in found.known()


def test_changes_that_no_time_tells_apart(file: Path) -> None:
    """Written in place, of the same length, within a tick of the file system's clock: as long as
    that may be, nothing is remembered of it. (Kernels from 6.13 on have finer times.)"""
    found = TokenFile(file)
    assert tokens.read(file)[1] is None
    for number in range(100):
        token = f"{number}"
        file.write_text(line("view", "leo", token))
        assert list(found.known()) == [hashed(token)]


def test_a_file_that_does_not_change_is_read_once(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as its time can be trusted."""
    monkeypatch.setattr(tokens, "_SETTLED", -1.0)
    found = TokenFile(file)
    before = found.known()
    assert found.known() is before
    file.write_text(line("view", "leo", LEO))
    assert found.known() is not before


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What otpsup's log says, without what was said before and waits to be written still."""
    lines: list[str] = []
    our_log.close(LONG)
    handler = logger.add(lambda message: lines.append(str(message)), format="{message}")
    logger.enable("otpsup")
    try:
        yield lines
    finally:
        logger.disable("otpsup")
        logger.remove(handler)


def test_a_mistake_in_the_file(file: Path, log: list[str]) -> None:
    """Opens nothing, and harms nobody else; the log says where it is, once."""
    ours = guard(TokenFile(file).known)
    session = logged_in(ours)
    file.write_text(f"view typo zzz\n{file.read_text()}")
    for _ in range(3):
        assert role(ours, bearer(MIA)) == role(ours, cookie(session)) == "admin"
    file.write_text(f"# none\n{file.read_text()}")
    with pytest.raises(Refused):
        ours.caller(HERE, bearer("zzz"))
    until(lambda: any("a wrong token" in each for each in log))
    said = [each for each in log if "is not `role name sha256`" in each]
    assert [re.findall(r"tokens:\d", each) for each in said] == [["tokens:1"], ["tokens:2"]]


def _empty(file: Path) -> None:
    file.write_text("")


def _spoil(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")


def _mistake(file: Path) -> None:
    file.write_text("view typo zzz\n")


@pytest.mark.parametrize("harm", [_empty, _spoil, _mistake, Path.unlink])
def test_a_file_that_cannot_be_used(
    harm: Callable[[Path], None], file: Path, log: list[str]
) -> None:
    """Nobody is let in while it is so, and nobody is blamed; then it is as before."""
    ours, before = guard(TokenFile(file).known), file.read_text()
    session = logged_in(ours)
    known = ours.caller(HERE, cookie(session))
    harm(file)
    for headers in (bearer(LEO), cookie(session)) * FAILURES:
        with pytest.raises(Refused) as caught:
            ours.caller(HERE, headers)
        assert caught.value.status == 503
    assert not ours.still(known)
    assert role(ours, head()) is None
    said = until(lambda: [each for each in log if str(file) in each])
    assert len(said) == 1
    file.write_text(before)
    assert role(ours, cookie(session)) == "admin"
    assert role(ours, bearer(LEO)) == "view"
    assert ours.still(known)


# Sessions.


@pytest.mark.parametrize("now", ["view", "operate"])
def test_a_role_that_is_lowered(now: str, file: Path) -> None:
    """Sessions that have begun before have it, too; they keep their CSRF token."""
    ours = guard(TokenFile(file).known)
    session = logged_in(ours)
    before = ours.caller(HERE, cookie(session))
    file.write_text(line(now, "maria", MIA))
    after = ours.caller(HERE, cookie(session))
    assert (after.role, after.name, after.csrf) == (now, "maria", before.csrf)


def test_who_is_still_let_in(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a token as long as it has that role; with a session as long as that goes on, too."""
    ours = guard(TokenFile(file).known)
    admin, other = ours.caller(HERE, bearer(MIA)), ours.caller(HERE, cookie(logged_in(ours)))
    leo = ours.caller(HERE, bearer(LEO))
    gone = ours.caller(HERE, cookie(logged_in(ours)))
    assert all(map(ours.still, [admin, other, leo, gone, NOBODY]))
    ours.log_out(HERE, head(), gone)
    assert [ours.still(each) for each in (admin, other, leo, gone)] == [True, True, True, False]
    file.write_text(line("operate", "mia", MIA))
    assert not any(map(ours.still, [admin, other, leo, gone]))
    assert ours.still(NOBODY)
    again = ours.caller(HERE, bearer(MIA))
    monkeypatch.setattr(sessions, "LONGEST", -1.0)
    assert ours.still(again)
    assert not ours.still(ours.log_in(HERE, head(), MIA)[0])


def test_nothing_secret_is_shown(file: Path) -> None:
    """Whoever logs who asks shows nothing that opens anything."""
    ours = guard(TokenFile(file).known)
    found = ours.caller(HERE, cookie(logged_in(ours)))
    secrets = [found.csrf, found.session, found.token]
    assert all(secrets)
    assert not any(str(each) in repr(found) for each in secrets)


def test_logins_of_one_token_end_its_own_sessions(file: Path) -> None:
    """The oldest of them; those of others go on."""
    ours = guard()
    admin, first = logged_in(ours), logged_in(ours, LEO)
    last = [logged_in(ours, LEO) for _ in range(1000)][-1]
    found = [role(ours, cookie(each)) for each in (admin, first, last)]
    assert found == ["admin", None, "view"]


OTHERS = st.lists(st.text(st.characters(exclude_characters=";", codec="latin-1")), max_size=3)


@given(OTHERS, OTHERS)
def test_cookies_of_others(before: list[str], after: list[str]) -> None:
    """Whatever other programs on this host have set, ours is found."""
    ours = guard()
    session = logged_in(ours)
    text = "; ".join([*before, session, *after])
    assert role(ours, Headers(raw=[(b"cookie", text.encode("latin-1"))])) == "admin"


def test_cookies_of_our_name_that_are_none(file: Path) -> None:
    """Another program may have set one for all paths."""
    ours = guard()
    session = logged_in(ours)
    assert role(ours, cookie(f"otpsup-1=; otpsup-1=x=y; {session}")) == "admin"
    assert role(ours, cookie(f"x{session}; otpsup-1")) is None
    assert role(ours, head(("cookie", "a=b"), ("cookie", session))) == "admin"


def test_a_password_for_somebody_else(file: Path) -> None:
    """Of a proxy, for example: it is no token, and a session counts."""
    ours = guard()
    session = logged_in(ours)
    for value in ("Basic dXNlcjpwYXNz", "Digest x", "", "x"):
        for _ in range(FAILURES + 1):
            headers = head(("authorization", value), ("cookie", session))
            assert role(ours, headers) == "admin"
            assert role(ours, head(("authorization", value))) is None
    with pytest.raises(Refused, match="nobody has"):
        ours.caller(HERE, head(("authorization", "bearer wrong"), ("cookie", session)))


def test_a_token_that_was_right_once_has_to_wait(file: Path) -> None:
    """As one that never was; those that are right go on."""
    ours = guard(TokenFile(file).known)
    assert [role(ours, bearer(each)) for each in (MIA, LEO)] == ["admin", "view"]
    file.write_text(line("admin", "mia", MIA))
    said = []
    for _ in range(FAILURES + 1):
        with pytest.raises(Refused) as caught:
            ours.caller(HERE, bearer(LEO))
        said.append(caught.value.status)
    assert said == [401] * FAILURES + [429]
    assert role(ours, bearer(MIA)) == "admin"


# Proxies, and unix sockets.


def at(uid: int) -> dict[str, object]:
    """What a user of this machine asks on a unix socket."""
    return {"client": None, "scheme": "http", "extensions": {"otpsup": {"peer": uid}}}


@pytest.mark.parametrize(
    "name",
    ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port",
     "x-forwarded-server", "x-real-ip", "via", "authorization"],
)  # fmt: skip
def test_a_peer_that_asks_for_somebody_else(name: str) -> None:
    """Is a proxy, and not the user that it runs as."""
    ours = guard(trusts_peers=True)
    me = at(os.geteuid())
    assert ours.caller(me, head(("host", "any"))).role == "admin"
    assert ours.caller(me, head(("host", "any"), (name, "x"))) == NOBODY


def test_wrong_tokens_of_one_user() -> None:
    """On a unix socket that is for all, no user shuts out another."""
    ours = guard()
    for status in [401] * FAILURES + [429]:
        with pytest.raises(Refused) as caught:
            ours.caller(at(1001), bearer("wrong"))
        assert caught.value.status == status
    assert ours.caller(at(1002), bearer(LEO)).role == "view"


def test_who_may_reach_a_unix_socket(file: Path, tmp_path: Path) -> None:
    """With tokens everybody, such as a proxy with a user of its own; else the tree's user alone."""
    for token_file, mode in ((file, 0o666), (None, 0o700)):
        socket = tmp_path / f"{mode}.sock"
        with Tree(Supervisor("s"), web=Web(listen=f"unix:{socket}", token_file=token_file)):
            until(socket.exists)
            assert stat.S_IMODE(socket.stat().st_mode) == mode


@pytest.mark.parametrize(
    "asked",
    ["http://shop.example.com", "https://shop.example.com", "https://shop.example.com:8443",
     "http://shop.example.com:8080"],
)  # fmt: skip
def test_behind_nginx_as_the_docs_have_it(asked: str) -> None:
    """What it passes on of a browser's request is what the page's own requests say they are from,
    on whatever port."""
    (passed,) = re.findall(r"proxy_set_header Host (\S+);", DOCS.read_text())
    host = asked.partition("//")[2]
    values = {"$http_host": host, "$host": host.partition(":")[0]}  # ngx_http_core_module's
    access = Access(only_here=True, hosts=frozenset(["shop.example.com"]))
    assert access.refusal(values[passed], asked) is None
    assert access.refusal(values[passed], "https://evil.example") is not None


def test_where_it_says_it_is(file: Path) -> None:
    """On all addresses: by the first name that it has for others, if it has one."""
    for hosts, shown in ((["shop.example", "b.example"], "shop.example"), ([], "0.0.0.0")):
        web = Web(listen="0.0.0.0:0", token_file=file, hosts=hosts)
        with Tree(Supervisor("s"), web=web) as tree:
            assert re.fullmatch(rf"http://{shown}:\d+/", tree.ask_plugin("web", "url"))
