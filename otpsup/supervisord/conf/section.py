"""One section with the names that may stand in its values; errors know the section and option."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from attrs import define

from .files import Files, Wrong

_Value = TypeVar("_Value")


@define(eq=False)
class Section:
    """A section to be read.

    Attributes:
        names: what `%(x)s` may name beside the environment; may grow while it is read.
    """

    files: Files
    name: str
    names: Mapping[str, Any]

    def text(self, option: str, default: str = "") -> str:
        """Its text, expanded; the default is expanded, too."""
        return self.files.get(self.name, option, default, self.names)

    def optional(self, option: str) -> str | None:
        """Its text, expanded; None if it is not given."""
        return self.files.get(self.name, option, None, self.names)

    def raw(self, option: str, default: str = "") -> str:
        """Its text as it stands."""
        return self.files.raw(self.name, option, default)

    def value(self, option: str, convert: Callable[[Any], _Value], default: Any) -> _Value:
        """Its value; the default is converted, too, and expanded if it is a text.

        Raises:
            Wrong: it is none; the error has the section and the option.
        """
        return self.convert(option, convert, self.files.get(self.name, option, default, self.names))

    def if_given(self, option: str, convert: Callable[[Any], _Value]) -> _Value | None:
        """Its value; None if it is not given."""
        text = self.optional(option)
        return None if text is None else self.convert(option, convert, text)

    def convert(self, option: str, convert: Callable[[Any], _Value], text: Any) -> _Value:
        """What a conversion makes of this text, which an error is to blame the option for."""
        try:
            return convert(text)
        except ValueError as error:
            raise Wrong(str(error), self.name, option) from None

    def wrong(self, text: str, option: str = "") -> Wrong:
        """The error with this text about this section, to be raised."""
        return Wrong(text, self.name, option)
