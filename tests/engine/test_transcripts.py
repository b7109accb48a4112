"""Transcripts: what the engine makes of a story, told in readable lines.

`pytest tests/engine/test_transcripts.py --rewrite` writes down what the engine does now. Commit
only differences that you understand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.script import Script

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_transcript(file: Path, pytestconfig: pytest.Config) -> None:
    """The engine does what the transcript says, line by line."""
    expected = file.read_text()
    actual = Script.parse(expected).run().text()
    if pytestconfig.getoption("--rewrite"):
        file.write_text(actual)

        return

    assert expected == actual


def test_all_found() -> None:
    """The transcripts are there; an empty folder does not pass for success."""
    assert len(FILES) >= 25
