"""The tables of routes in the reference are made from the table that the server goes by."""

from __future__ import annotations

import subprocess
import sys

from otpsup.web.routes import ROUTES
from tests.support import ROOT


def test_page_is_up_to_date() -> None:
    """What is committed is what the script would write now, and every route is there."""
    argv = [sys.executable, "-m", "docs.rest_reference", "--check"]
    checked = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, ""), "run python docs/rest_reference.py"
    page = (ROOT / "docs/reference/rest.md").read_text()
    assert all(f"| `{route.method} {route.path}` |" in page for route in ROUTES)
