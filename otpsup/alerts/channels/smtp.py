"""Through a mail server, by Python's own library."""

from __future__ import annotations

import smtplib
import socket

from ...logger import logger
from ..courier import NotDelivered, Refused
from ..message import Message
from ..secrets import Opened
from .base import Sender, trusting
from .mail import email_of

_FOR_GOOD = range(500, 600)
"""Replies that say no for good (RFC 5321, section 4.2.1)."""


class SmtpChannel(Sender):
    """See `specs.channels.Smtp`."""

    def _send(self, message: Message, opened: Opened) -> None:
        with self._connected() as server:
            if self.settings.user is not None:
                self._log_in(server, opened)
            mail = email_of(message, self.settings.sender, self.settings.to)
            try:
                refused = server.send_message(mail)
            except smtplib.SMTPRecipientsRefused as error:
                raise _refusal(error) from None
            except smtplib.SMTPResponseException as error:
                raise _no(error.smtp_code, error.smtp_error) from None
        if refused:
            logger.warning("the mail server refuses {} of the addresses: {}",
                           len(refused), ", ".join(refused))  # fmt: skip

    def _connected(self) -> smtplib.SMTP:
        try:
            return self._reached()
        except socket.gaierror as error:  # which name is not in it
            raise NotDelivered(f"{self.settings.host}: {error.strerror}") from None

    def _reached(self) -> smtplib.SMTP:
        host, port = self.settings.at
        timeout, tls = self.settings.timeout, self.settings.tls
        if tls == "tls":
            context = trusting(self.settings.ca_file)
            return smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
        server = smtplib.SMTP(host, port, timeout=timeout)
        if tls == "starttls":
            try:
                server.starttls(context=trusting(self.settings.ca_file))
            except BaseException:
                server.close()
                raise
        return server

    def _log_in(self, server: smtplib.SMTP, opened: Opened) -> None:
        settings = self.settings
        password = opened.text("the password", settings.password_file, settings.password_env)
        try:
            server.login(settings.user, password)
        except smtplib.SMTPResponseException as error:
            raise NotDelivered(f"it lets {settings.user} not in: {_said(error)}") from None


def _refusal(error: smtplib.SMTPRecipientsRefused) -> NotDelivered:
    code, text = next(iter(error.recipients.values()))
    return _no(code, text)


def _no(code: int, text: bytes | str) -> NotDelivered:
    cls = Refused if code in _FOR_GOOD else NotDelivered
    return cls(f"it says {code} {_text(text)}")


def _said(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(text: bytes | str) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text
