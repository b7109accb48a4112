"""What a tree said when it ended, kept so that somebody can ask for it the morning after.

One small file a tree, beside the control sockets. It is written when the tree begins, for a host
that will be killed says nothing, and again when it ends. The next tree of that name takes it away,
unless the tree still runs: two of a name may overlap, as when one replaces the other.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import asdict, field, frozen

from ..errors import NotRunning, OtpsupError
from ..wire import strict
from . import address

_SUFFIX = ".ended"
VANISHED = "vanished"
_MOST = 16 << 20
"""Bytes of a file that are read; what is longer is none of ours."""


@frozen
class LastWords:
    """How a tree ended.

    Attributes:
        tree, pid: its name, and the process in which it ran.
        at: when, in seconds since the epoch; when it began if it `vanished`.
        began: when it began.
        kind: `stopped`, `start_failed`, `gave_up`, `auto_shutdown`, or `vanished` without a word.
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
    began: float = 0.0

    @property
    def is_running(self) -> bool:
        """It has not ended, as far as can be told: it has said nothing, and its process exists."""
        return self.kind == VANISHED and self.has_process

    @property
    def has_process(self) -> bool:
        """There still is a process of that number."""
        return Path(f"/proc/{self.pid}").exists()


def begin(name: str) -> float:
    """Say, on behalf of a tree that begins, what will be true if it never says anything itself.

    Returns:
        when that was, for `LastWords.began`.
    """
    _forget_the_dead(name)
    now = time.time()
    text = (
        f"{name} ended without a word: its process was killed (SIGKILL, or for want of memory), or "
        "the machine stopped. The kernel's log may say why; `otpsup orphans` lists what is left."
    )
    write(LastWords(name, os.getpid(), now, VANISHED, text, (), now))
    return now


def _forget_the_dead(name: str) -> None:
    with contextlib.suppress(OSError, OtpsupError):
        for path in _files(name):
            words = _parse(path)
            if words is None or (words.tree == name and not words.is_running):
                path.unlink(missing_ok=True)


def write(words: LastWords) -> None:
    """Keep them; a tree that cannot is not held up by that."""
    with contextlib.suppress(OSError, OtpsupError):
        path = address.directory() / f"{address.safe(words.tree)}-{words.pid}{_SUFFIX}"
        draft = path.with_name(f"{path.name}.{threading.get_native_id()}.new")
        draft.write_text(json.dumps(asdict(words)))
        draft.chmod(0o600)
        draft.replace(path)


def read(name: str | None = None) -> LastWords:
    """Those of the tree of this name, also with its pid, as in `blog-4711`; or of whichever ended
    last.

    Raises:
        NotRunning: there are none.
    """
    found = [words for path in _files(name) if (words := _parse(path)) and not words.is_running]
    found = [words for words in found if name is None or _is_called(words, name)]
    if not found:
        whose = f"tree {name!r}" if name else "any tree"
        raise NotRunning(f"nothing is known of the end of {whose}")
    latest: dict[str, LastWords] = {}
    for words in sorted(found, key=lambda words: (words.began, words.at)):
        latest[words.tree] = words
    return max(latest.values(), key=lambda words: words.at)


def _files(name: str | None) -> Iterator[Path]:
    """The files of trees of this name, and perhaps some more."""
    stem = "*" if name is None else f"{glob.escape(address.safe(name))}*"
    yield from address.directory().glob(f"{stem}{_SUFFIX}")


def _is_called(words: LastWords, name: str) -> bool:
    safe = address.safe(words.tree)
    return name == f"{safe}-{words.pid}" or address.safe(name) == safe


def _parse(path: Path) -> LastWords | None:
    try:
        if path.stat().st_size > _MOST:
            return None
        value = strict.loads(path.read_bytes())
        words = LastWords(**value)
    except (OSError, ValueError, TypeError):
        return None
    texts = (words.tree, words.kind, words.text, *words.story)
    is_sound = all(isinstance(text, str) for text in texts) and isinstance(value["story"], list)
    numbers = (words.pid, words.at, words.began)
    is_sound = is_sound and isinstance(words.pid, int) and all(map(_is_reasonable, numbers))
    return words if is_sound else None


def _is_reasonable(number: object) -> bool:
    return isinstance(number, int | float) and abs(number) < 1e12
