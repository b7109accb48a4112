"""What is asked: which collectors, and in which form. Pure.

`include` and `exclude` are names with commas between them; with `include` there is no `exclude`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..errors import OtpsupError
from ..specs.check import nearest, shown
from .writers import Form


class BadQuery(OtpsupError):
    """No report can be made of what was asked; nothing was looked at."""

    code = "bad_query"


_FORMS: Final[Mapping[str, Form]] = {"console": "console", "json": "json", "k8s": "k8s"}


def form_of(text: str | None) -> Form:
    """The form for `format_type`, as BK-LOG has it: `k8s` for whatever is no other."""
    return _FORMS.get(text or "", "k8s")


def form_in(query: Mapping[str, str]) -> Form:
    """The form that is meant by `format`, as on the command line; else by `format_type`.

    Raises:
        BadQuery: `format` is no form.
    """
    text = query.get("format")
    if text is None:
        return form_of(query.get("format_type"))
    if text not in _FORMS:
        raise BadQuery(f"format is {_unknown(text, 'form', _FORMS)}")
    return _FORMS[text]


def names_in(value: Any, what: str) -> tuple[str, ...]:
    """The names in a text with commas, or in a list; nothing for None.

    Raises:
        BadQuery: it is neither.
    """
    parts = value.split(",") if isinstance(value, str) else [] if value is None else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise BadQuery(f"{what} must be names with commas between them, not {shown(value)}")
    return tuple(name for part in parts if (name := part.strip()))


def chosen(
    known: Sequence[str], include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> list[str]:
    """The collectors that are meant, in the order of `known`.

    Raises:
        BadQuery: there is no such collector, or none is left: a report that says nothing would
            look like health.
    """
    included, excluded = list(include), [] if include else list(exclude)
    for what, names in (("include", included), ("exclude", excluded)):
        for name in names:
            _must_be_known(name, what, known)
    found = [name for name in known if (name in included if included else name not in excluded)]
    if not found:
        raise BadQuery("exclude leaves no collector that could look; leave one of them out")
    return found


def _must_be_known(name: str, what: str, known: Sequence[str]) -> None:
    if name not in known:
        raise BadQuery(f"{what} names {_unknown(name, 'collector', known)}")


def _unknown(name: str, kind: str, known: Iterable[str]) -> str:
    hint = f"{near} " if (near := nearest(name, known)) else ""
    return f"{shown(name)}, and there is no such {kind}; {hint}there are {', '.join(known)}"
