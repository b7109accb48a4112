"""JSON text to nodes. Python's `json` says whether it is JSON; what is left is to find places."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from attrs import define

from .compose import DEEPEST
from .nodes import Entry, List, Mapping, Node, Scalar, Source
from .report import MOST_NODES, Report, Unusable

_TOKEN = re.compile(r'[ \t\r]*(?:(?P<line>\n)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<other>[\w.+-]+|.))')
_VARIABLE = re.compile(r"\$\{[^{}]*\}")
"""A text that is nothing else stands for what comes in its place: a number, maybe."""
_WORDS = {"null": None, "true": True, "false": False}


def compose(source: Source, text: str, report: Report) -> Node | None:
    """The nodes of a text; None, and a problem, if it is no JSON."""
    try:
        _require_json(text)
        tokens = _tokens(text)
        return _Reader(source, report, tokens).node(next(tokens), 1)
    except Unusable as error:
        report.add(source, error.line, error.column, "", str(error))
        return None


def _require_json(text: str) -> None:
    try:
        json.loads(text, parse_constant=_no_constant, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        raise Unusable(f"this is no JSON: {error.msg}", error.lineno, error.colno) from None
    except RecursionError:
        raise Unusable(f"nested more than {DEEPEST} levels deep", 1, 1) from None


def _no_constant(word: str) -> Any:
    raise Unusable(f"this is no JSON: {word} is no number", 1, 1)


@define
class _Token:
    text: str
    line: int
    column: int


def _tokens(text: str) -> Iterator[_Token]:
    line, begin = 1, 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "line":
            line, begin = line + 1, match.end()
        else:
            yield _Token(match[kind], line, match.start(kind) - begin + 1)


@define
class _Reader:
    """Reads tokens of which it is known that they are JSON."""

    source: Source
    report: Report
    tokens: Iterator[_Token]
    size: int = 0

    def node(self, token: _Token, depth: int) -> Node:
        self.size += 1
        if depth > DEEPEST:
            raise Unusable(f"nested more than {DEEPEST} levels deep", token.line, token.column)
        if self.size > MOST_NODES:
            raise Unusable(f"more than {MOST_NODES:,} values", token.line, token.column)
        if token.text == "{":
            return self._mapping(token, depth)
        return self._list(token, depth) if token.text == "[" else self._scalar(token)

    def _scalar(self, token: _Token) -> Scalar:
        text = token.text
        value: Any = None
        if text.startswith('"'):
            text = value = self._text(token)
        elif text in _WORDS:
            value = _WORDS[text]
        else:
            value = _number(text)
        is_plain = not token.text.startswith('"') or bool(_VARIABLE.fullmatch(text))
        return Scalar(self.source, token.line, token.column, text, value, is_plain)

    def _text(self, token: _Token) -> str:
        text: str = json.loads(token.text)
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            problem = "half a surrogate pair, which is no character, is in this text"
            self.report.add(self.source, token.line, token.column, "", problem)
            text = text.encode(errors="replace").decode()  # nothing else is to stumble over it
        return text

    def _list(self, start: _Token, depth: int) -> List:
        items = []
        while (token := next(self.tokens)).text != "]":
            if token.text != ",":
                items.append(self.node(token, depth + 1))
        return List(self.source, start.line, start.column, items)

    def _mapping(self, start: _Token, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        while (token := next(self.tokens)).text != "}":
            if token.text == ",":
                continue
            key = self._scalar(token)
            next(self.tokens)  # the colon
            value = self.node(next(self.tokens), depth + 1)
            if key.text in entries:
                self.report.twice(key, entries[key.text].key)
            else:
                entries[key.text] = Entry(key, value)
        return Mapping(self.source, start.line, start.column, entries)


def _number(text: str) -> Any:
    """As JSON has it; one of very many digits is a text."""
    if len(text) > 400:
        return text
    return float(text) if set(text) & set(".eE") else int(text)
