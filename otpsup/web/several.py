"""What the routes for several children do: which are meant is said as on the command line."""

from __future__ import annotations

from collections.abc import Callable

from .. import mask
from ..errors import NotRunning, OtpsupError
from ..plain import plain_lines
from ..selection import chosen
from ..verbs import Verbs
from ..views import ChildStatus
from .acts import Asked, signal_of

Done = list[dict[str, str | None]]


def start(asked: Asked) -> Done:
    """Start them, or all of the root that are down."""
    return _each(asked, lambda verbs, path: verbs.start_child(path).state, _down)


def restart(asked: Asked) -> Done:
    """Restart them, or all of the root that are not down."""
    return _each(asked, lambda verbs, path: verbs.restart(path).state, _not_down)


def stop(asked: Asked) -> Done:
    """Stop them."""

    def stop(verbs: Verbs, path: str) -> str:
        verbs.terminate_child(path)
        return "down"

    return _each(asked, stop, last_first=True)


def signal(asked: Asked) -> Done:
    """Signal them."""

    def send(verbs: Verbs, path: str) -> None:
        verbs.signal(path, signal_of(asked))

    return _each(asked, send)


def remove(asked: Asked) -> Done:
    """Stop and forget them."""
    return _each(asked, lambda verbs, path: verbs.remove(path), last_first=True)


def _down(root: ChildStatus) -> list[str]:
    return [node.path for node in root.children if node.state == "down"]


def _not_down(root: ChildStatus) -> list[str]:
    return [node.path for node in root.children if node.state != "down"]


def _each(
    asked: Asked,
    do: Callable[[Verbs, str], str | None],
    otherwise: Callable[[ChildStatus], list[str]] = lambda _: [],
    *,
    last_first: bool = False,
) -> Done:
    """What has become of each of those that are meant; one that fails keeps none of the others
    from it."""
    texts = asked.body.get("paths")
    with asked.door.verbs() as verbs:
        root = verbs.status()
        paths = otherwise(root) if texts is None else chosen(root, texts, last_first=last_first)
        return [_one(verbs, path, do) for path in paths]


def _one(verbs: Verbs, path: str, do: Callable[[Verbs, str], str | None]) -> dict[str, str | None]:
    try:
        return {"path": path, "state": do(verbs, path), "error": None}
    except OtpsupError as error:
        if isinstance(error, NotRunning) and not error.is_of_a_supervisor:
            raise
        return {"path": path, "state": None, "error": plain_lines(mask.text(str(error)))}
