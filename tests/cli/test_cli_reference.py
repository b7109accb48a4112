"""The list of commands in the reference is made from the table, and says what that says."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from attrs import evolve

from otpsup.cli.commands import COMMANDS
from tests.support import ROOT


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cli_reference", ROOT / "docs/cli_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference: Any = _load()


def test_page_is_up_to_date() -> None:
    """What is committed is what the script would write now; `--check` says so."""
    argv = [sys.executable, "docs/cli_reference.py", "--check"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    checked = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    page = reference.PAGE.read_text()
    assert page == reference.page(page, COMMANDS), "run python docs/cli_reference.py"
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_change_is_seen(name: str) -> None:
    """A command that differs makes another page; what is written by hand stays."""
    page = reference.PAGE.read_text()
    changed = {**COMMANDS, name: evolve(COMMANDS[name], help="do something else")}
    other = reference.page(page, changed)

    assert "Do something else." in other
    assert other != page
    assert reference.page(other, COMMANDS) == page


def test_every_command_and_option_is_there() -> None:
    """Nothing that can be typed is missing; what most commands take is told once."""
    page = reference.PAGE.read_text()
    for command in COMMANDS.values():
        section = page.partition(f"\n### {command.name}\n")[2].partition("\n##")[0]
        for option in command.options:
            assert option.flags[-1] in section
        for argument in command.arguments:
            assert argument.metavar.replace("|", "\\|") in section or argument.metavar in section
