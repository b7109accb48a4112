"""Documents for tree files: values that are right or wrong for each key, and wild ones for any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import otpsup
from otpsup.config.vocabulary import DEFAULTS, KINDS
from otpsup.specs import ChildSpec

GOOD: dict[str, list[Any]] = {
    "restart": ["permanent", "transient", "temporary"],
    "shutdown": [0, 2.5, "10s", "1m 30s", "brutal_kill", "infinity"],
    "autostart": [True, False],
    "significant": [False],
    "backoff": [{}, {"initial": 1, "max": "1m"}, {"jitter": 0.5, "factor": 3, "reset_after": "2h"}],
    "after": ["first", ["first"], "completed(first)", [{"started": "first"}], []],
    "ready": ["spawned", "notify", {"port": 80}, {"port": {"port": 80, "interval": "50ms"}},
              {"http": "http://localhost/"}, {"http": {"url": "https://x", "status": 204}},
              {"log_line": "up"}, {"stays_up": "5s"}, {"stays_up": {"seconds": 1}},
              {"notify": {"fd": 3}}, {"notify": {}}, {"probe": "app.web:is_up"},
              {"probe": {"function": "app:up", "timeout": 3}}],
    "start_timeout": [1, 0.5, "2m"],
    "stop_signal": ["INT", "sigint", 15, "SIGUSR1"],
    "exitcodes": [0, [0, 2], [], 255.0],
    "environment": [{}, {"A": "b"}, {"A": 1.5, "B": True, "C": None, "D": ""}],
    "inherit_env": ["all", "none", ["PATH", "LANG"], []],
    "env_file": ["a.env", ["a.env", "/b.env"], []],
    "secrets": [{}, {"DB_PASSWORD": "/run/secrets/db"}, {"A": None}],
    "cwd": ["srv", "/srv/app", ".."],
    "user": ["www-data", 0, 1000],
    "group": ["adm", 4],
    "umask": ["022", "0o77", "7", 0],
    "nice": [-20, 0, 19],
    "rlimits": [{}, {"nofile": 4096}, {"RLIMIT_CORE": [0, "unlimited"], "as": -1}],
    "stdout": ["inherit", "null", "./a.log", {"file": "logs/a.log", "max_bytes": "10MB"},
               {"file": "a", "every": "day", "max_age": "7d", "compress": True, "backups": 0},
               {"inherit": "stderr", "format": "json"}, {"format": "full"}, "/dev/null"],
    "stderr": ["inherit", "null", "stdout", "./b.log", {"file": "b", "max_total": "1GiB"}],
    "before_start": [["true"], "app.db:create", {"command": "a b", "timeout": "10s"}],
    "after_ready": [{"worker": "app:warm"}, {"command": ["a", 1]}],
    "after_exit": [["rm", "-f", "x"], {"worker": "app:sweep", "command": None}],
    "args": [[], [1, "two", None, {"x": [True]}]],
    "kwargs": [{}, {"port": 8001, "x": None, "y": {"z": [1.5]}}],
    "start_method": ["zygote", "spawn", "forkserver", "fork"],
    "strategy": ["one_for_one", "one_for_all", "rest_for_one"],
    "intensity": [0, 3, 10],
    "period": [5, "1m", 0.5],
    "parallel": [True, False],
    "auto_shutdown": ["never", "any_significant", "all_significant"],
    "max_children": [0, 100],
    "copies": [0, 1, 3],
    "command": ["serve --port 80", ["serve", 80, True], "'a b' c"],
    "worker": ["app.web:serve", "a:b.c"],
}  # fmt: skip
"""For each key what is right, as long as a child `first` is there and ends."""

WILD: list[Any] = [
    None, True, False, 0, 1, -1, 3, 2.5, 80, 255, 256, 10**6, "", " ", "x", "a/b", "a b", "10s",
    "0s", "0", "5", "-1", "1e3", "022", "0o22", "10MB", "all", "none", "null", "inherit", "stdout",
    "stderr", "unlimited", "notify", "spawned", "infinity", "app.web:serve", "app.web", "first",
    "completed(first)", "completed(", "#", "a\nb", "a\x00b", "TERM", "SIGX", "permanent", "day",
    "json", "http://x/", "ftp://x", [], [[]], {}, [1], ["x"], ["a", None], [1, 2], {"x": 1},
    {"A": "b"}, {"A=": "b"}, {"": 1}, {"port": 1}, {"port": 1, "http": "http://x"}, {"file": "a"},
    {"command": "x"}, {"command": "x", "worker": "a:b"}, {"name": "x", "command": "y"},
    {"format": "json"}, {"initial": 2}, {"initial": 0}, {"nofile": [1, 2]}, {"nofile": [1]},
    {"timeout": 1}, {"seconds": 1}, {"completed": "first"}, {"fd": 2}, {"interval": 1},
]  # fmt: skip
"""Values that are right for some key, and wrong for others."""

RUN = ("command", "worker")
KEYS = {
    key: [each for each in kind.keys if each in GOOD and each not in KINDS]
    for key, kind in KINDS.items()
}


@st.composite
def children(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """A child without a name, in which all is right."""
    kind = draw(st.sampled_from(RUN if depth == 0 else tuple(KINDS)))
    child: dict[str, Any] = {}
    for key in draw(st.lists(st.sampled_from(KEYS[kind]), max_size=4, unique=True)):
        if key not in ("significant", "after") or draw(st.booleans()):
            child[key] = draw(st.sampled_from(GOOD[key]))
    if kind in RUN:
        child[kind] = draw(st.sampled_from(GOOD[kind]))
    elif kind == "template":
        template = draw(children(depth - 1))
        template.pop("after", None)
        template.pop("copies", None)
        child["template"] = {**template, "name": "job"}
    else:
        child["children"] = draw(families(depth - 1))
    if draw(st.integers(0, 5)) == 0:
        child["copies"] = draw(st.sampled_from(GOOD["copies"]))
    return child


FIRST = {"command": "prepare", "restart": "transient"}


@st.composite
def families(draw: st.DrawFn, depth: int = 2) -> Any:
    """Children with names, the first of them `first`; a list or a mapping."""
    others = draw(st.lists(children(depth), max_size=3))
    named = {"first": FIRST} | {f"child {n}": child for n, child in enumerate(others)}
    if draw(st.booleans()):
        return named
    return [{"name": name, **child} for name, child in named.items()]


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """A tree file in which all is right."""
    tree: dict[str, Any] = {"name": "tree"}
    for key in draw(
        st.lists(st.sampled_from(["strategy", "intensity", "period", "shutdown"]), unique=True)
    ):
        tree[key] = draw(st.sampled_from(GOOD[key]))
    if draw(st.booleans()):
        keys = [key for key in GOOD if key in DEFAULTS]
        chosen = draw(st.lists(st.sampled_from(keys), max_size=2, unique=True))
        tree["defaults"] = {key: draw(st.sampled_from(GOOD[key])) for key in chosen}
    if draw(st.integers(0, 3)) == 0:
        tree["variables"] = {"PORT": 8001, "NAME": None}
    tree["children"] = draw(families())
    return tree


@st.composite
def changed(draw: st.DrawFn, document: Any, keys: list[str]) -> Any:
    """The document with one thing in it changed."""
    if isinstance(document, dict) and document and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(list(document)))
        kind = draw(st.integers(0, 9))
        if kind == 0:
            return {k: v for k, v in document.items() if k != key}
        if kind == 1:
            return {**document, draw(st.sampled_from(keys)): draw(st.sampled_from(WILD))}
        return {**document, key: draw(changed(document[key], keys))}
    if isinstance(document, list) and document and draw(st.integers(0, 9)):
        at = draw(st.integers(0, len(document) - 1))
        return [*document[:at], draw(changed(document[at], keys)), *document[at + 1 :]]
    return draw(st.sampled_from(WILD))


def load(document: Any, folder: Path) -> Any:
    """The tree in a JSON file with this document."""
    path = folder / "tree.json"
    path.write_text(json.dumps(document))
    return otpsup.load(path, environ={})


def walk(spec: Any) -> list[ChildSpec]:
    """A spec and all below it."""
    below = [*getattr(spec, "children", ()), *filter(None, [getattr(spec, "template", None)])]
    return [spec, *(each for child in below for each in walk(child))]
