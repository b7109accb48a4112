"""otpsup's own log during a chaos run: the last of it is kept, and what matters is counted."""

from __future__ import annotations

from collections import Counter, deque

from loguru import logger

COMPLAINT = "cannot write the log"
"""What it says once of lines that are lost."""
_COUNTED = (COMPLAINT,)


class Log:
    """From here on."""

    def __init__(self) -> None:
        self._last: deque[str] = deque(maxlen=60)
        self._counts: Counter[str] = Counter()
        logger.remove()
        logger.add(self._take, level="DEBUG")
        logger.enable("otpsup")

    def _take(self, message: str) -> None:
        self._last.append(str(message))
        self._counts.update(text for text in _COUNTED if text in message)

    def count(self, text: str) -> int:
        """How many lines had this in them."""
        return self._counts[text]

    def forget(self, text: str) -> None:
        """Count anew."""
        del self._counts[text]

    def __str__(self) -> str:
        return "".join(self._last)
