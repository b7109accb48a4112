"""A message as an e-mail (RFC 5322)."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from ...specs.alerts import SEVERITIES
from ..message import Message


def email_of(message: Message, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """With a Message-ID that stays the same however often it is tried; marked as written by no
    person, so that nobody's absence answers it (RFC 3834)."""
    mail = EmailMessage(SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = message.subject
    mail["Date"] = formatdate(message.at, localtime=True)
    mail["Message-ID"] = f"<{_local(message.id)}@otpsup.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Otpsup-Severity"] = message.severity
    if message.severity == SEVERITIES[-1] and message.payload["status"] != "resolved":
        mail["Importance"] = "high"
    mail.set_content(message.text)
    return mail


def _local(id: str) -> str:
    """What may stand before the `@` of a Message-ID."""
    return "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "_" for c in id)
