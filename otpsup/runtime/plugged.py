"""Looks at a child by somebody's `check_health(process_name, process_info)`, in a thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Mapping
from typing import Any

from attrs import asdict

from ..complaints import Complaints
from ..errors import in_words
from ..specs.health import Plugged, name_of
from . import importing
from .checks import Busy, InThread, Unknown
from .process import ChildProcess, Host

AT_ONCE = 4
"""Children at which one checker of the whole tree looks at a time. One that hangs at so many looks
at no others: it would take a thread for each of them."""


class Look:
    """Of one incarnation.

    Args:
        patience: seconds that one look may take.
        busy, key: looks that have not ended, and how this one is called among them.
        turns: of what looks at every child.
    """

    def __init__(
        self,
        host: Host,
        child: ChildProcess,
        what: Plugged,
        patience: float,
        busy: Busy,
        key: Hashable,
        turns: asyncio.Semaphore,
    ) -> None:
        self._host = host
        self._child = child
        self._what = what
        self._patience = patience
        self._info: Mapping[str, Any] = {}
        self._checker: Any = None
        self._complaints = _complaints(what) if what.of_tree else None
        self._turns = turns
        raised = self._raised if what.of_tree else in_words
        self._thread = InThread(self._call, raised, busy=busy, key=key)

    async def __call__(self) -> str | None:
        """Look once."""
        self._info = await self._facts()
        return await (self._thread() if self._complaints is None else self._of_tree())

    async def _of_tree(self) -> str | None:
        """That it hangs is no child's fault."""
        assert self._complaints is not None
        if not self._thread.hangs:
            await self._turns.acquire()
            look = asyncio.ensure_future(self._thread())
            look.add_done_callback(self._over)
            await asyncio.wait({look}, timeout=self._patience)
            if look.done():
                return look.result()
        text = f"hangs: no answer about {self._child.path} within {self._patience:g} s"
        self._complaints.say("hangs", text)
        raise Unknown

    def _over(self, look: asyncio.Future[str | None]) -> None:
        """Its thread has ended: another may look."""
        self._turns.release()
        if not look.cancelled():
            look.exception()  # nobody may be left to whom it could be told

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

    def _raised(self, error: BaseException) -> str | None:
        """What it raises is no child's fault."""
        assert self._complaints is not None
        self._complaints.raised(f"check_health of {self._child.path}", error)
        raise Unknown from error


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
