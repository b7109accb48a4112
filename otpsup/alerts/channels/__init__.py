"""How each kind of channel delivers. Settings in, something with `send(message)` out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...specs.channels import Channel
from ..message import Message

_HOME = {
    "mailbox": "mailbox:MailboxChannel",
    "smtp": "smtp:SmtpChannel",
    "webhook": "webhook:WebhookChannel",
    "apprise": "by_apprise:AppriseChannel",
}


def make(channel: Any, mail: Path) -> Callable[[Message], None]:
    """What delivers a message by this channel.

    Args:
        mail: the folder of a mailbox of which nothing is said.

    Raises:
        OtpsupError: a library that it needs is not there.
    """
    if not isinstance(channel, Channel):
        send: Callable[[Message], None] = channel.send
        return send
    module, _, name = _HOME[channel.kind].partition(":")
    cls = getattr(importlib.import_module(f".{module}", __name__), name)
    made: Callable[[Message], None] = cls(channel, mail).send
    return made
