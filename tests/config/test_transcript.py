"""What a file of seven mistakes gives: all of them, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import otpsup
from otpsup.config import compose

TRANSCRIPTS = Path(__file__).parent / "transcripts"

MESSAGE = """\
seven.yaml:3:1: stratgy: unknown key 'stratgy'; did you mean 'strategy'?
seven.yaml:5:16: defaults.stop_signal: must be a signal, not 'SIGTREM'
seven.yaml:9:13: children.db.ready.prot: unknown key 'prot'; did you mean 'port'?
seven.yaml:10:14: children.db.restart: must be one of 'permanent', 'transient', 'temporary', not \
'temporray'; did you mean 'temporary'?
seven.yaml:13:17: children.web.after[1]: 'web' is after 'cash', and there is no such child; did \
you mean 'cache'? (`after` names siblings only)
seven.yaml:14:15: children.web.shutdown: must be seconds, or a text such as '1m 30s', \
'brutal_kill', 'infinity', not '10 sec'
seven.yaml:16:5: children.cache.comand: unknown key 'comand'; did you mean 'command'?"""


def refused(path: str, environ: Any = None) -> otpsup.InvalidFile:
    with pytest.raises(otpsup.InvalidFile) as caught:
        otpsup.load(path, environ=environ or {})
    return caught.value


def test_seven_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mistake is told once, in the order of the file: where it is, and what would be right."""
    monkeypatch.chdir(TRANSCRIPTS)
    error = refused("seven.yaml")
    assert str(error) == MESSAGE
    assert [problem.line for problem in error.problems] == [3, 5, 9, 10, 13, 14, 16]
    assert error.problems[4].path == "children.web.after[1]"
    assert error.code == "invalid_file"


def test_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser in Python gives the same message."""
    monkeypatch.chdir(TRANSCRIPTS)
    monkeypatch.setattr(compose, "_FAST", yaml.BaseLoader)
    assert str(refused("seven.yaml")) == MESSAGE


def test_a_stranger_gets_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that came over the wire has the same text."""
    from otpsup.errors import by_code

    error = by_code("invalid_file", MESSAGE)
    assert isinstance(error, otpsup.InvalidFile)
    assert str(error) == MESSAGE
