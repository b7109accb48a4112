"""Checks for the fields of a specification: what was expected, what was given, an example.

Decides only whether one value is legal. Knows neither supervisors nor children.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import evolve, frozen
from attrs import field as attribute

from .. import mask
from ..errors import InvalidSpec


class _Hidden:
    """Stands in a message for a value that may hold secrets."""

    def __init__(self, value: object) -> None:
        self._kind = type(value).__name__

    def __repr__(self) -> str:
        return f"this {self._kind} (values not shown)"


MANY: Final = 10**15
"""More than this nobody means: a count has fewer digits."""
BRUTAL_KILL: Final = "brutal_kill"
INFINITY: Final = "infinity"


def label(spec: Any) -> str:
    """How a message names a spec: `Worker 'web'`, or the class alone where there is no name."""
    name = getattr(spec, "name", None)
    kind = type(spec).__name__
    return f"{kind} {shown(name)}" if isinstance(name, str) and name else kind


def fail(
    spec: Any, field: str, given: object, expected: str, example: str, *, reason: str | None = None
) -> InvalidSpec:
    """The error for one bad field; `reason` is OTP's atom, `invalid_<field>` if not given."""
    problem = f"must be {expected}, not {shown(given)}"
    text = f"{label(spec)}: {field} {problem}; for example {example}"
    reason = reason or f"invalid_{field}"
    return InvalidSpec(text, reason, field=field, expected=expected, problem=problem)


def repr_of_callable(value: Any) -> str:
    """How a spec shows a callable: a `partial` has arguments, which may be secrets."""
    if isinstance(value, str):
        return repr(value)
    name = getattr(value, "__qualname__", None)
    kind = type(value).__name__
    return f"<{value.__module__}:{name}>" if isinstance(name, str) else f"<a {kind}>"


_MOST = 200
"""Characters of a value that a message shows."""


def shown(value: object) -> str:
    """How a message shows a value: what it begins with, without the secrets in it."""
    try:
        text = mask.text(_reprs.repr(value))
    except Exception:  # its own code failed, or it is a number of thousands of digits
        text = f"this {type(value).__name__}"
    return text if len(text) <= _MOST else f"{text[:_MOST]}..."


_reprs = reprlib.Repr()
_reprs.maxstring = _reprs.maxother = _reprs.maxlong = 4 * _MOST
_reprs.maxlist = _reprs.maxtuple = _reprs.maxdict = _reprs.maxset = _reprs.maxfrozenset = 20


def converted(convert: Callable[[Any], Any], value: Any) -> Any:
    """`convert(value)`; what it cannot convert is left as it is, for the validator to refuse."""
    try:
        return convert(value)
    except Exception:
        return value


Schema = Mapping[str, Any]
"""A piece of JSON Schema (draft 2020-12)."""


@frozen(eq=False)
class Rule:
    """An attrs validator that raises `InvalidSpec` where `test(value)` is false or raises.

    Attributes:
        secret: the value itself is kept out of the message.
        schema: which JSON values are legal, as far as a schema can say it.
    """

    test: Callable[[Any], bool]
    expected: str
    example: str
    reason: str | None = None
    secret: bool = False
    schema: Schema = attribute(factory=dict)

    def __call__(self, spec: Any, field: attrs.Attribute[Any], value: Any) -> None:
        """Refuse a value.

        Raises:
            InvalidSpec: it is not legal.
        """
        try:
            good = bool(self.test(value))
        except Exception:  # whatever a value of any kind does when it is looked at
            good = False
        if not good:
            given = _Hidden(value) if self.secret else value
            raise fail(spec, field.name, given, self.expected, self.example, reason=self.reason)


def rule(
    test: Callable[[Any], bool],
    expected: str,
    example: str,
    *,
    reason: str | None = None,
    secret: bool = False,
    schema: Schema | None = None,
) -> Rule:
    """A `Rule`; a test may bring its own schema along."""
    schema = schema or getattr(test, "schema", {})
    return Rule(test, expected, example, reason, secret, schema)


