"""The picture in FastBlog's README is the one that its tree gives."""

from __future__ import annotations

from examples.fastblog.tree import build
from otpsup.graph import render
from tests.support import ROOT


def test_picture() -> None:
    """`otpsup graph examples.fastblog.tree --format svg > examples/fastblog/tree.svg` was run."""
    assert (ROOT / "examples/fastblog/tree.svg").read_text().strip() == render(
        build(), "svg"
    ).strip()
