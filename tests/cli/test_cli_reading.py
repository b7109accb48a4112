"""Command lines are read by our getopt, and where something is wrong by click, or argparse where
that is not installed; nobody can tell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpsup.cli import by_argparse, by_click, getopt
from otpsup.cli.commands import COMMANDS
from otpsup.cli.parameters import Argument, BadUsage, Option, Subcommand
from tests.cli.test_cli import otpsup
from tests.support import ROOT
from tests.support.sizes import sized

READERS: tuple[Any, ...] = (by_click, by_argparse)


def outcome(reader: Any, command: Subcommand, line: list[str]) -> Any:
    """The values of a line, or that it is refused, or that it asks for help."""
    try:
        return vars(reader.read(command, line))
    except BadUsage:
        return "wrong"
    except SystemExit as end:
        return f"help {end.code}"


PLAIN = st.sampled_from(
    ["web", "web-*", "backend/db", "", "-", "--", "=", "a b", "5", "-5", "0", "1.5", "1e3", "nan",
     "-1.5", "TERM", "hup", "9", "stdout", "text", "json", "bash", "cpu", "é",
     "--no", "-x", "--no=1"]
)  # fmt: skip


def words(command: Subcommand) -> st.SearchStrategy[list[str]]:
    """Some of what could stand on a line for this command: sound, or nearly so."""
    flags = [flag for option in command.options for flag in option.flags] + ["--help", "-h"]
    choices = [word for each in parts(command) for word in each.completes.split()] or ["x"]
    value = PLAIN | st.sampled_from(choices)
    flag = st.sampled_from(flags) if flags else st.just("--json")
    short = st.sampled_from([f[1] for f in flags if len(f) == 2])
    return st.lists(
        value
        | flag
        | st.builds("{}={}".format, flag, value)
        | st.builds("-{}{}".format, short, value)
        | st.builds("-{}{}".format, short, short),
        max_size=7,
    )


def parts(command: Subcommand) -> list[Argument | Option]:
    return [*command.arguments, *command.options]


LINES = st.sampled_from(sorted(COMMANDS)).flatmap(
    lambda name: st.tuples(st.just(name), words(COMMANDS[name]))
)


@sized(150, 1500, LINES)
@example(("signal", ["--", "-5", "--", "HUP"]))
@example(("tail", ["-fn5", "web", "--", "stderr"]))
@example(("tail", ["web", "-n=5"]))
@example(("status", ["--tree", "--json"]))
@example(("top", ["--delay=--"]))
@example(("signal", ["--", "--", "a", "--", "HUP"]))
@example(("tail", ["--", "--", "--"]))
@example(("status", ["--tree=", "", "a"]))
@example(("logs", ["-n", "-1"]))
def test_all_readers_agree(line: tuple[str, list[str]]) -> None:
    """Whatever the line, all readers make the same values of it, or all refuse it; the quick one
    leaves it to the others to say why."""
    name, given = line
    click, argparse = (outcome(reader, COMMANDS[name], given) for reader in READERS)
    quick = getopt.read(COMMANDS[name], given)

    assert click == argparse
    assert (None if quick is None else vars(quick)) == (click if isinstance(click, dict) else None)


@given(st.data(), st.sampled_from(sorted(COMMANDS)))
def test_a_sound_line_is_read(data: st.DataObject, name: str) -> None:
    """Options stand anywhere; every argument gets what was given for it, in order."""
    command = COMMANDS[name]
    paths = data.draw(st.lists(st.sampled_from(["a", "b/c", "-d", "*"]), min_size=1, max_size=3))
    if [argument.name for argument in command.arguments] != ["paths"]:
        return
    line = list(paths)
    line.insert(data.draw(st.integers(0, len(line))), "--json")
    sound = [word if word != "-d" else "d" for word in line]

    for reader in READERS:
        options = reader.read(command, sound)
        if any(option.name == "json" for option in command.options):
            assert options.json is True
        assert options.paths == [word for word in sound if word != "--json"]


@pytest.mark.parametrize("reader", READERS)
def test_values(reader: Any) -> None:
    """Values come as what they are: numbers, files, canonical signals, lists; or as the default."""
    read = reader.read
    top = read(COMMANDS["top"], ["-d", "0.5", "--sort", "cpu"])
    assert (top.delay, top.sort, top.once, top.tree, top.socket) == (0.5, "cpu", False, None, None)
    assert read(COMMANDS["status"], ["--socket", "x/y"]).socket == Path("x/y")
    signal = read(COMMANDS["signal"], ["a", "b", "1"])
    assert (signal.paths, signal.signal) == (["a", "b"], "SIGHUP")
    kills = read(COMMANDS["simulate"], ["--kill", "a", "--kill=b", "--times", "2"])
    assert (kills.kill, kills.times, kills.broken, kills.file) == (["a", "b"], 2, [], None)
    tail = read(COMMANDS["tail"], ["-fn", "5", "web", "stderr"])
    assert (tail.follow, tail.lines, tail.path, tail.stream) == (True, 5, "web", "stderr")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("signal", ["web", "HUPP"], "there is no signal 'HUPP'; did you mean 'SIGHUP'?"),
        ("top", ["--delay", "0"], "expected seconds from 0.1, not '0'"),
        ("scale", ["web", "-1"], "there is no option '-1'"),
        ("scale", ["web", "x"], "expected a number from 0 to 10000, not 'x'"),
        ("status", ["--jsno"], "there is no option '--jsno'; did you mean '--json'?"),
        ("graph", ["--format", "png"], "expected one of text, mermaid, dot, svg, not 'png'"),
        ("stop", [""], "PATH is empty; leave it out to mean the whole tree"),
        ("tail", [], "PATH"),
        ("why", ["a", "b"], "b"),
        ("status", ["--tree"], "--tree"),
        ("status", ["--json=yes"], "--json"),
    ],
)
def test_refusals_are_told(reader: Any, name: str, line: list[str], message: str) -> None:
    """What is wrong is named, with what would be right."""
    with pytest.raises(BadUsage) as caught:
        reader.read(COMMANDS[name], line)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", COMMANDS)
def test_help(reader: Any, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of a command has its sentence, and a word on everything that it takes."""
    with pytest.raises(SystemExit):
        reader.read(COMMANDS[name], ["--help"])
    text = " ".join(capsys.readouterr().out.split())

    assert COMMANDS[name].sentence in text
    for each in parts(COMMANDS[name]):
        assert " ".join(each.help.split()) in text
        assert each.metavar in text


