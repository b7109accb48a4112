"""Tree files, YAML and JSON: a tree, or `InvalidFile` in words."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random
from typing import Any

import otpsup
from otpsup.config import dump
from otpsup.specs import ChildSpec
from tests.support import ROOT

from .mutate import hostile, scrambled
from .target import Target, Wrong, sound

FILES = (
    *(path.read_bytes() for path in sorted(ROOT.glob("examples/**/*.yaml"))),
    b"""name: shop
variables: {PORT: 80}
defaults: {environment: {LANG: C}, shutdown: 10s}
bases: {app: {cwd: srv, umask: 022}, web: {extends: app, ready: {port: "${PORT}"}}}
x-log: &log {max_bytes: 1MB}
children:
  db: {command: redis-server --port 1, stdout: {<<: *log, file: logs/db}, restart: transient}
  web: {extends: web, worker: "a.b:c", copies: 3, args: ["${copy}"], after: [completed(db)]}
  pool: {template: {name: job, command: [job, "${X:-y}"]}, max_children: 3}
""",
)
DOCUMENTS: tuple[Any, ...] = (
    {"name": "t", "children": {"a": {"command": ["x", 1], "copies": 2, "ready": {"port": 80}}}},
    {"name": "t", "bases": {"b": {"nice": 1}}, "children": [
        {"name": "a", "extends": "b", "worker": "a:b", "stdout": {"file": "a", "every": "day"}},
        {"name": "s", "children": [{"name": "c", "command": "x ${copy}", "copies": 2}]}]},
    {"name": "t", "variables": {"A": "${B:-c}"}, "template": {"name": "j", "command": "x ${A}"}},
)  # fmt: skip


class TreeFiles(Target):
    """(h) Files with a tree; what loads can be written, unless it has what no file can say."""

    name, share = "tree files", 10

    def open(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="otpsup-fuzz-")

    def make(self, random: Random) -> bytes:
        how = random.randrange(2)
        data = hostile(random, DOCUMENTS) if how else random.choice(FILES)
        while not how and random.random() < 0.7:
            data = scrambled(data, random, FILES)
        return bytes([how]) + data

    def feed(self, data: bytes) -> bool:
        path = Path(self._folder.name) / ("tree.json" if data[0] % 2 else "tree.yaml")
        path.write_bytes(data[1:])
        try:
            tree = otpsup.load(path, environ={"FASTBLOG_IPC_TOKEN": "x"})
        except otpsup.InvalidFile as error:
            for line in str(error).split("\n"):
                sound(line)
            if not error.problems:
                raise Wrong("refused without a reason") from None
            return False
        _can_be_written(tree)
        return True

    def close(self) -> None:
        self._folder.cleanup()


def _can_be_written(tree: ChildSpec) -> None:
    try:
        dump(tree)
    except otpsup.InvalidSpec as error:
        sound(str(error))
