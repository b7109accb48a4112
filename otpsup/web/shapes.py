"""What requests take and answers have, in JSON Schema (draft 2020-12), and the part of it that is
checked here: `type`, `enum`, `minimum`, `maximum`, `minLength`, `maxLength`, `pattern`, `items`,
`minItems`, `maxItems`, `properties`, `required` and `additionalProperties: false`. Pure.

What has a `pattern` has a `description`, which says the same to people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from ..specs.check import nearest, shown
from ..views import ACTIONS, State
from .access import ROLES, WAYS

Shape = Mapping[str, Any]


def _is_whole(value: Any) -> bool:
    """`2.0` is 2 (section 4.2.3)."""
    is_integral = isinstance(value, float) and value.is_integer()
    return is_integral or (isinstance(value, int) and not isinstance(value, bool))


_TYPES: Final[Mapping[str, Any]] = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: _is_whole(v),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}
_CALLED: Final[Mapping[str, str]] = {
    "string": "a text", "integer": "a whole number", "number": "a number",
    "boolean": "true or false", "null": "null", "array": "a list", "object": "an object",
}  # fmt: skip
"""The types in words."""


def wrong(shape: Shape, value: Any, what: str) -> str:
    """What is wrong with a value; nothing if it has this shape."""
    types = shape.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_TYPES[name](value) for name in types):
        called = " or ".join(_CALLED[name] for name in types)
        return f"{what} must be {called}, not {shown(value)}"
    if "enum" in shape and value not in shape["enum"]:
        return f"{what} must be one of {', '.join(map(str, shape['enum']))}, not {shown(value)}"
    if isinstance(value, str):
        return _wrong_text(shape, value, what)
    if isinstance(value, list):
        return _wrong_list(shape, value, what)
    if isinstance(value, dict):
        return _wrong_object(shape, value, what)
    return _wrong_number(shape, value, what)


def _wrong_text(shape: Shape, value: str, what: str) -> str:
    if not shape.get("minLength", 0) <= len(value) <= shape.get("maxLength", len(value)):
        least, most = shape.get("minLength", 0), shape.get("maxLength", "any number of")
        return f"{what} must have {least} to {most} characters, not {len(value)}"
    if "pattern" in shape and not re.search(shape["pattern"], value):
        return f"{what} must be {shape['description']}, unlike {shown(value)}"
    return ""


def _wrong_number(shape: Shape, value: Any, what: str) -> str:
    if not _TYPES["number"](value):
        return ""
    if not shape.get("minimum", value) <= value <= shape.get("maximum", value):
        least, most = shape.get("minimum", ""), shape.get("maximum", "any")
        return f"{what} must be from {least} to {most}, not {shown(value)}"
    return ""


def _wrong_list(shape: Shape, value: list[Any], what: str) -> str:
    if len(value) < shape.get("minItems", 0):
        return f"{what} must have {_items(shape['minItems'])} at least"
    if len(value) > shape.get("maxItems", len(value)):
        return f"{what} must have {_items(shape['maxItems'])} at most, not {len(value)}"
    found = (wrong(shape.get("items", {}), item, f"each of {what}") for item in value)
    return next(filter(None, found), "")


def _items(number: int) -> str:
    return "one item" if number == 1 else f"{number} items"


def _wrong_object(shape: Shape, value: dict[str, Any], what: str) -> str:
    known = shape.get("properties", {})
    if missing := [name for name in shape.get("required", ()) if name not in value]:
        return f"{what} needs {', '.join(missing)}"
    for name, item in value.items():
        if name not in known:
            if shape.get("additionalProperties", True) is False:
                hint = nearest(name, known)
                return f"{what} has no {shown(name)}" + (f"; {hint}" if hint else "")
            continue
        if found := wrong(known[name], item, name):
            return found
    return ""


# What requests take.

TEXT: Final[Shape] = {"type": "string"}
PATH: Final[Shape] = {"type": "string", "maxLength": 1000}
FILE: Final[Shape] = {
    "type": "string", "minLength": 1, "maxLength": 4000, "pattern": r"^[^\u0000]+$",
    "description": "a text without NUL",
}  # fmt: skip
FILE_OR_NOT: Final[Shape] = {**FILE, "type": ["string", "null"]}
SIGNAL: Final[Shape] = {"type": ["string", "integer"], "minimum": 1, "maximum": 64,
                        "minLength": 1, "maxLength": 20}  # fmt: skip
FORM: Final[Shape] = {"enum": ["text", "mermaid", "dot", "svg"], "type": "string"}
STREAM: Final[Shape] = {"enum": ["stdout", "stderr"], "type": "string"}


def paths(most: int) -> Shape:
    """So many paths or patterns: what fits into a head, or a body, of 64 KiB however it is
    written."""
    return {"type": "array", "items": {"type": "string", "maxLength": 300}, "maxItems": most}


def count(most: int, least: int = 0) -> Shape:
    """A whole number in this range."""
    return {"type": "integer", "minimum": least, "maximum": most}


def body(required: tuple[str, ...] = (), **fields: Shape) -> Shape:
    """A JSON object with these fields, and no others."""
    return {
        "type": "object", "properties": fields, "required": list(required),
        "additionalProperties": False,
    }  # fmt: skip


NO_FIELDS: Final = body()

# What answers have.


def ref(name: str) -> Shape:
    """One of `COMPONENTS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def many(shape: Shape) -> Shape:
    """A list of them."""
    return {"type": "array", "items": shape}


def _has(**fields: Shape) -> Shape:
    return {"type": "object", "properties": fields, "required": list(fields)}


_NUMBER: Final[Shape] = {"type": "number"}
_WHOLE: Final[Shape] = {"type": "integer"}
_FLAG: Final[Shape] = {"type": "boolean"}
_TEXT_OR_NOT: Final[Shape] = {"type": ["string", "null"]}
_NUMBER_OR_NOT: Final[Shape] = {"type": ["number", "null"]}
_WHOLE_OR_NOT: Final[Shape] = {"type": ["integer", "null"]}
_TEXTS: Final = many(TEXT)
_STATE: Final[Shape] = {"enum": list(get_args(State)), "type": "string"}
_STATUS: Final[Mapping[str, Shape]] = {
    "name": TEXT, "path": TEXT, "type": TEXT, "state": _STATE, "ready": _FLAG,
    "pid": _WHOLE_OR_NOT, "since": _NUMBER, "restarts": _WHOLE, "last_exit": _TEXT_OR_NOT,
    "status": _TEXT_OR_NOT, "info": {}, "why": _TEXTS, "next_attempt": _NUMBER_OR_NOT,
    "waits": _TEXT_OR_NOT, "last_output": _TEXTS, "wanted": _FLAG,
}  # fmt: skip

COMPONENTS: Final[Mapping[str, Shape]] = {
    "About": _has(name=TEXT, pid=_WHOLE, version=TEXT, python=TEXT, file=_TEXT_OR_NOT,
                  since=_NUMBER, now=_NUMBER),
    "ChildStatus": _has(**_STATUS, children=many(ref("ChildStatus"))),
    "Info": _has(**_STATUS, monitored=_FLAG, copy_of=_TEXT_OR_NOT,
                 needed_by=_TEXTS, checks=many(ref("CheckResult")),
                 spec={"type": "object"}),
    "CheckResult": _has(purpose=TEXT, what=TEXT, is_well={"type": ["boolean", "null"]},
                        looks=_WHOLE, failures=_WHOLE, said=TEXT),
    "Why": _has(path=TEXT, state=_STATE, why=_TEXTS, waits=_TEXT_OR_NOT,
                next_attempt=_NUMBER_OR_NOT, last_exit=_TEXT_OR_NOT, last_output=_TEXTS,
                traceback=TEXT),
    "Simulation": _has(consequences=many(ref("Consequence")), words=_TEXTS),
    "Consequence": _has(
        path=TEXT, steps=many(_has(at=_NUMBER, path=TEXT, what=TEXT, why=TEXT)),
        states={"type": "object", "additionalProperties": TEXT}, summary=TEXT),
    "Done": _has(path=TEXT, state=_TEXT_OR_NOT, error=_TEXT_OR_NOT),
    "Stacks": _has(path=TEXT, stacks=TEXT),
    "Change": _has(path=TEXT, action={"enum": list(ACTIONS), "type": "string"}, why=TEXT,
                   error=_TEXT_OR_NOT),
    "Event": _has(at=_NUMBER, kind=TEXT, path=TEXT, state=_TEXT_OR_NOT, pid=_WHOLE_OR_NOT,
                  reason=_TEXT_OR_NOT, cause=TEXT, text=TEXT, traceback=TEXT, chain=_TEXTS,
                  lines=_TEXTS),
    "LogLine": {**_has(at=_NUMBER, path=TEXT, stream=TEXT, text=TEXT),
                "description": "`skipped`: how many lines this one stands for, if it is none."},
    "Statistics": _has(
        at=_NUMBER, loop_lag=_NUMBER,
        supervisors={"type": "object", "additionalProperties": ref("SupervisorStatistics")},
        children={"type": "object", "additionalProperties": ref("ChildStatistics")},
        host=_has(cpu_seconds=_NUMBER, memory=_WHOLE, threads=_WHOLE, descriptors=_WHOLE)),
    "SupervisorStatistics": _has(state=_STATE, intensity=_WHOLE, used=_WHOLE, period=_NUMBER,
                                 restarts=_WHOLE),
    "ChildStatistics": _has(
        path=TEXT, state=_STATE, ready=_FLAG, starts=_WHOLE,
        exits={"type": "object", "additionalProperties": _WHOLE}, restarts=_WHOLE,
        started_at=_NUMBER_OR_NOT, start_seconds=_NUMBER_OR_NOT, cpu_seconds=_NUMBER,
        memory=_WHOLE, processes=_WHOLE, threads=_WHOLE, descriptors=_WHOLE, log_bytes=_WHOLE,
        log_dropped=_WHOLE, checks=many(ref("CheckResult")),
        history={**many(many(_NUMBER)), "description": "Samples: `[at, cpu, memory]`."}),
    "Session": _has(role={"enum": [*ROLES, None]}, csrf=_TEXT_OR_NOT, name=TEXT,
                    **{"as": _TEXT_OR_NOT}, access={"enum": [*WAYS, None]},
                    sign_in={"enum": [*WAYS]}),
    "Alerts": {"type": "object"},
    "Delivered": {"type": "object", "additionalProperties": _has(ok=_FLAG, why=TEXT)},
    "Problem": _has(type=TEXT, title=TEXT, status=_WHOLE, detail=TEXT, code=TEXT),
}  # fmt: skip
"""The fields of `otpsup.views` and `otpsup.statistics`; others may be added."""
