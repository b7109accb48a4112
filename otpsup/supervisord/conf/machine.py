"""What a configuration says to be on this machine: users, groups, directories.

Decides nothing if it is lenient: then all of it is taken to be there.
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Mapping

from attrs import frozen


@frozen
class Machine:
    """The machine that a configuration is for.

    Attributes:
        environ: for `~`.
        cwd: what relative paths are relative to; absolute.
        strict: whether users and directories must exist.
    """

    environ: Mapping[str, str]
    cwd: str
    strict: bool

    def home(self, path: str) -> str:
        """The path with `~` and `~user` as a shell reads them."""
        home = self.environ.get("HOME")
        if home is not None and (path == "~" or path.startswith("~/")):
            return (home.rstrip("/") + path[1:]) or "/"
        return os.path.expanduser(path)

    def absolute(self, path: str) -> str:
        """The path from `/`, with no `..` in it."""
        return os.path.normpath(os.path.join(self.cwd, self.home(path)))

    def directory(self, text: str) -> str:
        """A directory that is there."""
        path = self.home(text)
        if self.strict and not self._is_folder(path):
            raise ValueError(f"{text} is not an existing directory")
        return path

    def file(self, text: str) -> str:
        """A file in a directory that is there."""
        path = self.home(text)
        folder = os.path.dirname(path)
        if self.strict and folder and not self._is_folder(folder):
            raise ValueError(f"The directory named as part of the path {text} does not exist")
        return path

    def _is_folder(self, path: str) -> bool:
        return bool(path) and os.path.isdir(os.path.join(self.cwd, path))

    def user(self, text: str) -> str:
        """A user who is there, as it is written: name or number."""
        if self.strict:
            uid(text)
        return text

    def owner(self, text: str) -> tuple[int, int]:
        """Ids of `user[:group]`, -1 for no group; if lenient, -1 for each that is not there."""
        user, colon, group = text.partition(":")
        found = self._id(uid, user), self._id(gid, group) if colon else -1
        if None in found:
            raise ValueError(f"Invalid user:group definition {text}")
        return found[0] or 0, found[1] or 0

    def both(self, number: int) -> str:
        """A user and that user's group, by their ids: `1000:1000`."""
        return f"{number}:{pwd.getpwuid(number).pw_gid}"

    def _id(self, find: Callable[[str], int], text: str) -> int | None:
        try:
            return find(text)
        except (ValueError, OverflowError):
            return None if self.strict else -1


def uid(text: str) -> int:
    """The id of a user by name or number.

    Raises:
        ValueError: there is none.
    """
    try:
        number = int(text)
    except ValueError:
        return _user(text)
    try:
        return pwd.getpwuid(number).pw_uid
    except (KeyError, OverflowError):
        raise ValueError(f"Invalid user id {text}") from None


def _user(text: str) -> int:
    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        raise ValueError(f"Invalid user name {text}") from None


def gid(text: str) -> int:
    """The id of a group by name or number.

    Raises:
        ValueError: there is none.
    """
    try:
        number = int(text)
    except ValueError:
        return _group(text)
    try:
        return grp.getgrgid(number).gr_gid
    except (KeyError, OverflowError):
        raise ValueError(f"Invalid group id {text}") from None


def _group(text: str) -> int:
    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        raise ValueError(f"Invalid group name {text}") from None