def schema_of(field: attrs.Attribute[Any]) -> Schema:
    """Which JSON values the validators of a field allow; None is not among them."""
    validators = getattr(field.validator, "_validators", (field.validator,))  # those of `and_`
    found: dict[str, Any] = {}
    for validator in validators:
        found |= getattr(validator, "schema", {})
    return found


def is_secret(field: attrs.Attribute[Any]) -> bool:
    """Whether messages keep the field's value to themselves."""
    validators = getattr(field.validator, "_validators", (field.validator,))
    return any(getattr(validator, "secret", False) for validator in validators)


def optional(rule: Rule) -> Rule:
    """The rule, but None is legal too."""
    return evolve(rule, test=lambda value: value is None or rule.test(value))


def is_int(value: Any) -> bool:
    """A whole number that is not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_seconds(value: Any) -> bool:
    """A finite number that is not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def one_of(choices: Iterable[str], example: str, *, reason: str | None = None) -> Rule:
    """A validator for a closed set of words."""
    words = tuple(choices)
    expected = "one of " + ", ".join(repr(word) for word in words)
    schema = {"enum": list(words)}
    return rule(lambda value: value in words, expected, example, reason=reason, schema=schema)


def positive_seconds(example: str) -> Rule:
    """A validator for a duration in seconds above zero."""
    schema = {"type": "number", "exclusiveMinimum": 0}
    return rule(lambda v: is_seconds(v) and v > 0, "seconds above 0", example, schema=schema)


def is_path(value: Any) -> bool:
    """A path that a kernel call can carry."""
    return isinstance(value, Path) and has_no_nul([str(value)])


@frozen
class Whole:
    """A whole number within these bounds, the ends with them."""

    least: int
    most: int

    def __call__(self, value: Any) -> bool:
        """Whether the value is one."""
        return is_int(value) and self.least <= value <= self.most

    @property
    def schema(self) -> Schema:
        """The same for JSON values."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


def is_below(most: int) -> Whole:
    """A whole number from 0 up to what the kernel, or a message, can hold."""
    return Whole(0, most - 1)


def text_mapping(value: Any) -> bool:
    """A mapping of str to str."""
    return isinstance(value, Mapping) and all(
        isinstance(k, str) and isinstance(v, str) for k, v in value.items()
    )


def has_no_nul(texts: Iterable[str]) -> bool:
    """True if no text holds a NUL byte, which no kernel call can carry."""
    return all("\0" not in text for text in texts)


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean 'web'?` for the nearest known word, or nothing."""
    from difflib import get_close_matches  # only where something is wrong already

    near = get_close_matches(word, list(known), n=1)
    return f"did you mean {shown(near[0])}?" if near else ""


def is_typo(word: str, of: str, known: Iterable[str]) -> bool:
    """Whether a word that is not known was meant to be this one."""
    known = list(known)
    return word not in known and nearest(word, known) == nearest(of, known)


def is_name(value: Any) -> bool:
    """True for what may be the name of a child: one part of a path."""
    return (
        isinstance(value, str)
        and value != ""
        and not set(value) & set("/#\0\n\r")
        and value == value.strip()
        and value not in (".", "..")  # in a URL these mean folders
    )


boolean = rule(lambda v: isinstance(v, bool), "True or False", "True", schema={"type": "boolean"})

name = rule(
    is_name,
    "a text without '/', '#', line breaks or outer blanks, and not '.' or '..'",
    "name='web'",
    schema={
        "type": "string",
        "pattern": r"^(?!\s)(?!\.\.?(?![\s\S]))[^/#\u0000\n\r]+(?![\s\S])(?<!\s)",
    },
)

shutdown = rule(
    lambda v: v in (BRUTAL_KILL, INFINITY) or (is_seconds(v) and v >= 0),
    "seconds (0 or more), 'brutal_kill' or 'infinity'",
    "shutdown=5",
    schema={"anyOf": [{"type": "number", "minimum": 0}, {"enum": [BRUTAL_KILL, INFINITY]}]},
)
