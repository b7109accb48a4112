"""Into a Maildir on this machine, by Python's own library."""

from __future__ import annotations

import getpass
import mailbox
import os

from ..message import Message
from ..secrets import Opened
from .base import Sender
from .mail import email_of


class MailboxChannel(Sender):
    """See `specs.channels.Mailbox`."""

    def _send(self, message: Message, opened: Opened) -> None:
        folder = self.settings.folder or self.mail()
        for part in ("tmp", "new", "cur"):  # also of one that was half made when a host was killed
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / part).mkdir(mode=0o700, exist_ok=True)
        box = mailbox.Maildir(folder, create=False)
        try:
            key = box.add(email_of(message, "otpsup@localhost", (f"{_user()}@localhost",)))
            (folder / "new" / key).chmod(0o600)
        finally:
            box.close()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name
        return str(os.geteuid())
