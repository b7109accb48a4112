"""The INI files of a configuration: what is included, where a section comes from, expansion.

A file is read as Python's `RawConfigParser` reads it, since that is what supervisord uses: repeated
sections are merged, of repeated options the last one holds, and names of options are lower-cased.
"""

from __future__ import annotations

import configparser
import contextlib
import glob
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field

from .words import expand

HERE = "%(here)s"
_Default = TypeVar("_Default")


class Wrong(ValueError):
    """A value that is wrong; `section` and `option` tell where it is to be looked for."""

    def __init__(self, text: str, section: str = "", option: str = "", file: str = "") -> None:
        super().__init__(text)
        self.section, self.option, self.file = section, option, file
        self.line = 0


def _parser() -> configparser.RawConfigParser:
    return configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";", "#"))


@define(eq=False)
class Files:
    """The main file and what it includes, read into one set of sections.

    Attributes:
        path: of the main file, as it was given.
        here: its folder, absolute.
        names: `ENV_X` for each variable; those of `[supervisord] environment` are added later.
        origin: the included file in which a section was seen first, by section.
    """

    path: str
    here: str
    names: dict[str, str]
    host: str
    parser: configparser.RawConfigParser = field(factory=_parser)
    origin: dict[str, str] = field(factory=dict)
    included: list[str] = field(factory=list)
    warnings: list[str] = field(factory=list)
    infos: list[str] = field(factory=list)

    @property
    def sections(self) -> list[str]:
        """All sections, in the order in which they were first seen."""
        return self.parser.sections()

    @property
    def absolute(self) -> Path:
        """The main file."""
        return Path(self.here) / os.path.basename(self.path)

    def read(self) -> None:
        """Read the main file and all that it includes.

        Raises:
            Wrong: it is not there, cannot be read, or is no INI file.
        """
        if not os.path.exists(self.path):
            raise Wrong(f"could not find config file {self.path}")
        try:
            self._parse(self.path)
        except OSError:
            raise Wrong(f"could not read config file {self.path}") from None
        self._include()

    def read_part(self) -> None:
        """Read a file that is made to be included, as if a main file beside it included it alone.

        Raises:
            Wrong: it is no INI file.
        """
        self.parser.add_section("supervisord")
        self._one(self.path)

    def _parse(self, path: str) -> None:
        with open(path, encoding="utf-8") as file:
            try:
                self.parser.read_file(file, path)
            except configparser.ParsingError as error:
                raise _no_ini(error, path) from None

    def _include(self) -> None:
        if not self.parser.has_section("include"):
            return
        self._put_here(self.here)
        for pattern in self._patterns():
            self._matching(pattern)

    def _patterns(self) -> list[str]:
        """Relative ones are relative to the main file (supervisord's docs, `[include]`)."""
        if not self.parser.has_option("include", "files"):
            text = ".ini file has [include] section, but no files setting"
            raise Wrong(text, "include")
        names = {"here": self.here, "host_node_name": self.host} | self.names
        try:
            files = expand(self.parser.get("include", "files"), names, "include.files")
        except ValueError as error:
            raise Wrong(str(error), "include", "files") from None
        return [os.path.join(self.here, each) for each in files.split()]

    def _matching(self, pattern: str) -> None:
        paths = sorted(glob.glob(pattern))
        if not paths:
            self.warnings.append(f'No file matches via include "{pattern}"')
        for path in paths:
            self._one(path)

    def _one(self, path: str) -> None:
        """A file that cannot be opened is passed over, as by `RawConfigParser.read`."""
        self.infos.append(f'Included extra file "{path}" during parsing')
        self.included.append(path)
        before = set(self.sections)
        with contextlib.suppress(OSError):
            self._parse(path)
        self.origin |= {each: path for each in self.sections if each not in before}
        self._put_here(os.path.abspath(os.path.dirname(path)))

    def _put_here(self, here: str) -> None:
        """Every `%(here)s` so far becomes this folder; so each file gets its own."""
        for section in self.sections:
            for option, value in self.parser.items(section):
                if HERE in value:
                    self.parser.set(section, option, value.replace(HERE, here))

    def raw(self, section: str, option: str, default: _Default) -> str | _Default:
        """The text of an option as it stands."""
        return self.parser.get(section, option) if self.has(section, option) else default

    def has(self, section: str, option: str) -> bool:
        """Whether the option is given."""
        return self.parser.has_option(section, option)

    def get(
        self, section: str, option: str, default: _Default, names: Mapping[str, Any] | None = None
    ) -> str | _Default:
        """The text of an option, expanded; so is a default that is a text.

        Raises:
            Wrong: it cannot be expanded with these names.
        """
        value = self.raw(section, option, default)
        if not isinstance(value, str):
            return value
        try:
            return expand(value, {**self.names, **(names or {})}, f"{section}.{option}")
        except ValueError as error:
            raise Wrong(str(error), section, option) from None


def _no_ini(error: configparser.ParsingError, path: str) -> Wrong:
    wrong = Wrong(str(error), file=path)
    if isinstance(error, configparser.MissingSectionHeaderError):
        wrong.line = error.lineno
    elif error.errors:
        wrong.line = error.errors[0][0]
    return wrong
