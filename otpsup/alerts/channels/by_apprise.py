"""By apprise (extra `alerts`): chats, SMS gateways and all that it can reach."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import OtpsupError
from ..courier import NotDelivered
from ..message import Message
from ..secrets import Opened
from .base import Sender

_LOGGERS = ("apprise", "urllib3.connectionpool", "requests")
"""What tells of addresses when somebody wants to know all of it (DEBUG)."""
_KNOWN = 1000
_TYPES = {"info": "info", "warning": "warning", "critical": "failure"}


class Missing(OtpsupError):
    """A library that is an extra of otpsup is not installed."""

    code = "missing"


class AppriseChannel(Sender):
    """See `specs.channels.Apprise`. An address that has taken a message does not get it again when
    another one has not."""

    def __init__(self, settings: Any, mail: Callable[[], Path]) -> None:
        super().__init__(settings, mail)
        if importlib.util.find_spec("apprise") is None:
            raise Missing(
                "alerts through apprise need apprise, which is not installed: "
                "pip install 'otpsup[alerts]'"
            )
        self._taken: OrderedDict[str, set[int]] = OrderedDict()

    def _send(self, message: Message, opened: Opened) -> None:
        urls = self._urls(opened)
        taken = self._taken.setdefault(message.id, set())
        failed = []
        with _hidden(opened) as said:
            for number, url in enumerate(urls):
                if number not in taken:
                    if _notify(url, message):
                        taken.add(number)
                    else:
                        failed.append(number + 1)
        self._forget(message.id if not failed else "")
        if failed:
            which = ", ".join(map(str, failed))
            why = f": {said[-1]}" if said else ""
            raise NotDelivered(f"address {which} of {len(urls)} did not take it{why}")

    def _forget(self, id: str) -> None:
        self._taken.pop(id, None)
        while len(self._taken) > _KNOWN:
            self._taken.popitem(last=False)

    def _urls(self, opened: Opened) -> list[str]:
        settings = self.settings
        text = opened.text("apprise's addresses", settings.urls_file, settings.urls_env)
        lines = (re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines())
        found = [opened.address(url) for line in lines for url in line.split()]
        if not found:
            raise NotDelivered("there are no addresses for apprise")
        return found


def _notify(url: str, message: Message) -> bool:
    import apprise  # an extra, and slow to load

    target = apprise.Apprise()
    if not target.add(url):
        return False
    type = apprise.NotifyType(_TYPES[message.severity])
    return bool(target.notify(body=message.text, title=message.subject, notify_type=type))


class _Hiding(logging.Filter):
    """Takes these secrets out of what is logged, in whatever thread apprise does its work, and
    keeps what went wrong."""

    def __init__(self, opened: Opened, said: list[str]) -> None:
        super().__init__()
        self._opened, self._said = opened, said

    def filter(self, record: logging.LogRecord) -> bool:
        """All goes through, hidden."""
        record.msg, record.args = self._opened.hide(record.getMessage()), None
        record.exc_info = record.exc_text = None
        if record.levelno >= logging.WARNING:
            self._said.append(record.msg)
        return True


@contextmanager
def _hidden(opened: Opened) -> Iterator[list[str]]:
    """What is logged meanwhile has no secrets; the list gets warnings and errors."""
    said: list[str] = []
    filter = _Hiding(opened, said)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for each in loggers:
        each.addFilter(filter)
    try:
        yield said
    finally:
        for each in loggers:
            each.removeFilter(filter)
