"""The page on tree files is made from the vocabulary, and says what that says."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Any

from otpsup.config.vocabulary import ALL_KEYS, ROOT, SHARED
from tests.support import ROOT as FOLDER


def _load() -> Any:
    path = FOLDER / "docs/tree_file_reference.py"
    spec = importlib.util.spec_from_file_location("tree_file_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_up_to_date() -> None:
    """What is committed is what the script would write now; `--check` says so."""
    reference = _load()
    argv = [sys.executable, "-m", "docs.tree_file_reference", "--check"]
    checked = subprocess.run(argv, cwd=FOLDER, capture_output=True, text=True, check=False)

    hint = "run python docs/tree_file_reference.py"
    assert reference.PAGE.read_text() == reference.page(), hint
    assert (checked.returncode, checked.stderr) == (0, "")


def test_every_key_is_on_it() -> None:
    """No key is left out."""
    page = _load().page()
    assert [key for key in (*ALL_KEYS, *ROOT, *SHARED) if f"`{key}`" not in page] == []
