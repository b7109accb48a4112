"""What a tree said when it ended, kept so that somebody can ask for it the morning after.

One small file a tree, beside the control sockets, replaced by the next end of a tree of that name.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from attrs import asdict, field, frozen

from ..errors import NotRunning, OtpsupError
from . import address

_SUFFIX = ".ended"


@frozen
class LastWords:
    """How a tree ended.

    Attributes:
        tree, pid: its name, and the process in which it ran.
        at: when, in seconds since the epoch.
        kind: `stopped`, `start_failed`, `gave_up` or `auto_shutdown`.
        text: one paragraph: how, and what to do next.
        story: how it came to that, a line each; for a tree that gave up, from the first crash to
            the last.
    """

    tree: str
    pid: int
    at: float
    kind: str
    text: str
    story: tuple[str, ...] = field(converter=tuple[str, ...])


def write(words: LastWords) -> None:
    """Keep them; a tree that cannot is not held up by that."""
    with contextlib.suppress(OSError, OtpsupError):
        path = address.directory() / f"{address.safe(words.tree)}{_SUFFIX}"
        draft = path.with_suffix(f".{os.getpid()}.new")
        draft.write_text(json.dumps(asdict(words)))
        draft.chmod(0o600)
        draft.replace(path)


def read(name: str | None = None) -> LastWords:
    """Those of the tree of this name, or of whichever ended last.

    Raises:
        NotRunning: there are none.
    """
    found = [words for path in _files(name) if (words := _parse(path))]
    if not found:
        whose = f"tree {name!r}" if name else "any tree"
        raise NotRunning(f"nothing is known of the end of {whose}, and it is not running")
    return max(found, key=lambda words: words.at)


def _files(name: str | None) -> Sequence[Path]:
    if name is None:
        return list(address.directory().glob(f"*{_SUFFIX}"))
    return [address.directory() / f"{address.safe(name)}{_SUFFIX}"]


def _parse(path: Path) -> LastWords | None:
    try:
        value = json.loads(path.read_text())
        words = LastWords(**value)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = (words.tree, words.kind, words.text, *words.story)
    is_sound = all(isinstance(text, str) for text in texts) and isinstance(words.pid, int)
    is_sound = is_sound and isinstance(value["story"], list)
    return words if is_sound and isinstance(words.at, int | float) else None
