"""Which children are meant: paths, patterns of paths, and the name that copies share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from .errors import NotFound
from .views import ChildStatus


def found(root: ChildStatus, path: str | None) -> ChildStatus:
    """The node of this path; the root without one.

    Raises:
        NotFound: there is none, or several share the name; says which.
    """
    node = root.find(path or "")
    if node is None:
        from .specs.check import nearest  # only where something is wrong already

        known = [n.path for n in root.walk() if n.path]
        if copies := _copies(known, path or ""):
            raise NotFound(f"{path!r} are several, and one is wanted: {', '.join(copies)}")
        hint = nearest(path or "", known) or f"the paths are: {', '.join(known)}"
        raise NotFound(f"there is no child {path!r}; {hint}")
    return node


def chosen(root: ChildStatus, texts: Sequence[str], *, last_first: bool = False) -> list[str]:
    """The paths that are meant, each once, in the order in which they were given.

    A path means its child. Where there is no such child, `web` means its copies `web-1`, `web-2`
    and so on, and `*`, `?`, `[...]` match within one part of a path. A text of which nothing is
    known is kept: the tree has a word for that.

    Args:
        last_first: what one text stands for comes in reverse order of start.

    Raises:
        NotFound: a pattern that matches nothing.
    """
    paths: dict[str, None] = {}
    for text in texts:
        meant = _meant(root, text)
        paths.update(dict.fromkeys(reversed(meant) if last_first else meant))
    return list(paths)


def processes(root: ChildStatus, texts: Sequence[str]) -> list[str]:
    """Those of `chosen` that are processes; of a supervisor, all below it.

    Raises:
        NotFound: one means nothing that there is.
    """
    meant = [found(root, path) for path in chosen(root, texts)]
    below = [node.path for each in meant for node in each.walk() if is_process(node)]
    return list(dict.fromkeys(below))


def is_process(node: ChildStatus) -> bool:
    """Whether it is no supervisor."""
    return node.type in ("worker", "command")


def _meant(root: ChildStatus, text: str) -> list[str]:
    known = [node.path for node in root.walk() if node.path]
    if text in known:
        return [text]
    if copies := _copies(known, text):
        return copies
    if not is_pattern(text):
        return [text]
    matching = [path for path in known if _matches(path, text)]
    if not matching:
        raise NotFound(f"no child matches {text!r}; the paths are: {', '.join(known) or 'none'}")
    return matching


def _copies(known: Sequence[str], text: str) -> list[str]:
    return [path for path in known if re.fullmatch(rf"{re.escape(text)}-[0-9]+", path)]


def is_pattern(text: str) -> bool:
    """Whether it may stand for several paths."""
    return re.search(r"[*?]|\[.+\]", text) is not None


def _matches(path: str, pattern: str) -> bool:
    """Part by part: `*` does not reach into a supervisor."""
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
