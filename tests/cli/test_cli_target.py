"""Which tree is meant: what `simulate` and `graph` take for one, in words and in modules."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from examples.fastblog.tree import build
from otpsup import Command, DynamicSupervisor, Supervisor
from otpsup.cli import target
from otpsup.cli.target import NoSuchTree, resolve
from otpsup.control import address
from otpsup.errors import NotRunning
from tests.cli.test_cli import done, refused
from tests.support.trees import running

NUMBERS = count()


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A current folder of one's own; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if getattr(sys.modules[name], "__file__", None) in {str(p) for p in tmp_path.rglob("*.py")}:
            del sys.modules[name]


def module(folder: Path, code: str) -> str:
    """A module in a folder, of a name that no other has."""
    name = f"shop_{next(NUMBERS)}"
    (folder / f"{name}.py").write_text(f"from otpsup import *\n{code}\n")
    return name


def refusal(text: str | None) -> str:
    """What is said of a text that names no tree."""
    with pytest.raises(NoSuchTree) as caught:
        resolve(text)
    return str(caught.value)


SPEC = "Supervisor('shop', children=[Command('a', ['true'])])"
SHOP = Supervisor("shop", children=[Command("a", ["true"])])


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (f"tree = {SPEC}", "tree"),
        (f"TREE = {SPEC}", "TREE"),
        (f"spec = {SPEC}", "spec"),
        (f"def build(): return {SPEC}", "build"),
        (f"def build(settings=None): return {SPEC}", "build"),
        (f"def tree(): return Tree({SPEC})", "tree"),
        (f"tree = Tree({SPEC}, name='x')", "tree"),
        (f"mine = {SPEC}", "mine"),
        (f"class A:\n  class B:\n    t = {SPEC}", "A.B.t"),
    ],
)
def test_whatever_stands_for_a_tree(code: str, name: str, here: Path) -> None:
    """A spec, a `Tree`, or a function without arguments that makes one; by its name in a module
    or in a file, and by its module alone if it is called as trees are."""
    found = module(here, code)
    assert resolve(f"{found}:{name}").spec == SHOP
    assert resolve(f"{found}.py:{name}").spec == SHOP
    assert resolve(f"{here / found}.py:{name}").spec == SHOP
    if name in ("tree", "TREE", "spec", "build"):
        assert resolve(found).spec == SHOP
        assert resolve(f"{found}.py").spec == SHOP
    assert resolve(f"{found}:{name}").states is None


def test_a_template_is_a_tree(here: Path) -> None:
    """The root may be a DynamicSupervisor."""
    found = module(here, "tree = DynamicSupervisor('pool', Command('a', ['true']))")
    assert resolve(found).spec == DynamicSupervisor("pool", Command("a", ["true"]))


def test_a_module_in_a_package() -> None:
    """A module is named as in an import, and its tree is what the module makes."""
    fastblog = resolve("examples.fastblog.tree").spec
    assert isinstance(fastblog, Supervisor)
    assert [c.name for c in fastblog.children] == [c.name for c in build().children]


def test_a_running_tree() -> None:
    """The name of a running tree, or nothing if it is the only one; with its states."""
    with running(Command("a", ["sleep", "1000"]), name="shop"):
        for text in ("shop", f"shop-{os.getpid()}", None):
            found = resolve(text)
            assert isinstance(found.spec, Supervisor)
            assert (found.spec.name, found.states) == ("shop", {"": "running", "a": "running"})


def test_a_running_tree_before_a_module(here: Path) -> None:
    """A running tree and a module of one name: it is the running tree that is meant."""
    found = module(here, f"tree = {SPEC}")
    with running(Command("b", ["sleep", "1000"]), name=found):
        spec = resolve(found).spec
        assert isinstance(spec, Supervisor)
        assert [child.name for child in spec.children] == ["b"]
        assert resolve(f"{found}:tree").spec == SHOP


def test_none_runs() -> None:
    """Where nothing runs, nothing can be meant by nothing."""
    with pytest.raises(NotRunning, match="no tree is running"):
        resolve(None)
    with pytest.raises(NotRunning, match="no tree answers at"):
        resolve("shop", socket=Path("/no/socket"))


@pytest.mark.parametrize("text", ["shop", "no.such.module", "shop-1", "a b", "ö", ".", "..", ".x"])
def test_neither_a_tree_nor_a_module(text: str) -> None:
    """What is neither is said to be none, with what runs, and how to name one in a module."""
    assert refusal(text) == (
        f"no tree {text!r} is running; running now: none; to name one in a module, write "
        "MODULE:NAME, as in examples.fastblog.tree:build; the name of a tree file ends with .yaml"
    )


@pytest.mark.parametrize(
    ("code", "name", "expected"),
    [
        (
            "x = 1",
            "",
            "what may be a tree in it: nothing; name one, as in {}:mytree",
        ),
        ("a = 1\nb = 2\n_c = 3", ":d", "module '{}' has no 'd'; what may be a tree in it: nothing"),
        (
            f"tree = {SPEC}",
            ":tree.x",
            "has no 'tree.x'; what may be a tree in it: tree",
        ),
        ("tree = 3", "", "{}:tree is int, and no tree; it must be a Supervisor, a Tree, or a "),
        ("tree = None", ":tree", "{}:tree is NoneType, and no tree; "),
        ("tree = [1]", "", "{}:tree is list, and no tree; "),
        ("tree = Command('a', ['true'])", "", "{}:tree is Command, and no tree; "),
        ("def tree(port): pass", "", "{}:tree cannot be called without arguments: TypeError: "),
        ("def tree(): pass", "", "{}:tree is NoneType, and no tree; "),
        ("def tree(): 1 / 0", "", "{}:tree failed: ZeroDivisionError"),
        ("def tree(): return Supervisor('a/b')", "", "InvalidSpec: Supervisor 'a/b': name must"),
        ("1 / 0", "", "cannot load '{}': ZeroDivisionError: division by zero"),
        ("import no_such_module", ":tree", "cannot load '{}': ModuleNotFoundError: No module"),
        ("tree = (", "", "cannot load '{}': SyntaxError: "),
        ("raise SystemExit(3)", "", "cannot load '{}': SystemExit: 3"),
        ("import sys; sys.exit()", ":tree", "cannot load '{}': SystemExit"),
        ("def tree(): raise SystemExit(3)", "", "SystemExit: 3"),
        ("tree = Supervisor", "", "cannot be called without arguments: TypeError"),
    ],
)
def test_no_tree_in_a_module(code: str, name: str, expected: str, here: Path) -> None:
    """What the module has in place of a tree is said, whatever its own code does."""
    found = module(here, code)
    assert expected.format(found) in refusal(f"{found}{name}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":", "cannot load ''"),
        (":tree", "cannot load ''"),
        ("no_such:tree", "cannot load 'no_such': ModuleNotFoundError: No module named 'no_such'"),
        ("json:", "module 'json' has no ''"),
        ("json:a:b", "module 'json' has no 'a:b'"),
        (".json:tree", "cannot load '.json': TypeError: "),
        ("nowhere.py", "cannot load 'nowhere.py': FileNotFoundError: "),
        ("nowhere.py:tree", "cannot load 'nowhere.py': FileNotFoundError: "),
        ("/.py:tree", "cannot load '/.py'"),
        (".py", "cannot load '.py'"),
    ],
)
def test_nonsense(text: str, expected: str, here: Path) -> None:
    """Nonsense is refused in the same way, without a traceback."""
    assert expected in refusal(text)


def test_a_file_does_not_take_a_module_s_place(here: Path) -> None:
    """A file that is called like a module of Python's own can be named, and harms nobody."""
    (here / "json.py").write_text(f"from otpsup import *\ntree = {SPEC}\n")
    before = sys.modules["json"]
    try:
        assert resolve("json.py:tree").spec == SHOP
        assert sys.modules["json"] is before
    finally:
        sys.modules["json"] = before


