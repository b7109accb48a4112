"""Looks at a child by somebody's `check_health(process_name, process_info)`, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

from attrs import asdict

from ..complaints import Complaints
from ..specs.health import Plugged, name_of
from . import importing
from .checks import InThread
from .process import ChildProcess, Host

_OF_USAGE = {"memory": "memory", "cpu": "cpu_seconds", "threads": "threads"}


class Look:
    """Of one incarnation.

    Args:
        patience: seconds that one look may take.
    """

    def __init__(self, host: Host, child: ChildProcess, what: Plugged, patience: float) -> None:
        self._host = host
        self._child = child
        self._what = what
        self._patience = patience
        self._info: Mapping[str, Any] = {}
        self._checker: Any = None
        self._complaints = _complaints(what) if what.of_tree else None
        self._thread = InThread(self._call, self._raised) if what.of_tree else InThread(self._call)

    async def __call__(self) -> str | None:
        """Look once."""
        self._info = await self._facts()
        return await (self._thread() if self._complaints is None else self._of_tree())

    async def _of_tree(self) -> str | None:
        """That it hangs is no child's fault."""
        assert self._complaints is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                return None if self._thread.hangs else await self._thread()
        text = f"hangs: no answer about {self._child.path} within {self._patience:g} s"
        self._complaints.say("hangs", text)
        return None

    async def _facts(self) -> dict[str, Any]:
        path, pid = self._child.path, self._child.pid
        usage = (await self._host.meter.usage(pid))[1]._asdict()
        status = self._host.snapshot(path)
        known = asdict(status, filter=lambda field, _: field.name in _OF_STATUS) if status else {}
        return {
            **known,
            "path": path,
            "pid": pid,
            "uptime": time.time() - known.get("since", time.time()),
            "memory": usage["memory"],
            "cpu_seconds": usage["cpu"],
            "threads": usage["threads"],
            "processes": usage["processes"],
        }

    def _call(self) -> str | None:
        """In a thread."""
        self._checker = self._checker or _made(self._what.checker)
        return why_not(self._checker.check_health(self._child.spec.name, self._info))

    def _raised(self, error: BaseException) -> None:
        """What it raises is no child's fault."""
        assert self._complaints is not None
        self._complaints.raised(f"check_health of {self._child.path}", error)


_OF_STATUS = ("state", "ready", "restarts", "since", "status", "info")
_KNOWN: dict[str, Complaints] = {}
"""By the name of a plug-in: one that fails looks at many children."""


def _complaints(what: Plugged) -> Complaints:
    name = name_of(what.checker)
    return _KNOWN.setdefault(name, Complaints(f"plug-in {name}"))


def why_not(found: object) -> str | None:
    """What a checker's answer means: None, or why not."""
    if found is None or found is True:
        return None
    return found if isinstance(found, str) and found else f"it returned {found!r}"


def _made(given: Any) -> Any:
    found = importing.resolve(given) if isinstance(given, str) else given
    return found() if isinstance(found, type) else found
