"""How each kind of channel delivers. Settings in, something with `send(message)` out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import InvalidSpec
from ...runtime import importing
from ...specs.channels import Channel, OwnChannel
from ..message import Message

_HOME = {
    "mailbox": "mailbox:MailboxChannel",
    "smtp": "smtp:SmtpChannel",
    "webhook": "webhook:WebhookChannel",
    "apprise": "by_apprise:AppriseChannel",
}


def make(channel: Any, mail: Callable[[], Path]) -> Callable[[Message], None]:
    """What delivers a message by this channel.

    Args:
        mail: the folder of a mailbox of which nothing is said, once that is known.

    Raises:
        OtpsupError: a library that it needs is not there, or it has no `send`.
    """
    if isinstance(channel, OwnChannel):
        return _own(channel)
    if not isinstance(channel, Channel):
        send: Callable[[Message], None] = channel.send
        return send
    module, _, name = _HOME[channel.kind].partition(":")
    cls = getattr(importlib.import_module(f".{module}", __name__), name)
    made: Callable[[Message], None] = cls(channel, mail).send
    return made


def _own(channel: OwnChannel) -> Callable[[Message], None]:
    made: Any = importing.resolve(channel.use)(**channel.settings)
    if not callable(getattr(made, "send", None)):
        raise InvalidSpec(
            f"{channel.use} is no channel of alerts: it has no method `send(message)`"
        )
    send: Callable[[Message], None] = made.send
    return send
