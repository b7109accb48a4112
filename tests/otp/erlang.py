"""Runs scenarios on the real OTP supervisor, through the Erlang program beside this file."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCES = sorted(HERE.glob("*.erl"))

_RELEASE = "io:put_chars(erlang:system_info(otp_release)), halt()."


def is_installed() -> bool:
    """Whether there is an Erlang here (Debian: `erlang-base`)."""
    return shutil.which("erlc") is not None and shutil.which("erl") is not None


def release() -> str:
    """The OTP release, as in `25`."""
    argv = ["erl", "-noshell", "-noinput", "-eval", _RELEASE]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


class Otp:
    """The compiled program, in a folder of its own until `close`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="otpsup-otp-")
        self._path = Path(self._folder.name)
        subprocess.run(["erlc", "-o", self._folder.name, *map(str, SOURCES)], check=True)

    def run(self, scenarios: Sequence[Any]) -> list[Any]:
        """The traces of these scenarios."""
        given, found = self._path / "in.jsonl", self._path / "out.jsonl"
        given.write_text("".join(f"{json.dumps(scenario)}\n" for scenario in scenarios))
        argv = ["erl", "+S", "1", "-noshell", "-noinput", "-pa", str(self._path)]
        subprocess.run(
            [*argv, "-run", "otp_scenarios", "main", str(given), str(found)],
            check=True,
        )
        return [json.loads(line) for line in found.read_text().splitlines()]

    def close(self) -> None:
        """Take the folder away."""
        self._folder.cleanup()

    def __enter__(self) -> Otp:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
