"""The blog's view of the tree it runs in.

Decides: what the System page shows, and what pressing Update answers.
Must not know: how a child is supervised or an update is done; it asks the tree and the update
server, and says so when one of them is not there.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import otpsup

TIMEOUT = 2.0
_NODE = ("name", "path", "type", "state", "ready", "pid")
_LIFE = ("since", "restarts", "last_exit", "status")


def snapshot(version: str) -> dict[str, Any]:
    """Everything the System page shows, as JSON values. Blocks for a moment."""
    more = {"page": _page(), "sign_in": sign_in_command()}
    return {"version": version, "update": update_status(), **more, **_tree()}


def sign_in_command() -> str:
    """What prints an address that signs in on the tree's own page, as it can be typed here: with
    the `otpsup` on PATH, or else that of the Python which runs this."""
    return f"{_otpsup()} web login"


def _otpsup() -> str:
    if shutil.which("otpsup"):
        return "otpsup"
    python = Path(sys.executable)
    beside = python.with_name("otpsup")
    return shlex.quote(str(beside)) if beside.exists() else f"{shlex.quote(str(python))} -m otpsup"


def update_status() -> dict[str, Any] | None:
    """What the update server says about updates; None if it does not answer."""
    server = os.environ.get("FASTBLOG_UPDATE_URL")
    if server is None:
        return None
    # No proxy, whatever the environment says: the server is on this machine.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"{server}/api/v1/update/status", timeout=TIMEOUT) as answer:
            status: dict[str, Any] = json.load(answer)
            return status
    except (OSError, HTTPException, ValueError):
        return None


def start_update() -> tuple[int, str]:
    """Start the updater if there is something to do; an HTTP status and a sentence."""
    try:
        tree = otpsup.current_child().tree
    except otpsup.NotAChild:
        return 503, "Not supervised: there is no tree that could run the updater."
    update = update_status()
    if update is None:
        return 503, "The update server does not answer; look at its log, then try again."
    if not update["available"]:
        return 200, f"Nothing newer: {update['current']} is the newest release."
    return _start(tree, update["newest"])


def _start(tree: Any, newest: str) -> tuple[int, str]:
    try:
        tree.start_child("updater")
    except otpsup.AlreadyStarted:
        return 409, "An update is already running; its progress is in the table."
    except otpsup.OtpsupError as error:
        return 503, f"The updater did not start: {error}"
    return 202, f"Updating to {newest}."


def _tree() -> dict[str, Any]:
    try:
        status = otpsup.current_child().tree.status()
    except otpsup.NotAChild:
        return {"supervised": False, "tree": None}
    except otpsup.OtpsupError as error:
        return {"supervised": True, "tree": None, "problem": str(error)}
    return {"supervised": True, "tree": _as_json(status)}


def _page() -> str | None:
    """Where the tree's own page is, on which it can be steered; None if it has none."""
    try:
        url = otpsup.current_child().tree.ask_plugin("web", "url")
    except (otpsup.NotAChild, otpsup.OtpsupError):
        return None
    return url if isinstance(url, str) and url.startswith("http") else None


def _as_json(status: Any) -> dict[str, Any]:
    node = {name: getattr(status, name) for name in (*_NODE, *_LIFE)}
    return {**node, "children": [_as_json(child) for child in status.children]}
