"""Who may ask a tree's web server, and what its settings may be."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import InvalidSpec, Web
from otpsup.web.access import Access, is_here

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


@given(st.text(string.printable, max_size=24))
def test_only_the_token_opens(given: str) -> None:
    access = Access(token=TOKEN)
    for header in (given, f"Bearer {given}", f"Basic {given}"):
        found = access.refusal(None, header)
        is_it = header.partition(" ")[0].lower() == "bearer" and given.strip() == TOKEN
        assert (found is None) == is_it
    assert access.refusal("evil.example", f"bearer {TOKEN}") is None
    for wrong in (None, "", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN, "Bearer é"):
        refused = access.refusal("localhost", wrong)
        assert refused is not None
        assert refused[0] == 401


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
