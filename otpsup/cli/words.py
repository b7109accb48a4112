"""What is said of the command line itself, whoever reads it."""

from __future__ import annotations

from collections.abc import Iterable

from .commands import EXIT_CODES

USAGE = "otpsup COMMAND [ARGUMENT]..."
DESCRIPTION = "Look at a supervision tree, steer it, ask what it would do and why it did."
OPTIONS = """\
`otpsup COMMAND --help` tells what a command takes; `otpsup --version` tells the version."""
EPILOG = "Exit codes: " + ", ".join(f"{code} {text}" for code, text in EXIT_CODES.items()) + "."


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """That there is no such option or command, and which was meant."""
    from ..specs.check import nearest  # only where something is wrong already

    hint = nearest(name, known) or f"`otpsup {'--help' if what == 'command' else 'COMMAND --help'}`"
    hint = hint if hint.startswith("did") else f"{hint} lists them"
    return f"there is no {what} {name!r}; {hint}"
