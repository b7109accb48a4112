"""What TLS takes, from a certificate and its key in files; and what is wrong with them, in words
that say what to do. OpenSSL's own say neither which file it is nor what it lacks.

The lines by which PEM is told are those of RFC 7468.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Final

from .sockets import CannotServe

_CERTIFICATE: Final = re.compile(r"^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----", re.MULTILINE)
_KEY: Final = re.compile(r"^-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----", re.MULTILINE)
_ENCRYPTED: Final = re.compile(r"^(?:-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED)", re.MULTILINE)
_MISMATCH: Final = "KEY_VALUES_MISMATCH"


def context(certificate: Path, key: Path | None, label: str) -> ssl.SSLContext:
    """For a server.

    Args:
        key: None if it is in the certificate's file.
        label: what messages call who serves.

    Raises:
        CannotServe: they cannot be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        made.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = _wrong(certificate, key) or _why(certificate, key, error)
        raise CannotServe(f"{label} does not serve: {why}") from None
    return made


def _wrong(certificate: Path, key: Path | None) -> str:
    """What can be seen in the files; nothing if they look well."""
    texts = {}
    for file in filter(None, (certificate, key)):
        try:
            texts[file] = file.read_text("latin-1")
        except OSError as error:
            return f"cannot read {file}: {error.strerror}"
    if not _CERTIFICATE.search(texts[certificate]):
        return f"{certificate} is no certificate in PEM: no line in it is BEGIN CERTIFICATE"
    in_file = key or certificate
    if _ENCRYPTED.search(texts[in_file]):
        return f"the key in {in_file} takes a password: name a file with the key as it is"
    if not _KEY.search(texts[in_file]):
        hint = "" if key else "; if another file has it, name that, with `--key FILE` or as `key`"
        return f"{in_file} has no key in it: no line is BEGIN PRIVATE KEY{hint}"
    return ""


def _why(certificate: Path, key: Path | None, error: Exception) -> str:
    where = " and ".join(str(each) for each in (certificate, key) if each)
    if getattr(error, "reason", None) == _MISMATCH:
        return f"the key in {key or certificate} is of another certificate than {certificate}"
    return f"no certificate and key in {where}: {getattr(error, 'strerror', None) or error}"