@pytest.mark.parametrize("reader", READERS)
def test_overview(reader: Any) -> None:
    """The help of otpsup has every command, and the exit codes."""
    text = " ".join(reader.overview().split())

    for command in COMMANDS.values():
        assert f" {command.name} " in text
    assert "Exit codes: 0 done, 1 the tree, or the input, said no, 2" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there(name: str) -> None:
    """What the table names can be loaded."""
    from otpsup.cli.main import _function

    assert callable(_function(COMMANDS[name]))


def without_extras(tmp_path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """A command as it runs with the core alone."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('click', 'rich', 'pygments', 'markdown_it'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    argv = [sys.executable, "-m", "otpsup", *args]
    return subprocess.run(argv, cwd=ROOT, env=env, text=True, capture_output=True, check=False)


def test_an_option_before_the_command() -> None:
    """Who writes an option first, as in other programs, is told where it goes."""
    for words in (["--tree", "shop", "status"], ["--tree=shop", "status"]):
        told = "options come after the command, as in `otpsup status --tree ...`"
        result = otpsup(*words)
        assert result.returncode == 2
        assert told in result.stderr


def test_with_the_core_alone(tmp_path: Path) -> None:
    """Without click there is the same help, the same refusals and the same exit codes."""
    result = without_extras(tmp_path, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == by_argparse.overview()

    wrong = without_extras(tmp_path, "status", "--jsno")
    assert wrong.returncode == 2
    assert wrong.stderr == (
        "usage: otpsup status [PATH...] [--json] [--tree NAME] [--socket PATH]\n"
        "otpsup: there is no option '--jsno'; did you mean '--json'?\n"
    )
