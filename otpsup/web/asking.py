"""What the doors to a tree that does not host this server have in common: the pages that can be had
by requests to its plug-ins, and threads that bring what comes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from ..errors import NotFound, OtpsupError
from ..plugins import Page
from ..verbs import Verbs

T = TypeVar("T")

PATHS: Final[Mapping[str, str]] = {
    "/healthz": "healthz", "/metrics": "metrics", "/readiness": "healthz",
}  # fmt: skip
"""By path, the plug-in that answers."""
ALWAYS: Final = tuple(path for path, plugin in PATHS.items() if plugin == "healthz")
"""Those of a plug-in that every tree has."""


def page(verbs: Verbs, path: str, query: Mapping[str, str]) -> Page:
    """One of `PATHS`, as the tree's plug-ins tell it.

    Raises:
        NotFound: there is no such page, or the tree has no such plug-in.
    """
    plugin = PATHS.get(path)
    if plugin is None:
        raise NotFound(f"there is no page {path}; there are {', '.join(PATHS)}")
    told = verbs.ask_plugin(plugin, "page", {"path": path, "query": dict(query)})
    return Page(str(told["body"]).encode(), int(told["status"]), str(told["type"]))


def begin(work: Callable[[], None]) -> None:
    """In a thread that keeps nobody from ending."""
    threading.Thread(target=work, name="otpsup-web-listen", daemon=True).start()


def bring(found: Iterable[T], listener: Callable[[T | None], None]) -> None:
    """Each of these to a listener that may wait, and None at their end; in a thread."""

    def work() -> None:
        try:
            for each in found:
                listener(each)
        except (OSError, ValueError, OtpsupError):  # it was closed
            pass
        finally:
            listener(None)

    begin(work)
