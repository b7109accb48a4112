"""What all channels have in common: whatever goes wrong is told, and without secrets."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..courier import NotDelivered
from ..message import Message
from ..secrets import Opened


class Sender(ABC):
    """Delivers messages by one channel.

    Args:
        settings: of the channel.
        mail: the folder of a mailbox of which nothing is said, once that is known.
    """

    def __init__(self, settings: Any, mail: Callable[[], Path]) -> None:
        self.settings = settings
        self.mail = mail

    def send(self, message: Message) -> None:
        """Deliver one.

        Raises:
            NotDelivered: says why not, without secrets.
        """
        opened = Opened()
        try:
            self._send(message, opened)
        except NotDelivered as error:
            raise type(error)(opened.hide(str(error))) from None
        except Exception as error:
            raise NotDelivered(opened.hide(_words(error))) from None

    @abstractmethod
    def _send(self, message: Message, opened: Opened) -> None:
        """Deliver one; whatever it raises means that it was not."""


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}; set ca_file if it is yours"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """TLS, with the system's certificates or with these."""
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
