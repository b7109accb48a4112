"""Sockets that commands serve: what cannot be had is said, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from otpsup.runtime.environment import Unusable
from otpsup.runtime.sockets import Sockets
from otpsup.specs import Socket


def test_a_path_that_is_too_long_for_a_socket(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="too long"):
        Sockets().hold("a", Socket(f"unix://{tmp_path}/{'x' * 200}"))


def test_an_owner_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no-such-user"):
        Sockets().hold("a", Socket(f"unix://{tmp_path}/s", owner="no-such-user"))
    assert not (tmp_path / "s").exists()


def test_a_folder_is_not_taken_away(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="in use"):
        Sockets().hold("a", Socket(f"unix://{tmp_path}"))
    assert tmp_path.is_dir()
