"""The catalogue of what the tree says, without a browser: each text that these modules put into
their sentences stands in one of its templates. That whole sentences are read, and are Chinese then,
is tested in `test_page_chinese.py`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

from otpsup import explain
from otpsup.engine import (
    changes,
    node,
    process,
    purpose,
    reasons,
    reload,
    requests,
    snapshot,
    words,
)
from otpsup.runtime import checks, hanging, health, preflight
from otpsup.testing import what_if
from otpsup.web.files import FOLDER

MODULES = [
    *(words, reasons, explain, snapshot, process, node, purpose, changes, reload, requests),
    *(health, checks, hanging, preflight, inspect.getmodule(what_if)),
]
FOR_PROGRAMMERS = {
    "cannot reload tree", "the new root is", "what_if needs the root of a tree, a Supervisor, not",
    "and name and kind of a root stay; stop the tree and run the new one", "Connect call failed",
    "orders its children by its list, where", "Accept: */*\r\nConnection: close\r\n\r\n",
    "would come last anyway; leave its `after` out", "\r\nUser-Agent: otpsup\r\n",
    "Authorization: Basic",
}  # fmt: skip
"""Not told on the page, or not ours: asyncio's words, the head of a request."""


def _templates() -> str:
    """All English sides, a line each, with a gap for each placeholder."""
    files = [(FOLDER / name).read_text() for name in ("sentences-zh.js", "refusals-zh.js")]
    sides = re.findall(r'(?:"((?:[^"\\]|\\.)*)"|\b([a-z_]+)):\s*"', "\n".join(files))
    assert len(sides) > 300
    return "\n".join(re.sub(r"\{[a-z]+\d?\??\}", "\0", quoted or bare) for quoted, bare in sides)


TEMPLATES = _templates()


def _texts(module: ModuleType) -> Iterator[str]:
    """The literals in which there are words, without docstrings."""
    tree = ast.parse(inspect.getsource(module))
    docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for found in ast.walk(tree):
        if not isinstance(found, ast.Constant) or not isinstance(found.value, str):
            continue
        if id(found) not in docstrings and re.search("[a-z] | [a-z]", found.value):
            yield found.value


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_each_text_has_chinese(module: ModuleType) -> None:
    said = {text if text in FOR_PROGRAMMERS else text.strip(" :;,.") for text in _texts(module)}
    told = {re.sub(r"^cannot \w+( child)?$", "cannot", text) for text in said - FOR_PROGRAMMERS}
    assert {text for text in told if text not in TEMPLATES} == set()


def test_chinese_punctuation() -> None:
    """As in the other texts of the page: see `test_page_dealing.py`."""
    for name in ("sentences-zh.js", "refusals-zh.js"):
        sides = re.findall(r':\s*"((?:[^"\\]|\\.)*)"', (FOLDER / name).read_text())
        wrong = re.compile(r"[\u4e00-\u9fff][,:?;()!]|[,:?;()!][\u4e00-\u9fff]|……")
        assert [side for side in sides if wrong.search(side)] == []


def test_both_sides_have_the_same_placeholders() -> None:
    """One that is missing would not be told; one that is unknown would be told as `undefined`."""
    for name in ("sentences-zh.js", "refusals-zh.js"):
        pairs = re.findall(
            r'"((?:[^"\\]|\\.)*)":\s*"((?:[^"\\]|\\.)*)"', (FOLDER / name).read_text()
        )
        assert len(pairs) > 90
        for english, chinese in pairs:
            there = [sorted(re.findall(r"\{(\w+)\??\}", side)) for side in (english, chinese)]
            assert there[0] == there[1], english