def test_files_of_one_name(here: Path) -> None:
    """Two files of one name in two folders are two."""
    for name in ("one", "two"):
        (here / name).mkdir()
        text = SPEC.replace("shop", name)
        (here / name / "shop.py").write_text(f"from otpsup import *\ntree = {text}\n")
        spec = resolve(f"{here}/{name}/shop.py").spec
        assert spec.name == name


def test_a_file_imports_what_is_beside_it(here: Path) -> None:
    """A module in the current folder finds its neighbours, as in a script."""
    other = module(here, f"tree = {SPEC}")
    found = module(here, f"from {other} import tree")
    assert resolve(found).spec == SHOP
    assert resolve(f"{found}.py").spec == SHOP


def test_a_folder_is_searched_once(here: Path) -> None:
    """However often one asks, `sys.path` does not grow."""
    found = module(here, f"tree = {SPEC}")
    for _ in range(3):
        resolve(found)
    assert sys.path.count(str(here)) <= 1


def test_on_the_command_line(here: Path) -> None:
    """A module may print when it is loaded; one that ends the program instead is an error like
    any other, and not a success without a word."""
    noisy = here / "noisy.py"
    noisy.write_text(f"from otpsup import *\nprint('loaded')\ntree = {SPEC}\n")
    assert "a is up again" in done("simulate", f"{noisy}:tree", "--kill", "a")
    leaving = here / "leaving.py"
    leaving.write_text("raise SystemExit(0)\n")
    assert "SystemExit" in refused(1, "simulate", f"{leaving}:tree", "--kill", "a")


def test_the_names_are_those_of_the_help() -> None:
    """A module that is named alone has its tree under one of few names, told if none is there."""
    assert ", ".join(target._NAMES) in refusal("json")
