"""Texts from elsewhere, fit to be shown: nothing in them steers a terminal or forges a line."""

from __future__ import annotations


def plain(text: str) -> str:
    """The text on one line, with an escape in place of each character that cannot be seen."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def plain_lines(text: str) -> str:
    """The same for a text of several lines, such as a traceback; tabs become blanks."""
    return "\n".join(plain(line) for line in text.expandtabs().split("\n"))
