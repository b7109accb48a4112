"""What each route does, in a thread: through the verbs of the tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from .. import rolling
from ..errors import NotFound
from ..selection import chosen, found, processes
from ..verbs import Verbs
from . import forms
from .access import Caller, may
from .door import Door
from .problems import Refused

_ALL_LINES = 100_000
_MOST_KILLS = 50
"""That are simulated for one request: among a thousand children each takes a tenth of a second."""


@frozen
class Asked:
    """A request that is well-formed, of somebody who may make it.

    Attributes:
        path: of a child; "" where none is meant.
        query, body: have the shapes that their route says.
    """

    door: Door
    caller: Caller
    path: str
    query: Mapping[str, Any]
    body: Mapping[str, Any]


# Looking.


def about(asked: Asked) -> Any:
    """The tree as a whole."""
    with asked.door.verbs() as verbs:
        return verbs.about()


def tree(asked: Asked) -> Any:
    """All children."""
    with asked.door.verbs() as verbs:
        return forms.status(verbs.status())


def status(asked: Asked) -> Any:
    """Parts of it."""
    with asked.door.verbs() as verbs:
        root = verbs.status()
    return [forms.status(found(root, path)) for path in chosen(root, asked.query.get("path", ()))]


def info(asked: Asked) -> Any:
    """One child."""
    with asked.door.verbs() as verbs:
        return forms.masked(_known(verbs, asked.path))


def _known(verbs: Verbs, path: str) -> dict[str, Any]:
    """All that is known of a child; the whole tree is looked at only for who is not there.

    Raises:
        NotFound: in the words of the command line.
    """
    try:
        return verbs.info(path)
    except NotFound:
        found(verbs.status(), path)
        raise


def why(asked: Asked) -> Any:
    """Why it is as it is."""
    with asked.door.verbs() as verbs:
        return forms.why(_known(verbs, asked.path), verbs.recent_events())


def statistics(asked: Asked) -> Any:
    """What was counted and measured."""
    with asked.door.verbs() as verbs:
        return verbs.statistics(asked.query.get("samples"))


def recent_events(asked: Asked) -> Any:
    """The last events."""
    with asked.door.verbs() as verbs:
        return verbs.recent_events()


def logs(asked: Asked) -> Any:
    """The last lines."""
    return asked.door.logs(*lines_of(asked))


def lines_of(asked: Asked, *, resumed: bool = False) -> tuple[list[str] | None, int, str | None]:
    """Of whom, how many, and which stream.

    Args:
        resumed: by one who has those before a certain one; all that are kept are looked through.

    Raises:
        NotFound: there is no such child.
    """
    query = asked.query
    paths = None
    if query.get("path"):
        with asked.door.verbs() as verbs:
            paths = processes(verbs.status(), query["path"])
    lines = _ALL_LINES if resumed else query.get("lines", 100)
    return paths, lines, query.get("stream")


def plan(asked: Asked) -> Any:
    """What an update would do. What a file says, and whether it is there, is not for everybody."""
    file = asked.query.get("file")
    if file is not None and not may(asked.caller.role, "admin"):
        raise Refused(403, "the plan for a `file` takes the role admin")
    with asked.door.verbs() as verbs:
        return verbs.plan(file)


def picture(asked: Asked) -> Any:
    """As a picture."""
    return _drawn(asked, "svg")


def graph(asked: Asked) -> Any:
    """As text of some kind."""
    return _drawn(asked, asked.query.get("format", "text"))


def _drawn(asked: Asked, form: Any) -> forms.Text:
    from .. import graph as drawing  # few look at it

    with asked.door.verbs() as verbs:
        states = {node.path: node.state for node in verbs.status().walk()}
    text = drawing.render(asked.door.outline().now(), form, states)
    return forms.Text(text.encode(), forms.SVG if form == "svg" else forms.PLAIN)


def simulate(asked: Asked) -> Any:
    """What would come of it."""
    from ..testing import what_if  # few ask
    from ..testing.told import in_words

    killed = asked.query["kill"] * asked.query.get("times", 1)
    if len(killed) > _MOST_KILLS:
        raise Refused(422, f"it is too much: {len(killed)} kills, of {_MOST_KILLS} at most")
    outline = asked.door.outline()
    broken = asked.query.get("broken", [])
    told = what_if(outline.spec, killed, broken, outline.checkpoint)
    words = list(in_words(told, len(killed), outline.spec.name))
    return {"consequences": told, "words": words}


def schema(_: Asked) -> Any:
    """Of tree files."""
    from .. import config  # YAML is read by few, and its library is large

    return config.schema()


def alerts(asked: Asked) -> Any:
    """What is firing."""
    with asked.door.verbs() as verbs:
        return verbs.ask_plugin("alerts", "status", {})


# Steering.


def start(asked: Asked) -> Any:
    """Start it."""
    with asked.door.verbs() as verbs:
        return forms.status(verbs.start_child(asked.path))


def stop(asked: Asked) -> Any:
    """Stop it."""
    with asked.door.verbs() as verbs:
        verbs.terminate_child(asked.path)


def restart(asked: Asked) -> Any:
    """Stop and start it."""
    with asked.door.verbs() as verbs:
        return forms.status(verbs.restart(asked.path))


def roll(asked: Asked) -> Any:
    """Restart one after the other."""
    with asked.door.verbs() as verbs:
        paths = rolling.copies(verbs.status(), [asked.path])
        return [forms.status(each) for each in rolling.restart(verbs, paths)]


def signal(asked: Asked) -> Any:
    """Signal it."""
    with asked.door.verbs() as verbs:
        verbs.signal(asked.path, signal_of(asked))


def signal_of(asked: Asked) -> str | int:
    """The signal that is meant."""
    given = asked.body["signal"]
    return given if isinstance(given, str) else int(given)


def stacks(asked: Asked) -> Any:
    """Where it is."""
    with asked.door.verbs() as verbs:
        return {"path": asked.path, "stacks": verbs.stacks(asked.path)}


def monitor(asked: Asked) -> Any:
    """Look after it."""
    with asked.door.verbs() as verbs:
        verbs.monitor(asked.path)


def unmonitor(asked: Asked) -> Any:
    """Leave it alone."""
    with asked.door.verbs() as verbs:
        verbs.unmonitor(asked.path)


def scale(asked: Asked) -> Any:
    """Have so many copies."""
    with asked.door.verbs() as verbs:
        return verbs.scale(asked.path, int(asked.body["count"]))


def stdin(asked: Asked) -> Any:
    """Write to it."""
    with asked.door.verbs() as verbs:
        verbs.write_stdin(asked.path, asked.body["text"])


def reopen_logs(asked: Asked) -> Any:
    """Open log files anew."""
    with asked.door.verbs() as verbs:
        verbs.reopen_logs()


def test_alerts(asked: Asked) -> Any:
    """Send a message."""
    with asked.door.verbs() as verbs:
        return verbs.ask_plugin("alerts", "test", asked.body)


# Changing what there is.


def remove(asked: Asked) -> Any:
    """Stop and forget it."""
    with asked.door.verbs() as verbs:
        verbs.remove(asked.path)


def delete(asked: Asked) -> Any:
    """Forget it."""
    with asked.door.verbs() as verbs:
        verbs.delete_child(asked.path)


def add(asked: Asked) -> Any:
    """Add children."""
    body = asked.body
    with asked.door.verbs() as verbs:
        added = verbs.add(body.get("file"), body.get("parent", ""), body.get("text"))
    return [forms.status(each) for each in added]


def update(asked: Asked) -> Any:
    """Become what a file says."""
    with asked.door.verbs() as verbs:
        return verbs.update(asked.body.get("file"))


def shutdown(asked: Asked) -> Any:
    """Begin to stop the tree."""
    asked.door.shutdown(hurry=asked.body.get("hurry", False))
