"""`status`, and what steers a running tree: requests over its control socket."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from .. import rolling, selection
from ..control.client import TreeClient
from ..errors import AlreadyStarted, NotRunning, OtpsupError
from ..selection import chosen, found
from ..views import ChildStatus
from . import progress, show
from .parameters import BadUsage, Options

Verb = Callable[[TreeClient, Options], str]


class SomeFailed(OtpsupError):
    """Some of what was asked for could not be done; `output` tells what was."""

    code = "some_failed"

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


def connected(verb: Verb) -> Callable[[Options], str]:
    """A command that connects to the tree first."""

    @functools.wraps(verb)
    def command(options: Options) -> str:
        with TreeClient.connect(options.tree, options.socket) as client:
            return verb(client, options)

    return command


@connected
def status(client: TreeClient, options: Options) -> str:
    """The tree, or the parts of it at PATH."""
    root = client.status()
    nodes = [found(root, path) for path in chosen(root, options.paths)] or [root]
    if options.json and len(nodes) == 1 and not any(map(selection.is_pattern, options.paths)):
        return show.as_json(nodes[0])
    return show.as_json(nodes) if options.json else "".join(map(show.tree, nodes))


@connected
def start(client: TreeClient, options: Options) -> str:
    """Start the children at PATH, or every child of the root that is down."""
    root = client.status()
    if options.paths:
        paths = chosen(root, options.paths)
        return each(paths, lambda path: client.start_child(path).state, options)
    down = [node.path for node in root.children if node.state == "down"]
    return each(down, lambda path: _start_if_down(client, path), options)


def _start_if_down(client: TreeClient, path: str) -> str:
    try:
        return client.start_child(path).state
    except AlreadyStarted:  # by somebody else, meanwhile
        return "running"


@connected
def stop(client: TreeClient, options: Options) -> str:
    """Stop the children at PATH, or the whole tree."""
    if not options.paths:
        return _end(client, options)

    def down(path: str) -> str:
        client.terminate_child(path)
        return "down"

    return each(chosen(client.status(), options.paths, last_first=True), down, options)


@connected
def shutdown(client: TreeClient, options: Options) -> str:
    """Stop the whole tree."""
    return _end(client, options, hurry=options.hurry)


def _end(client: TreeClient, options: Options, *, hurry: bool = False) -> str:
    name = client.status().name
    with progress.shown(options):
        client.shutdown(hurry=hurry)
    return show.pairs({name: "down"}, options)


@connected
def restart(client: TreeClient, options: Options) -> str:
    """Restart the children at PATH, or the root's running children, in order."""
    root = client.status()
    if options.rolling:
        return _roll(client, root, options)
    paths = chosen(root, options.paths)
    if not options.paths:
        paths = [node.path for node in root.children if node.state != "down"]
    return each(paths, lambda path: client.restart(path).state, options)


@connected
def signal(client: TreeClient, options: Options) -> str:
    """Send a signal to children."""

    def send(path: str) -> str:
        client.signal(path, options.signal)
        return options.signal  # type: ignore[no-any-return]

    return each(chosen(client.status(), options.paths), send, options)


@connected
def reopen(client: TreeClient, options: Options) -> str:
    """Open all log files anew."""
    client.reopen_logs()
    return show.pairs({client.status().name: "log files are open anew"}, options)


def each(paths: Sequence[str], do: Callable[[str], str], options: Options) -> str:
    """Do that to each of them; one that fails keeps none of the others from it.

    Raises:
        SomeFailed: of several; each was told when it came.
        OtpsupError: what the only one said.
    """
    done: dict[str, str] = {}
    for path in paths:
        try:
            with progress.shown(options):
                done[path] = do(path)
        except OtpsupError as error:
            is_over = isinstance(error, NotRunning) and not error.is_of_a_supervisor
            if len(paths) == 1 or is_over:
                raise
            show.complain(str(error))
    output = show.pairs(done, options)
    if failed := len(paths) - len(done):
        raise SomeFailed(f"{failed} of {len(paths)} failed", output)
    return output


# One at a time.


def _roll(client: TreeClient, root: ChildStatus, options: Options) -> str:
    """Restart copies one after the other, see `rolling`.

    Raises:
        SomeFailed: those after one that failed were left alone.
    """
    if not options.paths:
        raise BadUsage("--rolling takes the PATH of copies, or of a supervisor; without --rolling, "
                       "restart without PATH takes one child after the other")  # fmt: skip
    try:
        with progress.shown(options):
            done = list(rolling.restart(client, rolling.copies(root, options.paths)))
    except rolling.Halted as error:
        raise SomeFailed(str(error), _states(error.done, options)) from None
    return _states(done, options)


def _states(nodes: Sequence[ChildStatus], options: Options) -> str:
    return show.pairs({node.path: node.state for node in nodes}, options)
