"""The rule by which secrets are told, and what is shown in their place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpsup import mask
from otpsup.mask import Secrets

SECRET = ["PASSWORD", "DB_PASSWORD", "pgpassword", "apiKey", "api-key", "SECRET_KEY", "AUTH",
"token",
          "GITHUB_TOKEN", "client.secret", "AWS_SECRET_ACCESS_KEY", "MY_CREDENTIALS", "passwd",
          "PASSPHRASE", "x-auth-token", "SENTRY_DSN", "DB_PWD", "cookie", "--password"]  # fmt: skip
OPEN = ["PATH", "PWD", "OLDPWD", "HOME", "keyboard", "monkey", "TOKEN_FILE", "SSH_AUTH_SOCK",
"author",
        "password_path", "XAUTHORITY", "OTPSUP_RUN", "compass", "port", "", "_",
        "signal"]  # fmt: skip


@pytest.mark.parametrize("name", SECRET)
def test_names_of_secrets(name: str) -> None:
    """The field's words for secrets, in every spelling."""
    assert mask.is_secret(name)


@pytest.mark.parametrize("name", OPEN)
def test_names_of_no_secrets(name: str) -> None:
    """Words that only look alike, and places where a secret is."""
    assert not mask.is_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@host:80/x", "https://***@host:80/x"),
        ("https://ghp_123@github.com", "https://***@github.com"),
        ("redis://:pw@h/0 and amqp://a:b@c", "redis://***@h/0 and amqp://***@c"),
        ("http://h/x?a=1&token=abc&b=2", "http://h/x?a=1&token=***&b=2"),
        ("run --password=pw --port=1", "run --password=*** --port=1"),
        ("run --token pw --port 1", "run --token *** --port 1"),
        ("run --token --port 1", "run --token --port 1"),
        ("DB_PASSWORD='a b' PATH=/bin", "DB_PASSWORD=*** PATH=/bin"),
        ("{'TOKEN': 'a\\'b', 'n': 1}", "{'TOKEN': ***, 'n': 1}"),
        ('{"api_key": "x", "n": 1}', '{"api_key": ***, "n": 1}'),
        ("['--token', 'x', 'y']", "['--token', ***, 'y']"),
        ("Authorization: Basic abc=", "Authorization: ***"),
        ("sent Bearer abc.def", "sent Bearer ***"),
        ("password: hunter2", "password: ***"),
        ("a@b and http://h/@scope", "a@b and http://h/@scope"),
        ("KeyError: 'port'", "KeyError: 'port'"),
        ("invalid token: end of file", "invalid token: end of file"),
        ("exit code 1; next attempt in 3 s", "exit code 1; next attempt in 3 s"),
        ("give it --tokens FILE; `web token --tokens FILE` makes that",) * 2,
        ("run --token FILES", "run --token ***"),
        ("/etc/passwd:12:3: must be a mapping", "/etc/passwd:12:3: must be a mapping"),
    ],
)
def test_texts(text: str, shown: str) -> None:
    """What a name or a form tells to be a secret is hidden, and nothing else."""
    assert mask.text(text) == shown


@given(st.text(), st.text())
def test_any_text(before: str, after: str) -> None:
    """Whatever stands around it, and however often it is masked, the value does not come back."""
    shown = mask.text(f"{before} --password=S3CR3T {after}")
    assert "S3CR3T" not in shown.replace(before, "").replace(after, "")
    assert "S3CR3T" not in mask.text(shown).replace(before, "").replace(after, "")


def test_command_lines() -> None:
    """Options with names of secrets, joined to their values or before them."""
    argv = ["x", "--token", "a", "--api-key=b", "-v", "--password", "-v", "http://u:c@h", "d"]
    shown = ("x", "--token", "***", "--api-key=***", "-v", "--password", "-v", "http://***@h", "d")
    assert mask.command_line(argv) == shown


def test_known_values() -> None:
    """A secret value is hidden wherever it stands, also escaped; a short one, and one with another
    name, is none."""
    named = {"TOKEN": "abc\ndef", "PORT": "8080808", "KEY": "short", "n": 3, "password": 123456789}
    secrets = Secrets(named, ["run", "--password=longer", "--secret", "abcdef"])
    for text in ("<abc\ndef>", r"<abc\ndef>", "<longer>", "<abcdef>"):
        assert secrets.hide(text) == "<***>"
    assert secrets.hide("8080808 short") == "8080808 short"
    value = {"a": ["x abcdef y", 1, None], "longer": True}
    assert secrets.hide_within(value) == {"a": ["x *** y", 1, None], "***": True}


def test_within() -> None:
    """In a JSON value, what has a secret's name is hidden, whatever it is."""
    value = {
        "token": [1, 2],
        "port": 1,
        "more": {"apiKey": "x", "url": "http://a:b@c", "key": None},
    }
    assert mask.within(value) == {
        "token": "***",
        "port": 1,
        "more": {"apiKey": "***", "url": "http://***@c", "key": None},
    }


def test_values_that_are_secrets_whatever_their_names() -> None:
    """A value from a file is hidden under any name, in `repr` and JSON as well; a short one where
    it is a word of its own, and one of several lines also line by line."""
    key = "first line\nsecond 'line'\n}\n"
    secrets = Secrets({"PLAIN": "shown as it is"}, always=["hush hush", "42", key, "  "])
    assert secrets.hide("say hush hush 42 times, 142, 4.42") == "say *** *** times, 142, 4.***"
    assert secrets.hide(f"{key!r}; {json.dumps(key)}") in ("'***'; \"***\"", '"***"; "***"')
    assert secrets.hide("at: second 'line' and first line") == "at: *** and ***"
    assert secrets.hide_within({"42": ["hush hush", "  x }"]}) == {"***": ["***", "  x }"]}
    assert secrets.hide("shown as it is") == "shown as it is"
