"""Completion: what may come next on a command line, for bash, zsh, fish and our own shell.

All of them ask the same function, so all offer the same, also with the core alone: the commands and
options of the table, and the names and paths of what runs right now. The scripts ask with
`otpsup __complete WORDS`, of which the last is the one that is being typed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import field, frozen

from ..errors import OtpsupError
from ..plain import plain
from .commands import COMMANDS
from .parameters import Argument, Option, Options, Subcommand

_BASH = """\
# To be sourced by bash:  source <(otpsup completion bash)
_otpsup() {
    local value help
    COMPREPLY=()
    while IFS=$'\\t' read -r value help; do
        COMPREPLY+=("$(printf %q "$value")")
    done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ ${COMPREPLY[0]-} == */ ]]; then compopt -o nospace; fi
}
complete -F _otpsup otpsup
"""
_ZSH = """\
#compdef otpsup
# To be sourced by zsh after compinit, or saved as _otpsup in a folder of $fpath.
_otpsup() {
    local value help
    local -a found
    while IFS=$'\\t' read -r value help; do
        found+=("${value//:/\\\\:}:$help")
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    _describe otpsup found
}
if [ "$funcstack[1]" = _otpsup ]; then _otpsup "$@"; else compdef _otpsup otpsup; fi
"""
_FISH = """\
# To be sourced by fish, or saved as ~/.config/fish/completions/otpsup.fish
function __otpsup_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c otpsup -f -a '(__otpsup_complete)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def command(options: Options) -> str:
    """The script for a shell."""
    return _SCRIPTS[options.shell]


def answer(words: Sequence[str]) -> str:
    """What the scripts read: a line each, the word and, after a tab, what it is."""
    return "".join(f"{plain(value)}\t{plain(help)}\n" for value, help in candidates(words))


def candidates(words: Sequence[str]) -> list[tuple[str, str]]:
    """What the last word may become, each with a word on what it is."""
    *given, typed = [word for word in words if word != "="] or [""]  # bash splits --tree=shop
    if not given:
        found: Iterator[tuple[str, str]] = ((c.name, c.help) for c in COMMANDS.values())
    elif command := COMMANDS.get(given[0]):
        found = _after(_Line.read(command, given[1:]), typed)
    else:
        found = iter(())
    return [(value, help) for value, help in found if value.startswith(typed)]


@frozen
class _Line:
    """What stands before the word that is typed.

    Attributes:
        values: of the options that take one, by name.
        rest: what is no option.
        open: an option whose value is being typed.
        is_over: `--` came: no options any more.
    """

    command: Subcommand
    values: dict[str, str] = field(factory=dict)
    rest: list[str] = field(factory=list)
    open: Option | None = None
    is_over: bool = False

    @classmethod
    def read(cls, command: Subcommand, given: Sequence[str]) -> _Line:
        flags = {flag: option for option in command.options for flag in option.flags}
        values: dict[str, str] = {}
        rest: list[str] = []
        left = list(given)
        while left:
            word = left.pop(0)
            name, has_value, value = word.partition("=")
            option = flags.get(name)
            if word == "--":
                return cls(command, values, rest + left, None, True)
            if option is None or not option.metavar:
                rest += [] if word.startswith("-") and word != "-" else [word]
            elif not has_value and not left:
                return cls(command, values, rest, option)
            else:
                values[option.name] = value if has_value else left.pop(0)
        return cls(command, values, rest)


def _after(line: _Line, typed: str) -> Iterator[tuple[str, str]]:
    if line.open is not None:
        yield from _values(line.open, line, typed)
    elif typed.startswith("--") and "=" in typed and not line.is_over:
        name, _, begun = typed.partition("=")
        options = (option for option in line.command.options if name in option.flags)
        for option in options:
            yield from ((f"{name}={v}", help) for v, help in _values(option, line, begun))
    elif typed.startswith("-") and not line.is_over:
        yield from ((flag, option.help) for option in line.command.options for flag in option.flags)
        yield from (("--help", "tell what it takes"),)
    elif argument := _argument(line):
        yield from _values(argument, line, typed)


def _argument(line: _Line) -> Argument | None:
    """The one whose turn it is; of which there may be many, it is until the end."""
    for number, argument in enumerate(line.command.arguments):
        if argument.count in "*+" or number == len(line.rest):
            return argument
    return None


def _values(each: Argument | Option, line: _Line, typed: str) -> Iterator[tuple[str, str]]:
    kind = each.completes
    if kind == "path":
        yield from _paths(line)
        if line.command.name == "signal" and line.rest:
            yield from _choices(line.command.arguments[1])
    elif kind in ("tree", "file"):
        yield from _trees() if kind == "tree" else ()
        yield from _files(typed) if isinstance(each, Argument) or kind == "file" else ()
    else:
        yield from _choices(each)


def _choices(each: Argument | Option) -> Iterator[tuple[str, str]]:
    return ((word, each.metavar.lower()) for word in each.completes.split())


def _paths(line: _Line) -> Iterator[tuple[str, str]]:
    """Of what runs right now; nothing if nothing runs."""
    from ..control.client import TreeClient  # the engine's values: more than a list of commands

    socket = line.values.get("socket")
    with contextlib.suppress(OtpsupError, OSError):
        where = Path(socket) if socket else None
        with TreeClient.connect(line.values.get("tree"), where) as client:
            root = client.status()
        yield from ((node.path, node.state) for node in root.walk() if node.path)


def _trees() -> Iterator[tuple[str, str]]:
    from ..control import address

    with contextlib.suppress(OtpsupError, OSError):
        names = [path.stem for path in address.running()]
        short = [name.rpartition("-")[0] for name in names]
        for name, each in zip(names, short, strict=True):
            yield (each if short.count(each) == 1 else name), "a running tree"


def _files(typed: str) -> Iterator[tuple[str, str]]:
    """What is in the folder that is being typed; hidden files only if a dot was typed."""
    folder, _, begun = typed.rpartition("/")
    base = f"{folder}/" if "/" in typed else ""
    with contextlib.suppress(OSError):
        for entry in sorted(Path(base or ".").expanduser().iterdir()):
            if begun or not entry.name.startswith("."):
                yield f"{base}{entry.name}{'/' if entry.is_dir() else ''}", "a file"
