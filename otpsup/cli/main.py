"""`python -m otpsup`: which command is meant, exit codes, and what becomes of errors.

Decides what reaches standard output and standard error. Must not know what a command does.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from .. import mask
from ..errors import NotRunning, OtpsupError
from ..plain import plain
from ..version import __version__
from . import getopt, words
from .commands import ASK, COMMANDS
from .parameters import BadUsage, Options, Subcommand

Command = Callable[[Options], "str | Iterable[str]"]
"""Returns what is to be printed: all of it, or piece by piece as it comes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    if sys.stdout is None:  # who started us closed it: be as quiet as that
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - to the end of the process
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        command, options = read(given)
    except BadUsage as error:
        return _misused(given, error)
    except SystemExit:  # it asked for help, and got it
        return _write("")
    return _run(command, options)


def _run(command: Subcommand, options: Options) -> int:
    try:
        _print(_function(command)(options))
        return 0
    except NotRunning as error:
        return _complain(str(error), 1 if error.is_of_a_supervisor else 3)
    except OtpsupError as error:
        return _refused(error)
    except BrokenPipeError:  # whoever read it has seen enough
        return _write("")
    except OSError as error:
        what = f"use {error.filename}" if error.filename else "write to standard output"
        text = f"cannot {what}: {error.strerror}"
        return _write("") or _complain(text, 1)
    except KeyboardInterrupt:
        return 130


def _refused(error: OtpsupError) -> int:
    """What was done is told before what was not; of a file, each problem on a line of its own."""
    _write(getattr(error, "output", ""))
    if error.code != "invalid_file":
        return _complain(str(error), 2 if error.code == "usage" else 1)
    problems = getattr(error, "problems", ()) or str(error).splitlines()  # those of a host are text
    for problem in problems:
        print(plain(mask.text(str(problem))), file=sys.stderr)
    return _complain("1 problem" if len(problems) == 1 else f"{len(problems)} problems", 1)


# Reading.


def read(given: Sequence[str]) -> tuple[Subcommand, Options]:
    """The command that is meant, and the values given for it.

    Raises:
        BadUsage: the line is wrong.
        SystemExit: it asked for help or the version, which was printed.
    """
    if not given:
        raise BadUsage("which command? `otpsup --help` lists them")
    name, *rest = given
    if name in ("--help", "-h"):
        _write(front_end().overview())
        raise SystemExit(0)
    if name == "--version":
        _write(_version())
        raise SystemExit(0)
    if name == ASK:  # what the scripts of `completion` ask
        from . import completion

        _write(completion.answer(rest))
        raise SystemExit(0)
    if name not in COMMANDS:
        what = "option" if name.startswith("-") else "command"
        flag = name.partition("=")[0]
        if any(flag in option.flags for each in COMMANDS.values() for option in each.options):
            raise BadUsage(f"options come after the command, as in `otpsup status {flag} ...`")
        raise BadUsage(words.no_such(what, name, COMMANDS))
    command = COMMANDS[name]
    options = getopt.read(command, rest) or front_end().read(command, rest)
    return command, _checked(options)


def front_end() -> ModuleType:
    """What tells how to write command lines: click if it is installed, else argparse."""
    name = "by_click" if is_installed("click") else "by_argparse"
    return importlib.import_module(f".{name}", __package__)


def is_installed(package: str) -> bool:
    """Whether a package of the extra `cli` can be imported."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _checked(options: Options) -> Options:
    if getattr(options, "tree", None) is not None and options.socket is not None:
        raise BadUsage("--tree and --socket both say which tree is meant; leave one out")
    return options


def _function(command: Subcommand) -> Command:
    module, _, name = command.function.partition(":")
    found: Command = getattr(importlib.import_module(f".{module}", __package__), name)
    return found


def _version() -> str:
    return f"otpsup {__version__}\n"


# Writing.


def _print(output: str | Iterable[str]) -> None:
    """Each piece as it comes; the first that cannot be written is the last."""
    for piece in (output,) if isinstance(output, str) else output:
        sys.stdout.write(_writable(piece))
        sys.stdout.flush()


def _write(text: str) -> int:
    try:
        _print(text)
    except OSError as error:
        with contextlib.suppress(OSError):  # Python flushes once more when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # then whoever read it has seen enough
            return _complain(f"cannot write to standard output: {error.strerror}", 1)
    return 0


def _misused(given: Sequence[str], error: BadUsage) -> int:
    command = COMMANDS.get(given[0]) if given else None
    print(f"usage: {command.usage if command else words.USAGE}", file=sys.stderr)
    return _complain(str(error), 2)


def _complain(text: str, code: int) -> int:
    if text:
        print(f"otpsup: {plain(mask.text(text))}", file=sys.stderr)
    return code


def _writable(text: str) -> str:
    """With `?` for what the terminal's encoding does not have."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
