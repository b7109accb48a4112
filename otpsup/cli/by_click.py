"""Reads command lines with click: help, and messages, when the extra `cli` is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from . import words
from .commands import COMMANDS, GROUPS
from .parameters import Argument, BadUsage, Convert, Option, Options, Subcommand

_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def read(command: Subcommand, given: Sequence[str]) -> Options:
    """The values on a command line.

    Raises:
        BadUsage: it is wrong.
        SystemExit: it asked for help, which was printed.
    """
    try:
        with _command(command).make_context(f"otpsup {command.name}", list(given)) as context:
            return Options(**{name: _plain(value) for name, value in context.params.items()})
    except click.exceptions.Exit as end:
        raise SystemExit(end.exit_code) from None
    except click.NoSuchOption as error:
        flags = [flag for option in command.options for flag in option.flags]
        raise BadUsage(words.no_such("option", error.option_name, flags)) from None
    except click.UsageError as error:
        raise BadUsage(_lowered(error.format_message())) from None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _lowered(message: str) -> str:
    """As our own messages are: one line, no capital at the beginning, no full stop."""
    text = " ".join(message.split()).removesuffix(".")
    return text[:1].lower() + text[1:]


def overview() -> str:
    """The help of `otpsup` itself."""
    group = _Overview("otpsup", help=words.DESCRIPTION, epilog=words.EPILOG,
                      context_settings=_SETTINGS)  # fmt: skip
    group.params.append(click.Option(["--version"], is_flag=True, help="Tell the version."))
    return group.get_help(click.Context(group, info_name="otpsup", **_SETTINGS)) + "\n"


class _Overview(click.Group):
    """Lists the commands under what they are for."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for group, title in GROUPS.items():
            rows = [(c.name, c.sentence) for c in COMMANDS.values() if c.group == group]
            with formatter.section(title):
                formatter.write_dl(rows)


def _command(command: Subcommand) -> click.Command:
    parameters: list[click.Parameter] = [_argument(each) for each in command.arguments]
    return _Command(
        command.name, params=[*parameters, *map(_option, command.options)], help=command.sentence,
        context_settings=_SETTINGS,
    )  # fmt: skip


class _Command(click.Command):
    """Tells in its help what its arguments are, too; click leaves that to the prose."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        arguments = [each for each in self.params if isinstance(each, _Argument)]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl([(each.make_metavar(ctx), each.meaning) for each in arguments])
        super().format_options(ctx, formatter)


class _Argument(click.Argument):
    """With a word on what it is; click before 8.2 has no help for arguments."""

    def __init__(self, argument: Argument) -> None:
        is_many = argument.count in "*+"
        super().__init__(
            [argument.name], required=argument.count in "1+", nargs=-1 if is_many else 1,
            type=_Type(argument.metavar, argument.convert),
        )  # fmt: skip
        self.meaning, self._usage = argument.help, argument.usage

    def make_metavar(self, ctx: click.Context) -> str:
        return self._usage


def _argument(argument: Argument) -> click.Parameter:
    return _Argument(argument)


def _option(option: Option) -> click.Parameter:
    declared = [option.name, *option.flags]
    if not option.metavar:
        return click.Option(declared, is_flag=True, default=False, help=option.help)
    type = _Type(option.metavar, option.convert)
    default = tuple(option.default) if option.many else option.default
    return click.Option(
        declared, metavar=option.metavar, type=type, default=default, multiple=option.many,
        help=option.help,
    )  # fmt: skip


class _Type(click.ParamType[Any]):
    """A value that `parameters` makes."""

    def __init__(self, name: str, convert: Convert) -> None:
        self.name, self._convert = name, convert

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._convert(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
