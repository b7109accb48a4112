"""Writes the list of commands in docs/reference/cli.md from the table that `otpsup` goes by.

    python docs/cli_reference.py           write it
    python docs/cli_reference.py --check   say whether it is what it would write now

Decides how a command looks on the page; what there is, is the table's matter
(`otpsup.cli.commands.COMMANDS`). What stands around the list is written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from otpsup.cli.commands import COMMANDS, EXIT_CODES, GROUPS
from otpsup.cli.parameters import Option, Subcommand

PAGE = Path(__file__).parent / "reference" / "cli.md"
BEGIN = "<!-- Begin: made by docs/cli_reference.py; run it when the table of commands changes. -->"
END = "<!-- End. -->"
EVERYWHERE = ("tree", "socket")
"""What most commands take, and is told once, before the list."""


def page(before: str, commands: Mapping[str, Subcommand]) -> str:
    """The page, with the list for these commands in place of the one in it."""
    head, _, rest = before.partition(BEGIN)
    tail = rest.partition(END)[2]
    return "\n".join([f"{head}{BEGIN}", "", *_lines(commands), f"{END}{tail}"])


def _lines(commands: Mapping[str, Subcommand]) -> Iterator[str]:
    for group, title in GROUPS.items():
        yield from (f"## {title}", "")
        for command in commands.values():
            if command.group == group:
                yield from _command(command)
    yield from ("## Exit codes", "", "| | |", "|---|---|")
    yield from (f"| {code} | {text} |" for code, text in EXIT_CODES.items())
    yield ""


def _command(command: Subcommand) -> Iterator[str]:
    yield from (f"### {command.name}", "", _cell(command.sentence), "")
    yield from ("```", command.usage, "```", "")
    rows = [
        *((argument.usage, argument.help) for argument in command.arguments),
        *((_flags(each), each.help) for each in command.options if each.name not in EVERYWHERE),
    ]
    if rows:
        yield from ("| | |", "|---|---|")
        yield from (f"| `{_cell(name)}` | {_cell(help)} |" for name, help in rows)
        yield ""


def _flags(option: Option) -> str:
    return " ".join(filter(None, (", ".join(option.flags), option.metavar)))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*") if "`" not in text else text


def main(argv: list[str]) -> int:
    """Write the page, or check it."""
    before = PAGE.read_text()
    text = page(before, COMMANDS)
    if argv != ["--check"]:
        PAGE.write_text(text)
        return 0
    if before == text:
        return 0
    print(f"{PAGE.name} is stale: run python docs/cli_reference.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
