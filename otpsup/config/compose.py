"""YAML text to nodes, with PyYAML's parser: libyaml where there is one, or its own in Python.

Decides what of YAML is taken: one document, anchors and aliases, `<<`, no tags but `!!str`. Every
number of nodes and every depth is bounded, whatever the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml
from attrs import define, field

from ..specs.check import shown
from .nodes import Entry, List, Mapping, Node, Scalar, Source, is_nothing, plain, quoted
from .report import MOST_NODES, Report, Unusable

DEEPEST: Final = 100
"""Levels of lists and mappings."""

_FAST: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_PRECISE: Any = yaml.BaseLoader
_MOST_REPEATED = 1_000_000
"""Characters of a text that is read again by the slow parser, for its words."""


def compose(source: Source, text: str, report: Report) -> Node | None:
    """The nodes of a text; None, and a problem, if it is no YAML."""
    try:
        return _Composer(source, report, _events(text)).document()
    except Unusable as error:
        report.add(source, error.line, error.column, "", str(error))
        return None


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_FAST)
    except yaml.YAMLError as error:
        raise _unusable(_in_the_same_words(text, error), text) from None


def _in_the_same_words(text: str, error: yaml.YAMLError) -> yaml.YAMLError:
    """What the parser in Python says of it, so that a message does not depend on the machine."""
    if _FAST is _PRECISE or len(text) > _MOST_REPEATED:
        return error
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_PRECISE):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise _too_deep(event)
    except yaml.YAMLError as precise:
        return precise
    return error


def _unusable(error: yaml.YAMLError, whole: str) -> Unusable:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    words = [getattr(error, name, None) for name in ("context", "problem")]
    text = ", ".join(word for word in words if word) or str(getattr(error, "reason", error))
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Unusable(f"this is no YAML: {text}{_hint(whole, line, column)}", line, column)


def _hint(text: str, line: int, column: int) -> str:
    """What is wrong, if the brace of a variable stands at that place."""
    lines = text.split("\n", line)
    before = lines[line - 1][:column] if line <= len(lines) else ""
    return "; write a ${...} in quotation marks there" if before.endswith("${") else ""


@define
class _Composer:
    """Puts events together; knows the anchors so far."""

    source: Source
    report: Report
    events: Iterator[Any]
    anchors: dict[str, Node | None] = field(factory=dict)
    size: int = 0

    def document(self) -> Node:
        next(self.events)  # the stream
        start = next(self.events)
        if not isinstance(start, yaml.DocumentStartEvent):
            raise Unusable("it is empty", 1, 1)
        node = self._node(next(self.events), 0)
        next(self.events)
        another = next(self.events)
        if isinstance(another, yaml.DocumentStartEvent):
            raise _error(another, "a second document; a tree is one")
        return node

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._count(self._alias(event), event)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        node = self._count(self._fresh(event, depth + 1), event)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _count(self, node: Node, event: Any) -> Node:
        is_new = isinstance(node, Scalar) or isinstance(event, yaml.AliasEvent)
        self.size += node.size if is_new else 1
        if self.size > MOST_NODES:
            raise _error(event, f"more than {MOST_NODES:,} values, with all aliases resolved")
        return node

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self.anchors:
            raise _error(
                event, f"unknown anchor {shown(event.anchor)}; write &{event.anchor} first"
            )
        node = self.anchors[event.anchor]
        if node is None:
            raise _error(event, f"*{event.anchor} stands within what it is the name of")
        return node

    def _fresh(self, event: Any, depth: int) -> Node:
        if depth > DEEPEST:
            raise _too_deep(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            _require_tag(event, "seq")
            return self._list(event, depth)
        _require_tag(event, "map")
        return self._mapping(event, depth)

    def _scalar(self, event: Any) -> Scalar:
        _require_tag(event, "str")
        is_plain = not event.style and event.tag is None
        return (plain if is_plain else quoted)(self.source, *_place(event), event.value)

    def _list(self, start: Any, depth: int) -> List:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth))
        return List(self.source, *_place(start), items)

    def _mapping(self, start: Any, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        merged: list[Mapping] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(self._node(event, depth))
            value = self._node(next(self.events), depth)
            if key.text == "<<" and key.is_plain:
                merged += self._to_merge(value)
            elif key.text in entries:
                self.report.twice(key, entries[key.text].key)
            else:
                entries[key.text] = Entry(key, value)
        for mapping in merged:
            entries = {**mapping.entries, **entries}
        return Mapping(self.source, *_place(start), entries)

    def _key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            raise Unusable("a key must be a text", node.line, node.column)
        return node

    def _to_merge(self, value: Node) -> list[Mapping]:
        """The mappings behind `<<`; the first of them wins over those after it."""
        values = value.items if isinstance(value, List) else [value]
        if not all(isinstance(each, Mapping) or is_nothing(each) for each in values):
            raise Unusable("<< takes a mapping, as in `<<: *common`", value.line, value.column)
        return [each for each in values if isinstance(each, Mapping)]


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _too_deep(event: Any) -> Unusable:
    return _error(event, f"nested more than {DEEPEST} levels deep")


def _error(event: Any, text: str) -> Unusable:
    return Unusable(text, *_place(event))


def _require_tag(event: Any, kind: str) -> None:
    if event.tag not in (None, "!", f"tag:yaml.org,2002:{kind}"):
        raise _error(event, f"unknown tag {shown(event.tag)}; a tree file has none but !!str")
