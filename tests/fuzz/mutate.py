"""Hostile bytes: valid messages that are changed a little, or much, and noise.

Knows JSON and its nasties; knows nothing of otpsup.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from attrs import frozen


@frozen
class Raw:
    """A piece of JSON text as it stands, whether or not it is JSON."""

    text: str


TEXTS = (
    "", " ", "\0", "a\0b", "\ud800", "\udcff", "\x1b[31mred", "\x1b]0;title\x07", "\x9b2J", "\r\n",
    "a\nb", "\u202e", "\ufeff", "\u00b2", "\u0663", "../../etc/passwd", "/", "//", "a/", "/a",
    "a//b",
    ".", "..", "#", "job#1", "job#0", "job#\u00b2", "pool/job#\u0661", "pool/job#" + "1" * 5000,
    "x" * 5000, "\U0001f600" * 300, "NaN", "-1", "1e400", "null", "__class__", "{0.__class__}",
    "%s%n",
    "$(reboot)", "'; --", "<script>", "\\u0000", "\\", '"', "true", "c", "inner/deep", "pool",
)  # fmt: skip
"""Each has broken somebody's program."""

NUMBERS = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "0", "-0", "-1", "1", "1.5", "1e3",
    "9" * 4000, "9" * 10_000, "-" + "9" * 10_000, "1" * 309, "9007199254740993",
    "18446744073709551616",
    "0x10", "01", "1_000", "+1", ".5", "1.", "\u0663",
)  # fmt: skip

SHAPES = (
    "null", "true", "false", "[]", "{}", "[[]]", '{"":{}}', "[" * 30 + "]" * 30,
    "[" * 990 + "]" * 990, '{"a":' * 990 + "1" + "}" * 990, "[" * 50_000,
    "[" * 20_000 + "]" * 20_000,
    '{"a":' * 20_000, "[" + "0," * 5000 + "0]", '{"a":1,"a":2}', "'single'", "undefined", "/* */ 1",
)  # fmt: skip

PIECES = (
    b"", b"\n", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80",
    b"\xf8\x88\x80\x80",
    b"\x1b[31m", b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u", b"\\ud800", b",", b":", b"=", b"#",
    b"READY=1", b"STATUS=", b"\r\n\r\n", b"GET / HTTP/1.1\r\n", b"\x80\x04\x95", b"!!python/object",
)  # fmt: skip


def nasty(random: Random) -> Any:
    """A value that somebody did not think of."""
    kind = random.randrange(4)
    if kind == 0:
        return random.choice(TEXTS)
    if kind == 1:
        return Raw(random.choice(NUMBERS))
    return (
        Raw(random.choice(SHAPES)) if kind == 2 else random.choice([None, True, False, 0, -1, 2.5])
    )


def render(value: Any) -> str:
    """A value as JSON text; a list of pairs marked as such may have a key twice."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{render(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(render, value)) + "]"
    return json.dumps(value)


def changed(value: Any, random: Random, others: Sequence[Any]) -> Any:
    """The value with one thing in it changed, wherever that is."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        return _changed_dict(value, random, others)
    if isinstance(value, list) and value and random.random() < 0.9:
        return _changed_list(value, random, others)
    return random.choice(others) if random.random() < 0.2 else nasty(random)


def _changed_dict(value: dict[str, Any], random: Random, others: Sequence[Any]) -> dict[str, Any]:
    key = random.choice(list(value))
    new = dict(value)
    kind = random.random()
    if kind < 0.6:
        new[key] = changed(value[key], random, others)
    elif kind < 0.7:
        del new[key]
    elif kind < 0.8:
        new[random.choice(TEXTS)] = new.pop(key)
    elif kind < 0.9:
        new[random.choice([key.upper(), key + " ", random.choice(TEXTS)])] = nasty(random)
    else:
        new[key] = value[random.choice(list(value))]
    return new


def _changed_list(value: list[Any], random: Random, others: Sequence[Any]) -> list[Any]:
    at = random.randrange(len(value))
    kind = random.random()
    if kind < 0.6:
        return [*value[:at], changed(value[at], random, others), *value[at + 1 :]]
    if kind < 0.8:
        return value[:at] + value[at + 1 :]
    return [*value, *value[at:] * random.choice([1, 1, 50])]


def scrambled(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """The bytes with one thing changed: a bit, a piece, an end, a beginning of something else."""
    at, until = sorted(random.randrange(len(data) + 1) for _ in range(2))
    kind = random.randrange(7)
    if kind == 0 and data:
        at = min(at, len(data) - 1)
        return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + random.choice(PIECES) + data[at:]
    if kind == 2:
        return data[:at] + data[until:]
    if kind == 3:
        return data[:at]
    if kind == 4:
        return data[:until] + data[at:until] * random.choice([1, 2, 20]) + data[until:]
    if kind == 5:
        return data[:at] + random.choice(others)[until:]
    return data[:at] + random.randbytes(random.choice([1, 4, 40])) + data[until:]


def noise(random: Random, most: int = 4096) -> bytes:
    """Bytes that mean nothing, mostly few."""
    return random.randbytes(int(most ** random.random()) - 1)


_ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-7")


def hostile(random: Random, samples: Sequence[Any]) -> bytes:
    """One input: noise, a sample as it is, or a sample that was changed once or several times."""
    if random.random() < 0.1:
        return noise(random)
    value = random.choice(samples)
    while random.random() < 0.65:
        value = changed(value, random, samples)
    data = render(value).encode(random.choice(_ENCODINGS), "surrogatepass")
    while random.random() < 0.35:
        other = render(random.choice(samples)).encode(errors="surrogatepass")
        data = scrambled(data, random, [other])
    return data
