"""XML-RPC as supervisord reads and writes it: what comes in is hostile, and never more than a 400.

Reads as leniently as supervisord does: an unknown type is the text in it, `nil` is None, values
without a type are strings. Refuses document types, whose entities may grow without end, and nesting
that no client needs. Pure.

Source: http://xmlrpc.com/spec.md and what supervisor 4.3.0 answers.
"""

from __future__ import annotations

import base64
import re
import xmlrpc.client
from collections.abc import Callable
from datetime import datetime
from typing import Any
from xml.parsers import expat

from attrs import define, field

from .faults import RpcError

_DEEPEST = 200
"""Elements within one another. Clients send lists of structs of lists: some 20."""
_MOST = 250_000
"""Elements altogether. A call in a `multicall` takes some ten."""
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, however it is written. supervisord sends it as it is, and no client can
read the answer then."""


class BadRequest(ValueError):
    """It is no XML-RPC request; the message says why."""


@define(eq=False)
class _Element:
    tag: str
    parts: list[str] = field(factory=list)
    children: list[_Element] = field(factory=list)
    value: Any = None

    @property
    def text(self) -> str | None:
        return "".join(self.parts) or None

    def first(self) -> Any:
        return self.children[0].value


def _value(element: _Element) -> Any:
    return element.first() if element.children else element.text or ""


def _struct(element: _Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member in element.children:
        name, value = member.children
        found[name.value or ""] = value.value
    return found


def _base64(element: _Element) -> str:
    return base64.decodebytes((element.text or "").encode()).decode()


_READ: dict[str, Callable[[_Element], Any]] = {
    "int": lambda element: int(element.text or ""),
    "i4": lambda element: int(element.text or ""),
    "boolean": lambda element: element.text == "1",
    "string": lambda element: element.text or "",
    "double": lambda element: float(element.text or ""),
    "dateTime.iso8601": lambda element: datetime.strptime(element.text or "", "%Y%m%dT%H:%M:%S"),
    "array": _Element.first,
    "data": lambda element: [child.value for child in element.children],
    "struct": _struct,
    "base64": _base64,
    "param": _Element.first,
    "value": _value,
}


class _Reader:
    """Builds values from the inside to the outside."""

    def __init__(self) -> None:
        self.method: str | None = None
        self.params: tuple[Any, ...] = ()
        self._open: list[_Element] = []
        self._count = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, body: bytes) -> None:
        self._parser.Parse(body, True)

    def _start(self, tag: str, _: dict[str, str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise BadRequest(f"more than {_DEEPEST} elements are within one another")
        self._count += 1
        if self._count > _MOST:
            raise BadRequest(f"it has more than {_MOST} elements")
        self._open.append(_Element(tag))

    def _text(self, text: str) -> None:
        if self._open and not self._open[-1].children:
            self._open[-1].parts.append(text)

    def _doctype(self, *_: Any) -> None:
        raise BadRequest("it has a document type")

    def _end(self, tag: str) -> None:
        element = self._open.pop()
        read = _READ.get(tag)
        element.value = read(element) if read else element.text
        if tag == "methodName":
            self.method = element.text
        elif tag == "params":
            self.params = tuple(child.value for child in element.children)
        if tag in _READ:
            element.children.clear()
        if self._open:
            self._open[-1].children.append(element)


def decode(body: bytes) -> tuple[str, tuple[Any, ...]]:
    """The method and its arguments.

    Raises:
        BadRequest: it is no XML, a value in it is none of its type, or no method is named.
    """
    reader = _Reader()
    try:
        reader.read(body)
    except BadRequest:
        raise
    except (expat.ExpatError, ValueError, IndexError, TypeError, LookupError) as error:
        raise BadRequest(f"it cannot be read: {error}") from None
    if not reader.method:
        raise BadRequest("it names no method")
    return reader.method, reader.params


def encode(value: Any) -> bytes:
    """The answer with this value.

    Raises:
        TypeError, OverflowError: XML-RPC has no such values.
    """
    return xmlrpc.client.dumps((_fit(value),), methodresponse=True).encode()


def encode_fault(error: RpcError) -> bytes:
    """The answer that is a fault."""
    return xmlrpc.client.dumps(xmlrpc.client.Fault(error.code, _fit(error.text))).encode()


def _fit(value: Any) -> Any:
    """The same with texts that XML can hold."""
    if isinstance(value, str):
        return _UNFIT.sub("\ufffd", value)
    if isinstance(value, dict):
        return {str(_fit(key)): _fit(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_fit(each) for each in value]
    return value
