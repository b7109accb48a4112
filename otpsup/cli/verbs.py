"""`status`, `start`, `stop`, `restart`: requests to a running tree, over its control socket."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from ..control.client import TreeClient
from ..engine.snapshot import ChildStatus
from ..errors import AlreadyStarted, NotFound
from ..specs.check import nearest
from . import show

Verb = Callable[[TreeClient, argparse.Namespace], object]


def connected(verb: Verb) -> Callable[[argparse.Namespace], str]:
    """A command that connects to the tree, and shows what the verb has to say."""

    def command(options: argparse.Namespace) -> str:
        with TreeClient.connect(options.tree, options.socket) as client:
            return show.value(verb(client, options), options)

    return command


def status(client: TreeClient, options: argparse.Namespace) -> ChildStatus:
    """The tree, or the part of it at PATH."""
    return found(client.status(), options.path)


def found(root: ChildStatus, path: str | None) -> ChildStatus:
    """The node of this path; the root without one.

    Raises:
        NotFound: there is none; names the nearest, or all.
    """
    node = root.find(path or "")
    if node is None:
        known = [n.path for n in root.walk() if n.path]
        hint = nearest(path or "", known) or f"the paths are: {', '.join(known)}"
        raise NotFound(f"there is no child {path!r}; {hint}")
    return node


def start(client: TreeClient, options: argparse.Namespace) -> dict[str, str]:
    """Start one child, or every child of the root that is down."""
    if options.path:
        return {options.path: client.start_child(options.path).state}
    down = [node.path for node in client.status().children if node.state == "down"]
    return {path: _start_if_down(client, path) for path in down}


def _start_if_down(client: TreeClient, path: str) -> str:
    try:
        return client.start_child(path).state
    except AlreadyStarted:  # by somebody else, meanwhile
        return "running"


def stop(client: TreeClient, options: argparse.Namespace) -> dict[str, str]:
    """Stop one child, or the whole tree."""
    if options.path:
        client.terminate_child(options.path)
        return {options.path: "down"}
    name = client.status().name
    client.shutdown()
    return {name: "down"}


def restart(client: TreeClient, options: argparse.Namespace) -> dict[str, str]:
    """Restart one child, or the root's running children: each stopped and started in order."""
    if options.path:
        return {options.path: client.restart(options.path).state}
    paths = [node.path for node in client.status().children if node.state != "down"]
    return {path: client.restart(path).state for path in paths}
