"""`shell`: commands one after the other, each as it would be on the command line.

Decides how lines are read, completed and remembered. What a line does is `main`'s matter. Errors
end a line, Ctrl-C ends what a line is doing, Ctrl-D and `exit` end the shell. From a pipe it reads
a script, without a word of its own.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from ..control.client import TreeClient
from ..errors import OtpsupError
from ..graph.marks import COLOURS, MARKS
from ..plain import plain
from . import show, table
from .commands import COMMANDS
from .completion import candidates
from .main import main
from .parameters import Options

_END = ("exit", "quit")
_REMEMBERED = 1000
"""Lines of the history."""


def command(options: Options) -> NoReturn:
    """Run lines until there are no more; exits as the last one did."""
    code = 0
    is_script = not sys.stdin.isatty()
    for line in _lines_of_a_script() if is_script else _typed(options):
        words = _split(line)
        if words is None:
            code = 2
        elif words and words[0] in _END:
            break
        elif words:
            code = _run(words, options)
    raise SystemExit(code)


def _split(line: str) -> list[str] | None:
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        show.complain(f"{error}: {line.strip()}")
        return None


def _run(words: Sequence[str], options: Options) -> int:
    name, *rest = words[1:] if words[0] == "otpsup" and len(words) > 1 else words
    if name == "shell":
        show.complain("this is a shell already")
        return 2
    if name == "help":
        name, rest = (rest[0], ["--help"]) if rest else ("--help", [])
    try:
        return main([name, *_which(name, rest, options), *rest])
    except KeyboardInterrupt:
        return 130
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


def _which(name: str, rest: Sequence[str], options: Options) -> list[str]:
    """The tree for which the shell was started, unless the line names another."""
    takes = name in COMMANDS and any(each.name == "tree" for each in COMMANDS[name].options)
    if not takes or any(word.startswith(("--tree", "--socket")) for word in rest):
        return []
    if options.socket is not None:
        return [f"--socket={options.socket}"]
    return [] if options.tree is None else [f"--tree={options.tree}"]


def _lines_of_a_script() -> Iterator[str]:
    yield from sys.stdin


# At a terminal.


def _typed(options: Options) -> Iterator[str]:
    with _remembering(_readline(options)):
        while True:
            try:
                yield input(_prompt(options))
            except EOFError:
                print()
                return
            except KeyboardInterrupt:
                print()


def _prompt(options: Options) -> str:
    """The tree's name and state; `otpsup` as long as there is none."""
    try:
        with TreeClient.connect(options.tree, options.socket) as client:
            root = client.status()
    except (OtpsupError, OSError):
        return "otpsup> "
    mark = MARKS[root.state]
    if table.wants_colour(sys.stdout):  # \001 and \002: readline must not count what is between
        mark = f"\001\033[{COLOURS[root.state]}m\002{mark}\001\033[0m\002"
    return f"{plain(root.name)} {mark} {root.state}> "


def _readline(options: Options) -> ModuleType | None:
    """Python's readline, told how to complete; None where Python was built without."""
    try:
        import readline
    except ImportError:
        return None
    readline.set_completer_delims(" \t\n")
    readline.set_completer(_completer(readline, options))
    readline.parse_and_bind("tab: complete")
    readline.parse_and_bind("set enable-bracketed-paste off")
    return readline


class _completer:  # noqa: N801 - a function that remembers
    """What readline calls with 0, 1, 2, ... until there is nothing more."""

    def __init__(self, readline: ModuleType, options: Options) -> None:
        self._readline, self._options = readline, options
        self._found: list[str] = []

    def __call__(self, typed: str, number: int) -> str | None:
        if number == 0:
            self._found = self._find(typed)
        return self._found[number] if number < len(self._found) else None

    def _find(self, typed: str) -> list[str]:
        before = self._readline.get_line_buffer()[: self._readline.get_begidx()]
        words = before.split()
        if words and words[0] in COMMANDS:
            words[1:1] = _which(words[0], words[1:], self._options)
        found = [value for value, _ in candidates([*words, typed])]
        found += [word for word in (*_END, "help") if not words and word.startswith(typed)]
        return [value if value.endswith("/") else f"{value} " for value in found]


@contextlib.contextmanager
def _remembering(readline: ModuleType | None) -> Iterator[None]:
    """Lines are kept from one time to the next, for this user alone, if they can be."""
    path = _history()
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
        if readline is not None:
            readline.read_history_file(path)
    try:
        yield
    finally:
        if readline is not None:
            readline.set_history_length(_REMEMBERED)
            with contextlib.suppress(OSError):
                readline.write_history_file(path)
                path.chmod(0o600)


def _history() -> Path:
    """`$XDG_STATE_HOME/otpsup/history` (XDG Base Directory Specification)."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "otpsup" / "history"
