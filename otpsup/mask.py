"""Secrets: what they are told by, and what is shown in their place.

The rule. A name is a secret's if one of its words is `password`, `secret`, `token`, `key`, `auth`
or another of those below, however it is written (`DB_PASSWORD`, `apiKey`, `--auth-token`), unless
its last word says that it is a place: `_FILE`, `_PATH`, `_DIR`, `_SOCK`. Hidden are

- the value behind such a name: `NAME=value`, `--name value`, `?name=value`, `"name": "value"`;
- what stands before the `@` of an address: `https://user:password@host`;
- what comes after `Authorization:` and `Bearer`;
- the values themselves of such variables, options and keyword arguments of a child, wherever they
  stand in what is told of that child (`Secrets`), if they have `SHORTEST` characters at least;
- the values of secrets that come from files, whatever they are called.

Only what is shown is masked, never what a process is started with. Pure: texts in, texts out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any

HIDDEN = "***"
SHORTEST = 6
"""A shorter value is no secret: it would be found in half of all texts."""

_PARTS_OF_WORDS = ("passw", "passphrase", "secret", "token", "credential", "apikey")
_WORDS = frozenset(
    ("auth", "authorization", "bearer", "cookie", "creds", "dsn", "jwt", "key", "keys", "pass",
     "pat", "pw", "pwd", "sig", "signature")
)  # fmt: skip
_PLACES = frozenset(("dir", "file", "folder", "path", "sock", "socket"))
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD = re.compile(r"[\W_]+")


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether what has this name is a secret."""
    words = [word for word in _NO_WORD.split(_HUMP.sub("_", name).lower()) if word]
    if not words or words[-1] in _PLACES or words == ["pwd"]:  # $PWD is a folder
        return False
    return any(word in _WORDS or any(part in word for part in _PARTS_OF_WORDS) for word in words)


_QUOTED = r"""b?"(?:[^"\\]|\\.)*"|b?'(?:[^'\\]|\\.)*'"""
_ADDRESS = re.compile(r"(://)[^\s/?#]*@")
_ASSIGNED = re.compile(rf"(?<![\w.-])((?:--?)?([A-Za-z_][\w.-]*)=)({_QUOTED}|[^\s&;,'\")\]}}]+)")
_OPTION = re.compile(rf"(?<![^\s])(--?([A-Za-z][\w-]*)\s+)(?!-)({_QUOTED}|\S+)")
_KEYED = re.compile(rf"""(['"]([\w.-]+)['"]\s*:\s*)({_QUOTED}|[^\s,}}\]]+)""")
_LISTED = re.compile(rf"""(['"](--?[\w-]+)['"]\s*,\s*)({_QUOTED})""")
_HEADER = re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*)(?:['\"])?(\w+\s+)?[^\s'\",]+")
_SPOKEN = re.compile(r"(?i)\b(bearer\s+|(?<!/)pass(?:word|wd|phrase)\s*:\s*)[^\s'\",]+")
"""Not /etc/passwd: that is a file, and what comes after it a place in it."""

_PLACEHOLDER = re.compile(r"(?:FILE|NAME|PATH)\W*")
"""What stands for a value in words of ours, with what comes after it in a sentence."""


def text(text: str) -> str:
    """The text without the secrets that can be told by a name."""
    text = _ADDRESS.sub(rf"\1{HIDDEN}@", text)
    for pattern in (_ASSIGNED, _OPTION, _KEYED, _LISTED):
        text = pattern.sub(_without_value, text)
    text = _HEADER.sub(rf"\1{HIDDEN}", text)
    return _SPOKEN.sub(rf"\1{HIDDEN}", text)


def _without_value(match: re.Match[str]) -> str:
    """Of an option in words of ours (`--tokens FILE`) nothing is taken."""
    is_shown = _PLACEHOLDER.fullmatch(match[3]) or not is_secret(match[2])
    return match[0] if is_shown else f"{match[1]}{HIDDEN}"


def command_line(argv: Sequence[str]) -> tuple[str, ...]:
    """The words of a command, without the values of options that are secrets."""
    shown = []
    for before, word in zip(("", *argv), argv, strict=False):
        is_value = _is_bare_option(before) and not word.startswith("-")
        shown.append(HIDDEN if is_value else text(word))
    return tuple(shown)


def _is_bare_option(word: str) -> bool:
    return word.startswith("-") and "=" not in word and is_secret(word)


class Secrets:
    """The secret values that one child was given, hidden wherever they stand.

    Args:
        named: values by the names of variables and keyword arguments.
        argv: a command line, whose options count too.
        always: values that are secrets whatever they are called. A short one is hidden where it
            stands as a word of its own, and of one of several lines also each line.
    """

    __slots__ = ("_values", "_words")

    def __init__(
        self, named: Mapping[str, Any], argv: Sequence[str] = (), always: Sequence[str] = ()
    ) -> None:
        values = {value for name, value in named.items() if is_secret(name)}
        lines = {line.strip() for value in always for line in value.splitlines()}
        known = (*values, *_options(argv), *always, *lines)
        found = {form for value in known for form in _forms(value)}
        self._values = tuple(sorted(found, key=len, reverse=True))
        self._words = _as_words(
            {value for value in always if len(value) < SHORTEST and value.strip()}
        )

    def hide(self, shown: str) -> str:
        """The text without these values, and without what `text` hides."""
        return text(self._replaced(shown))

    def hide_within(self, value: Any) -> Any:
        """A JSON value without these values."""
        if isinstance(value, str):
            return self._replaced(value)
        if isinstance(value, list):
            return [self.hide_within(item) for item in value]
        if isinstance(value, dict):
            items = value.items()
            return {self.hide_within(key): self.hide_within(item) for key, item in items}
        return value

    def _replaced(self, shown: str) -> str:
        for value in self._values:
            shown = shown.replace(value, HIDDEN)
        return self._words.sub(HIDDEN, shown) if self._words else shown


def _as_words(values: Set[str]) -> re.Pattern[str] | None:
    """What finds these where they are no part of a longer word."""
    either = "|".join(map(re.escape, sorted(values)))
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)") if values else None


def _options(argv: Sequence[str]) -> Iterator[str]:
    for before, word in zip(("", *argv), argv, strict=False):
        name, equals, value = word.partition("=")
        if equals and is_secret(name):
            yield value
        elif _is_bare_option(before):
            yield word


def _forms(value: Any) -> Iterator[str]:
    """As it is, and as it stands in a `repr` and in JSON."""
    if isinstance(value, str) and len(value) >= SHORTEST:
        yield from (value, repr(value)[1:-1], json.dumps(value)[1:-1])


def within(value: Any) -> Any:
    """A JSON value without the secrets in it that have a name."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list | tuple):
        return [within(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: HIDDEN if item is not None and is_secret(str(key)) else within(item)
        for key, item in value.items()
    }
