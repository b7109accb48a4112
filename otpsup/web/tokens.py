"""Tokens: how they are made, and the file in which they are kept hashed.

    # role name sha256
    view    haproxy 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    operate mia     60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752

A file of one line that is a token as it is, of 16 characters or more, gives it the role `view`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ..control import address
from ..errors import OtpsupError
from ..logger import logger
from ..plain import plain
from ..serving.sockets import CannotServe
from .access import ROLES, Caller, Role

SHORTEST: Final = 16
"""Characters of a token that somebody has thought of."""
PREFIX: Final = "otpsup_"
"""By which scanners for secrets know a token that was left somewhere."""
_SUFFIX = ".web-token"
_SETTLED = 2.0
"""Seconds after which a file that changes again shows another time: of what is younger, no time can
be trusted (https://git-scm.com/docs/racy-git)."""
_HEX = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[\w.@-]{1,64}")

Known = Mapping[str, Caller]
"""Who has which token, by its hash."""


def new() -> str:
    """A token of 256 bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    """As it is kept. It has too many bits to be guessed, so a fast hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_name(text: str) -> bool:
    """Whether a token may be called so."""
    return _NAME.fullmatch(text) is not None


class TokenFile:
    """A file of tokens, read again when it has changed: what is taken out of it opens nothing more.

    Raises:
        CannotServe: it cannot be read, or what is in it are no tokens.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        text, self._stamp = read(file)
        self._known = parsed(text, file)
        self._said = ""

    def known(self) -> Known:
        """Those in it now. A line that is none opens nothing; the log says which, once.

        Raises:
            CannotServe: it cannot be read now, or has no token.
        """
        if self._stamp is None or _stamp_now(self._file) != self._stamp:
            self._load()
        if not self._known:
            raise CannotServe(f"web lets nobody in: {self._file} has no token that can be used")
        return self._known

    def _load(self) -> None:
        self._known, self._stamp = {}, None  # should it fail, the next one looks again
        said = ""
        try:
            text, self._stamp = read(self._file)
            self._known, wrong = _sorted_out(text, self._file)
            if wrong:
                said = f"web: {len(wrong)} of the lines of tokens open nothing: {wrong[0]}"
        except CannotServe as error:
            said = str(error)
        if said and said != self._said:
            logger.error("{}", plain(said))
        self._said = said


Stamp = tuple[int, ...]
"""What changes when a file does."""


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_ctime_ns, found.st_mtime_ns, found.st_dev, found.st_ino, found.st_size


def _stamp_now(file: Path) -> Stamp | None:
    try:
        return _stamp(file.stat())
    except OSError:
        return None


def read(file: Path) -> tuple[str, Stamp | None]:
    """What is in a file of tokens, and the stamp of just that; None if it has changed so lately
    that the next change might not be seen.

    Raises:
        CannotServe: it cannot be read.
    """
    try:
        with file.open() as lines:
            found = os.fstat(lines.fileno())
            is_settled = time.time() - found.st_ctime > _SETTLED
            return lines.read(), _stamp(found) if is_settled else None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CannotServe(f"web does not serve: cannot read {file}: {why}") from None


def parsed(text: str, file: Path) -> Known:
    """Who has which token.

    Raises:
        CannotServe: a line is none; says which.
    """
    found, wrong = _sorted_out(text, file)
    if wrong:
        raise CannotServe(f"web does not serve: {wrong[0]}")
    return found


def _sorted_out(text: str, file: Path) -> tuple[Known, list[str]]:
    """Who has which token, and what is wrong with the lines that are none."""
    lines = [(n, line.split()) for n, line in enumerate(text.splitlines(), 1) if _counts(line)]
    if len(lines) == 1 and len(lines[0][1]) == 1:
        return _alone(lines[0][1][0], file), []
    if not lines:
        raise CannotServe(
            f"web does not serve: {file} has no token; `otpsup web token NAME --tokens {file}` "
            "makes one"
        )
    found = {words[2]: Caller(_role(words[0]), words[1]) for _, words in lines if _is_line(words)}
    wrong = [
        f"{file}:{number} is not `role name sha256`, with a role of {', '.join(ROLES)}; `otpsup "
        "web token` writes such lines"
        for number, words in lines
        if not _is_line(words)
    ]
    return found, wrong


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _is_line(words: list[str]) -> bool:
    return (
        len(words) == 3
        and words[0] in ROLES
        and is_name(words[1])
        and _HEX.fullmatch(words[2]) is not None
    )


def _role(word: str) -> Role:
    return next(role for role in ROLES if role == word)


def _alone(token: str, file: Path) -> Known:
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable():
        raise CannotServe(
            f"web does not serve: {file} must hold lines of `role name sha256`, or one token of at "
            f"least {SHORTEST} characters of ASCII; `otpsup web token` makes good ones"
        )
    return {hashed(token): Caller("view", "token")}


def add(file: Path, role: Role, name: str) -> str:
    """Make a token, add it to this file, which is made if it is not there, and return it.

    Raises:
        OSError: the file cannot be written.
        CannotServe: what is in it are no tokens, or one of this name is.
    """
    before = file.read_text() if file.exists() else ""
    known = parsed(before, file) if any(map(_counts, before.splitlines())) else {}
    if any(caller.name == name for caller in known.values()):
        raise CannotServe(
            f"{file} has a token of the name {plain(name)!r} already; take its line out"
        )
    if any(len(line.split()) == 1 for line in before.splitlines() if _counts(line)):
        raise CannotServe(
            f"{file} holds a token as it is, and can hold no others; name another file"
        )
    token = new()
    end = "" if not before or before.endswith("\n") else "\n"
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "a") as out:
        out.write(f"{end}{role} {name} {hashed(token)}\n")
    return token


def own(name: str, server: str) -> tuple[Path, str] | None:
    """A token for the user of the tree alone, and the file in which it lies; None if there can be
    none.

    Args:
        name: of the tree.
        server: tells it from others of that tree.
    """
    token = new()
    try:
        folder = address.directory()
        _clear(folder)
        file = folder / f"{address.safe(name)}-{server}-{os.getpid()}{_SUFFIX}"
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as out:
            out.write(f"{token}\n")
    except (OSError, OtpsupError) as error:
        logger.warning("web: there is no token to log in with: {}; name a token_file", error)
        return None
    return file, token


def own_files(name: str) -> list[Path]:
    """Where tokens lie that are the user's own, for this tree: of each who serves it."""
    try:
        folder = address.directory()
        _clear(folder)
        ours = rf"{re.escape(address.safe(name))}-[0-9a-f]+-[0-9]+{re.escape(_SUFFIX)}"
        return sorted(file for file in folder.iterdir() if re.fullmatch(ours, file.name))
    except (OSError, OtpsupError):
        return []


def tell_address(file: Path, url: str) -> None:
    """Whoever finds the token there finds where it opens the page, too."""
    with contextlib.suppress(OSError), file.open("a") as out:
        out.write(f"{url}\n")


def _clear(folder: Path) -> None:
    """What programs have left that were killed."""
    for file in folder.glob(f"*{_SUFFIX}"):
        pid = file.name.removesuffix(_SUFFIX).rpartition("-")[2]
        if not Path(f"/proc/{pid}").exists():
            with contextlib.suppress(OSError):
                file.unlink()
