"""What is said in the log of code that is not ours: its name, and the same thing once a minute.

Such code may fail at each event, and the log is for what people have to know.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from types import FrameType, TracebackType

from . import mask
from .errors import OtpsupError, in_words, text_of
from .logger import logger
from .plain import plain

_PAUSE = 60.0
"""Seconds between two lines about the same thing."""


class Complaints:
    """About one of them.

    Args:
        name: as the log has it: `plug-in consul`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._said: dict[str, tuple[float, int]] = {}

    def raised(self, what: str, error: BaseException) -> None:
        """A call of it failed."""
        kind = f"failed in {what}: {type(error).__name__}"
        self.say(kind, f"failed in {what}: {_told(error)}; the tree goes on")

    def say(self, kind: str, text: str) -> None:
        """Say this, unless the same kind of thing was said a moment ago."""
        now = time.monotonic()
        at, times = self._said.get(kind, (now - _PAUSE, 0))
        if now - at < _PAUSE:
            self._said[kind] = at, times + 1
            return
        self._said[kind] = now, 0
        again = f" ({times} times more since that was said last)" if times else ""
        logger.warning("{} {}{}", self._name, plain(mask.text(text)), again)


def _told(error: BaseException) -> str:
    """What otpsup itself raises says what to do, and needs no place in code."""
    if isinstance(error, OtpsupError):
        return text_of(error)
    return f"{in_words(error)}{_where(error)}"


def _where(error: BaseException) -> str:
    return f", at {place(_innermost(error.__traceback__))}" if error.__traceback__ else ""


def _innermost(trace: TracebackType) -> FrameType:
    *_, last = (frame for frame, _ in traceback.walk_tb(trace))
    return last


def place(frame: FrameType) -> str:
    """Where code is: file, line and function; of what Python's own library does, who called it."""
    own: FrameType | None = frame
    while own is not None and own.f_code.co_filename.startswith(_LIBRARY):
        own = own.f_back
    found = own or frame
    return f"{found.f_code.co_filename}:{found.f_lineno} in {found.f_code.co_name}"


_LIBRARY = str(Path(traceback.__file__).parent)
