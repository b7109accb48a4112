"""Files that are garbage, for the command line; and what other programs leave in our folder."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from pathlib import Path
from random import Random

import tests.support  # noqa: F401 - its own folder for sockets
from otpsup.cli import main
from otpsup.control import address, last_words

from .codecs import SCENARIOS
from .mutate import hostile, scrambled
from .target import Target, Wrong, sound

MODULE = b"""from otpsup import Command, Supervisor, Worker, completed
tree = Supervisor("shop", strategy="rest_for_one", intensity=3, period=5, children=[
    Command("db", ["redis-server", "--port", "6380"], ready="notify"),
    Worker("web", "app.web:serve", restart="transient", shutdown=10, environment={"TOKEN": "s"}),
    Command("task", ["true"], after=["db"], restart="temporary"),
])
"""
WORDS = {
    "tree": "shop", "pid": 1, "at": 1e9, "kind": "gave_up", "text": "shop gave up",
    "story": ["1. db ended with SIGKILL", "2. that"], "began": 1e9,
}  # fmt: skip


class Files(Target):
    """The command line, in this process: an exit code and words, whatever is in the file."""

    name, share = "files for the command line", 3

    def open(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="otpsup-fuzz-")

    def make(self, random: Random) -> bytes:
        how = random.randrange(4)
        if how < 2:
            data = MODULE
            while random.random() < 0.8:
                data = scrambled(data, random, [MODULE])
        else:
            lines = SCENARIOS if how == 2 else (WORDS,)
            data = b"\n".join(hostile(random, lines) for _ in range(random.choice([1, 3])))
        return bytes([how]) + data

    def feed(self, data: bytes) -> bool:
        how, path = data[0] % 4, Path(self._folder.name) / "given.py"
        if how == 2:
            path = path.with_suffix(".jsonl")
        elif how == 3:
            path = address.directory() / f"shop-1{last_words._SUFFIX}"
        path.write_bytes(data[1:])
        argv = (
            ["graph", f"{path}:tree"],
            ["simulate", "--kill", "db", str(path)],
            ["simulate", str(path)],
            ["why", "--tree", "shop"],
        )[how]
        try:
            return self._call(argv) == 0
        finally:
            path.unlink()

    def _call(self, argv: list[str]) -> int:
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # what Python says of the garbage
            code = main(argv)
        if code not in (0, 1, 2, 3):
            raise Wrong(f"exit code {code}")
        for line in (out.getvalue() + err.getvalue()).split("\n"):
            sound(line, 1 << 20)
            if line.startswith("Traceback"):
                raise Wrong(err.getvalue())
        return code

    def close(self) -> None:
        self._folder.cleanup()
