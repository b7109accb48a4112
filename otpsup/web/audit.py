"""Who has asked for a change, and for what in vain, in lines of the log.

What is written to children, and texts of children that are added, may hold secrets: of those
nothing is told but how long they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .. import mask
from ..errors import OtpsupError
from ..logger import logger
from ..plain import plain
from ..specs.check import shown
from .acts import Asked
from .problems import Refused
from .routes import Route

_FIELDS: Final = ("paths", "signal", "count", "file", "parent", "channel", "hurry")
"""What of a request is told; all others are not."""
_MOST: Final = 8
"""Of several, so many are named."""
_LONGEST: Final = 300
"""Characters of a reason."""


def asks(asked: Asked, route: Route) -> None:
    """Somebody asks for this; of who looks nothing is said."""
    if route.is_change:
        _say(asked, route)


def in_vain(asked: Asked, route: Route, error: OtpsupError) -> None:
    """It has failed; or somebody may not, also if he would only look. Who has shown nothing has no
    name that could be told."""
    is_forbidden = isinstance(error, Refused) and error.status == 403
    if asked.caller.name and (route.is_change or is_forbidden):
        _say(asked, route, f", in vain: {_why(str(error))}")


def in_vain_for_some(asked: Asked, route: Route, answer: Any) -> None:
    """Of several, those that have failed, each for a reason of its own."""
    several = answer if route.is_change and isinstance(answer, list) else []
    failed = [each for each in several if isinstance(each, dict) and each.get("error")]
    if failed:
        told = [f"for {shown(each['path'])}: {_why(each['error'])}" for each in failed]
        _say(asked, route, f", in vain {'; '.join(_few(told))}")


def _say(asked: Asked, route: Route, ended: str = "") -> None:
    child = f" {shown(asked.path)}" if asked.path else ""
    details = ", ".join(_details({**asked.query, **asked.body}))
    about = f" ({details})" if details else ""
    logger.info(
        "{}: {} asks for {}{}{}{}", asked.door.name, asked.caller.name, route.id, child, about,
        ended,
    )  # fmt: skip


def _details(fields: Mapping[str, Any]) -> Sequence[str]:
    found = [f"{name} {_value(fields[name])}" for name in _FIELDS if fields.get(name) is not None]
    if "text" in fields:
        found.append(f"text of {len(fields['text'])} characters")
    return found


def _value(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    return ", ".join(_few([shown(each) for each in values]))


def _few(texts: Sequence[str]) -> list[str]:
    more = len(texts) - _MOST
    return [*texts] if more <= 0 else [*texts[: _MOST - 1], f"{texts[_MOST - 1]} and {more} more"]


def _why(text: str) -> str:
    told = plain(mask.text(text))
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}..."
