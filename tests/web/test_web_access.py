"""Who may ask a tree's web server, and what its settings may be."""

from __future__ import annotations

import stat
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import InvalidSpec, Web
from otpsup.serving.sockets import CannotServe
from otpsup.web.access import ROLES, Access, is_here, may
from otpsup.web.tokens import TokenFile, add, hashed, parsed

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:9300", "localhost.", "127.0.0.1", "127.0.0.1:9300", "127.3.2.1:1",
     "[::1]", "[::1]:9300"],
)  # fmt: skip
def test_names_of_this_machine(host: str) -> None:
    assert is_here(host)
    assert Access(only_here=True).refusal(host, None) is None


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.example", "evil.example:9300", "127.0.0.1.evil.example", "localhost.evil.com",
     "192.168.0.1", "0.0.0.0", "::1.evil", "[::2]", "[", "127.0.0.1@evil.example", "localhostx"],
)  # fmt: skip
def test_names_of_others(host: str | None) -> None:
    """Whatever name a browser was told, it is not ours."""
    found = Access(only_here=True).refusal(host, None)
    assert found is not None
    assert found[0] == 421


@given(st.text(max_size=20))
def test_hosts_of_any_kind(host: str) -> None:
    """Whatever is there, there is an answer; and without a letter of ours it is no."""
    ours = is_here(host)
    assert not ours or set(host.lower()) & set("localhost127:")


@pytest.mark.parametrize(
    ("origin", "host", "is_ours"),
    [
        ("http://localhost:9300", "localhost:9300", True),
        ("https://shop.example", "shop.example", True),
        ("https://shop.example:443", "Shop.Example", True),
        ("http://shop.example", "shop.example:80", True),
        ("http://shop.example:8000", "shop.example", False),
        ("null", "localhost", False),
        ("", "localhost", False),
        ("file://localhost", "localhost", False),
        ("http://localhost@evil.example", "localhost", False),
        ("http://[::1", "[::1]", False),
    ],
)
def test_pages_of_other_sites(origin: str, host: str, is_ours: bool) -> None:
    assert (Access(hosts=frozenset()).refusal(host, origin) is None) == is_ours


def test_names_that_others_have_for_it() -> None:
    """Behind a proxy the names that are given, and those of this machine; no others."""
    for only_here in (True, False):
        access = Access(only_here=only_here, hosts=frozenset(["shop.example"]))
        assert access.refusal("shop.example:80", None) is None
        assert access.refusal("localhost", None) is None
        refused = access.refusal("evil.example", None)
        assert refused is not None
        assert refused[0] == 421


def test_who_may_what() -> None:
    """Each role what those before it may; nobody what takes one."""
    for number, role in enumerate(ROLES):
        assert [may(role, needed) for needed in ROLES] == [n <= number for n in range(len(ROLES))]
        assert not may(None, role)
        assert may(role, None)
    assert may(None, None)


@given(st.text(string.printable, max_size=24))
def test_only_the_token_opens(given: str) -> None:
    """A file with a token as it is: that, and nothing else; it may look."""
    known = parsed(f"{TOKEN}\n", Path("tokens"))
    found = known.get(hashed(given))
    assert (found is not None) == (given == TOKEN)
    assert known[hashed(TOKEN)].role == "view"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# none\n\n", "has no token"),
        ("view mia 12", "tokens:1 is not"),
        (f"view mia {'0' * 64}\nroot eve {'0' * 64}", "tokens:2 is not"),
        (f"view m/a {'0' * 64}", "tokens:1 is not"),
        ("short", "at least 16 characters"),
    ],
)
def test_what_is_no_file_of_tokens(text: str, says: str) -> None:
    """The message says where, and shows nothing of what is there."""
    with pytest.raises(CannotServe, match=says) as caught:
        parsed(text, Path("tokens"))
    assert text.split()[-1] not in str(caught.value)


def test_tokens_are_kept_hashed(tmp_path: Path) -> None:
    """The file is for its user alone, and has no token in it; names are told apart."""
    file = tmp_path / "tokens"
    token = add(file, "operate", "mia")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token not in file.read_text()
    assert len(token) > 40
    other = add(file, "admin", "root@shop")
    known = TokenFile(file).known()
    assert (known[hashed(token)].role, known[hashed(token)].name) == ("operate", "mia")
    assert known[hashed(other)].role == "admin"
    with pytest.raises(CannotServe, match="name 'mia' already"):
        add(file, "view", "mia")


@pytest.mark.parametrize(
    ("listen", "host", "port", "file"),
    [
        ("127.0.0.1:9300", "127.0.0.1", 9300, None),
        ("localhost:0", "localhost", 0, None),
        ("[::1]:80", "::1", 80, None),
        ("unix:/run/shop/web.sock", "", 0, Path("/run/shop/web.sock")),
    ],
)
def test_where(listen: str, host: str, port: int, file: Path | None) -> None:
    web = Web(listen=listen)
    assert (web.host, web.port, web.file, web.is_private) == (host, port, file, True)


@pytest.mark.parametrize("listen", ["0.0.0.0:9300", "[::]:9300", "192.168.0.7:1"])
def test_others_may_reach_it_only_with_a_token(listen: str) -> None:
    """Else the settings are refused, with what to do."""
    with pytest.raises(InvalidSpec, match="can be reached from other machines.*name a token_file"):
        Web(listen=listen)
    assert not Web(listen=listen, token_file="/etc/token").is_private


@pytest.mark.parametrize(
    "listen",
    ["", "9300", ":9300", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "shop.example:80", "::1:80",
     "[::1]", "[::1:80", "unix:", "unix:web.sock", "127.0.0.1:9300\n", "127.0.0.1:٣", 9300, None],
)  # fmt: skip
def test_where_nothing_can_be_served(listen: Any) -> None:
    with pytest.raises(InvalidSpec, match="listen must be 'host:port'"):
        Web(listen=listen)
