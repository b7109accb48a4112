"""Which tree is meant: one that runs, by its name, one in a tree file, or one in a module, as
`module:name`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from attrs import field, frozen

from ..control.client import TreeClient
from ..errors import NotRunning, OtpsupError
from ..specs import DynamicSupervisor, Supervisor
from ..wire.outline import Outline

_NAMES = ("tree", "TREE", "spec", "build")
"""Where a tree is looked for in a module that is named alone."""
_TREE_FILES = (".yaml", ".yml", ".json")
"""What a tree file's name ends with."""


class NoSuchTree(OtpsupError):
    """What was named is no tree; says what was looked at and what would be one."""

    code = "no_such_tree"


@frozen
class Target:
    """A tree.

    Attributes:
        spec: as it was declared.
        states: of all its children by path, if it runs.
        outline: where it is, if it runs.
    """

    spec: Supervisor | DynamicSupervisor
    states: Mapping[str, str] | None = None
    outline: Outline | None = None

    @property
    def now(self) -> Supervisor | DynamicSupervisor:
        """As it is now: with the children that were added, without the deleted."""
        return self.outline.now() if self.outline else self.spec


def resolve(text: str | None, tree: str | None = None, socket: Path | None = None) -> Target:
    """The tree that is meant.

    Args:
        text: the name of a running tree, a tree file, `module:name`, `file.py:name`, or a module
            in which a tree is called `tree` or `build`; None is the only tree that runs.
        tree: the name of a running tree.
        socket: a running tree's control socket.

    Raises:
        NoSuchTree: nothing of that kind is there, or it is no tree.
        NotRunning: there is not just one tree that runs.
        InvalidFile: a tree file with problems.
    """
    if text is None or tree is not None or socket is not None:
        return _running(tree or text, socket)
    if ":" in text or is_tree_file(text):
        return Target(declared(text))
    try:
        return _running(text, None)
    except NotRunning as error:
        if _is_module(text):
            return Target(_in_module(text).spec)
        raise NoSuchTree(f"{error}; {_HINT}") from None


_HINT = (
    "to name one in a module, write MODULE:NAME, as in examples.fastblog.tree:build; the name of a "
    "tree file ends with .yaml"
)


@frozen
class Declared:
    """What a file or a module declares.

    Attributes:
        plugins: by their names.
    """

    spec: Supervisor | DynamicSupervisor
    plugins: Mapping[str, Any] = field(factory=dict)


def declared(text: str) -> Supervisor | DynamicSupervisor:
    """The tree of `declared_with_plugins`."""
    return declared_with_plugins(text).spec


def declared_with_plugins(text: str) -> Declared:
    """The tree that a file or a module declares; no running tree is looked for.

    Args:
        text: a tree file, `module:name`, `file.py:name`, or a module, as for `resolve`.

    Raises:
        NoSuchTree: nothing of that kind is there, or it is no tree.
        InvalidFile: a tree file with problems.
    """
    if is_tree_file(text):
        return _in_tree_file(Path(text))
    if ":" in text:
        module, _, name = text.partition(":")
        return _spec(_member(_module(module), name), text)
    if not _is_module(text):
        raise NoSuchTree(f"there is no module {text!r}; {_HINT}")
    return _in_module(text)


def is_tree_file(text: str) -> bool:
    """Whether a text names a tree file, which need not be there."""
    return text.endswith(_TREE_FILES)


def _in_tree_file(path: Path) -> Declared:
    """What it names is looked for in the current folder, and beside the file."""
    from ..config import load_with_plugins  # tree files cost more than most commands

    _look_here()
    _look_beside(path)
    return Declared(*load_with_plugins(path))


def _running(name: str | None, socket: Path | None) -> Target:
    with TreeClient.connect(name, socket) as client:
        states = {node.path: node.state for node in client.status().walk()}
        outline = client.outline()
    return Target(outline.spec, states, outline)


def _is_module(text: str) -> bool:
    _look_here()
    try:
        return text.endswith(".py") or importlib.util.find_spec(text) is not None
    except (Exception, SystemExit):  # whatever the code of a package above it raises
        return False


def _look_here() -> None:
    """The current folder is searched, whichever way this program was started."""
    if os.getcwd() not in sys.path and "" not in sys.path:  # noqa: PTH109 - sys.path holds texts
        sys.path.insert(0, os.getcwd())  # noqa: PTH109


def _look_beside(path: Path) -> None:
    """The folder of a file is searched after the current one."""
    folder = str(path.absolute().parent)
    if folder not in sys.path:
        sys.path.insert(1, folder)


def _in_module(text: str) -> Declared:
    module = _module(text)
    for name in _NAMES:
        if hasattr(module, name):
            return _spec(getattr(module, name), f"{text}:{name}")
    raise NoSuchTree(
        f"module {text!r} has none of {', '.join(_NAMES)}; {_trees(module)}; "
        f"name one, as in {text}:mytree"
    )


def _trees(module: ModuleType) -> str:
    """What in a module could be meant: trees, and functions of its own."""
    found = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and _may_be_tree(value, module)
    ]
    return f"what may be a tree in it: {', '.join(found) or 'nothing'}"


def _may_be_tree(value: Any, module: ModuleType) -> bool:
    if isinstance(value, FunctionType):
        return value.__module__ == module.__name__
    return isinstance(getattr(value, "spec", value), Supervisor | DynamicSupervisor)


def _module(name: str) -> ModuleType:
    _look_here()
    try:
        return _from_file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
    except (Exception, SystemExit) as error:  # whatever the module's own code raises
        raise NoSuchTree(f"cannot load {name!r}: {type(error).__name__}: {error}") from None


def _from_file(path: Path) -> ModuleType:
    _look_beside(path)
    name = f"{path.stem} (a file)"  # no module is called so, and none loses its place
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


def _member(module: ModuleType, name: str) -> Any:
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            raise NoSuchTree(f"module {module.__name__!r} has no {name!r}; {_trees(module)}")
        value = getattr(value, part)
    return value


def _spec(value: Any, text: str) -> Declared:
    """What stands for a tree declares: itself, a `Tree`, or a function that makes one."""
    if callable(value):
        try:
            value = value()
        except (Exception, SystemExit) as error:  # whatever the function raises
            what = (
                "cannot be called without arguments" if isinstance(error, TypeError) else "failed"
            )
            raise NoSuchTree(f"{text} {what}: {type(error).__name__}: {error}") from None
    plugins = getattr(value, "plugins", {}) if hasattr(value, "spec") else {}
    value = getattr(value, "spec", value)
    if not isinstance(value, Supervisor | DynamicSupervisor):
        raise NoSuchTree(
            f"{text} is {type(value).__name__}, and no tree; it must be a Supervisor, a Tree, or a "
            "function without arguments that returns one"
        )
    return Declared(value, plugins)
