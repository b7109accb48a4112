"""Tree files: which files belong together, what they share, and the tree that they are.

Decides what may stand at the top of a file. What a child is, is `build`'s matter.
"""

from __future__ import annotations

import glob
import os
import re
from collections import ChainMap
from collections.abc import Mapping as MappingType
from pathlib import Path

from attrs import define, field

from ..errors import InvalidSpec
from ..runtime import env_files
from ..runtime.env_files import Unusable
from ..specs import ChildSpec, DynamicSupervisor, Supervisor
from ..specs.check import shown
from ..specs.plugin import PluginSpec
from . import compose, json_text, text
from .build import Surroundings, below_spec, check_base, check_defaults, children, one, template
from .forms import BAD, Several, Text, read
from .inherit import Bases, over_defaults
from .nodes import List, Mapping, Node, Scalar, Source, is_nothing
from .plugins import read_plugins
from .records import read_fields
from .report import Place, Report
from .siblings import Built, check_log_files
from .variables import Scope
from .vocabulary import KINDS, ROOT, SHARED, belongs_to

MOST_FILES = 1000
_LONGEST_PATH = 1000
"""Of a pattern. A path of more than 4096 bytes is none (PATH_MAX), and a pattern is taken apart
folder by folder, each in a call of its own."""

Above = Supervisor | DynamicSupervisor


def load(path: str | os.PathLike[str], environ: MappingType[str, str] | None = None) -> Above:
    """The tree in a file, YAML or, if its name ends in `.json`, JSON. Starts nothing.

    Args:
        path: of the file; what it includes is read, too.
        environ: the variables for `${NAME}`; those of this process if not given.

    Raises:
        InvalidFile: all that is wrong, each with file, line, column and what to do.
    """
    spec, _ = load_with_plugins(path, environ)
    return spec


def load_with_plugins(
    path: str | os.PathLike[str], environ: MappingType[str, str] | None = None
) -> tuple[Above, dict[str, PluginSpec]]:
    """The tree in a file, and the settings of its plug-ins by name; else as `load`."""
    reader = _Reader(os.environ if environ is None else environ)
    file = reader.top(os.fspath(path))
    spec = None if file is None else _tree(reader, file)
    plugins = {} if file is None else _plugins(reader, file)
    reader.report.stop_if_any()
    assert spec is not None
    return spec, plugins


def load_children(
    path: str | os.PathLike[str] | None = None,
    *,
    text: str | None = None,
    environ: MappingType[str, str] | None = None,
) -> list[ChildSpec]:
    """The children in a file or a text: one, a mapping with `name`, or several under `children`.

    They may be after siblings that are not in the file.

    Args:
        path: of a file; or
        text: YAML or JSON; paths in it are relative to the current folder.
        environ: as for `load`.

    Raises:
        InvalidFile: as `load`.
    """
    reader = _Reader(os.environ if environ is None else environ)
    file = reader.of_text(text) if text is not None else reader.top(os.fspath(path or ""))
    found = [] if file is None else _children(reader, file)
    reader.report.stop_if_any()
    return [each.spec for each in found]


@define
class _File:
    """One file, and those that it includes.

    Attributes:
        node: without what all files share.
        defaults: that stand in it.
    """

    node: Mapping
    defaults: Node | None = None
    included: list[_File] = field(factory=list)


@define
class _Reader:
    """Reads files, and gathers what they share."""

    environ: MappingType[str, str]
    report: Report = field(factory=Report)
    bases: Bases = field(factory=Bases)
    env_files: dict[str, str] = field(factory=dict)
    variables: dict[str, str] = field(factory=dict)
    hidden: set[str] = field(factory=set)
    count: int = 0

    @property
    def scope(self) -> Scope:
        """The environment's win over those of env files, and these over others. Those of now, and
        whatever is added to them: there may be very many, to be copied for each."""
        values = ChainMap(self.environ, self.env_files, self.variables)  # type: ignore[arg-type]
        return Scope(values, hidden=self.hidden)

    def around(self, defaults: Mapping | None) -> Surroundings:
        """What children get; also copies of them that are made later."""
        scope = Scope({**self.variables, **self.env_files, **self.environ}, hidden=self.hidden)
        return Surroundings(self.bases, scope, defaults)

    def top(self, path: str) -> _File | None:
        """The file that was asked for, with all that it includes."""
        source = self._source(path, path)
        node = _node(source, path, self.report)
        return None if node is None else self._file(node, [os.path.realpath(path)])

    def of_text(self, content: str) -> _File | None:
        """What would be a file with this text in the current folder."""
        source = self._source("<text>", "text")
        try:
            content = text.decoded(content.encode())
        except (text.Unreadable, UnicodeEncodeError) as error:
            self.report.add(source, 0, 0, "", str(error))
            return None
        node = _composed(source, content, self.report)
        return None if node is None else self._file(node, [])

    def _source(self, name: str, path: str) -> Source:
        self.count += 1
        return _source(name, path, self.count)

    def _file(self, node: Node, chain: list[str]) -> _File | None:
        if not isinstance(node, Mapping):
            Place(self.report).refuse(node, "a mapping with 'name' and 'children'")
            return None
        shared = {key: node.get(key) for key in SHARED}
        rest = node.without(key for key in node.entries if key in SHARED or _is_ignored(key))
        file = _File(rest, shared["defaults"])
        self._share(shared)
        self._include(file, shared["include"], chain)
        return file

    def _share(self, shared: MappingType[str, Node | None]) -> None:
        place = Place(self.report)
        self._read_env_files(shared["env_files"], place.at("env_files"))
        for key, node in _entries(shared["variables"], place.at("variables"), "names and values"):
            self._variable(key, node, place.at("variables").at(key.text))
        for key, node in _entries(shared["bases"], place.at("bases"), "names and children"):
            self._base(key, node, place.at("bases").at(key.text))
        if shared["defaults"] is not None:
            check_defaults(shared["defaults"], self.scope, place.at("defaults"))

    def _read_env_files(self, node: Node | None, place: Place) -> None:
        found: dict[str, str] = {}
        for item, path in self._paths(node, place):
            try:
                text.require_regular(path)
                found |= env_files.variables(Path(path))
            except (Unusable, text.Unreadable, OSError, ValueError) as error:
                place.say(item, f"cannot use {shown(path)}: {_words(error)}")
        self.env_files = {**found, **self.env_files}

    def _paths(self, node: Node | None, place: Place) -> list[tuple[Node, str]]:
        """The absolute paths in a list, or of one text."""
        if node is None:
            return []
        filled = self.scope.fill(node, place)
        items = filled.items if isinstance(filled, List) else [filled]
        texts = read(Several(Text("a path"), "a path, or several"), filled, place)
        if texts is BAD:
            return []
        return [
            (item, os.path.join(item.source.folder, each))  # noqa: PTH118 (as glob wants it)
            for item, each in zip(items, texts, strict=True)
        ]

    def _variable(self, key: Scalar, node: Node, place: Place) -> None:
        if not _VARIABLE.fullmatch(key.text) or key.text == "copy":
            place.say(key, f"{shown(key.text)} is no name of a variable; it is of letters and _")
        elif not is_nothing(node):
            filled = self.scope.fill(node, place)
            value = read(Text(), filled, place)
            if value is not BAD:
                self.variables.setdefault(key.text, value)
            if isinstance(filled, Scalar) and filled.is_hidden:
                self.hidden.add(key.text)

    def _base(self, key: Scalar, node: Node, place: Place) -> None:
        if isinstance(node, Mapping):
            check_base(node, place)
            self.bases.add(key.text, node)
        else:
            place.refuse(node, "a mapping of what children have in common")

    def _include(self, file: _File, node: Node | None, chain: list[str]) -> None:
        place = Place(self.report).at("include")
        for item, path in self._paths(node, place):
            for each in _matches(path):
                if (included := self._included(item, each, chain, place)) is not None:
                    file.included.append(included)

    def _included(self, item: Node, path: str, chain: list[str], place: Place) -> _File | None:
        real = os.path.realpath(path)
        if real in chain:
            names = [Path(each).name for each in [*chain[chain.index(real) :], real]]
            place.say(item, f"this never ends: {' includes '.join(names)}")
            return None
        if self.count >= MOST_FILES:
            place.say(item, f"more than {MOST_FILES} files")
            self.report.stop_if_any()
        source = self._source(_shown_path(item.source, path), path)
        try:
            content = text.read(path)
        except text.Unreadable as error:
            place.say(item, f"cannot include {shown(source.name)}: {error}")
            return None
        node = _composed(source, content, self.report)
        file = None if node is None else self._file(node, [*chain, real])
        if file is not None:
            _require_part(file, Place(self.report))
        return file


def file_node(path: str, report: Report) -> Node | None:
    """What is in one file; None, and a problem, if it cannot be read."""
    return _node(_source(path, path, 1), path, report)


def _source(name: str, path: str, number: int) -> Source:
    folder = Path(os.path.abspath(path or ".")).parent  # noqa: PTH100 (keeps symlinks)
    return Source(name, folder, number)


def _node(source: Source, path: str, report: Report) -> Node | None:
    try:
        return _composed(source, text.read(path), report)
    except text.Unreadable as error:
        report.add(source, 0, 0, "", str(error))
        return None


def _composed(source: Source, content: str, report: Report) -> Node | None:
    if source.name.endswith(".json"):
        return json_text.compose(source, content, report)
    return compose.compose(source, content, report)


def _matches(path: str) -> list[str]:
    """The path itself, or what a pattern stands for, which may be nothing."""
    is_pattern = glob.has_magic(path) and len(path) <= _LONGEST_PATH
    return sorted(glob.glob(path)) if is_pattern else [path]  # noqa: PTH207


_VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def _words(error: Exception) -> str:
    return error.strerror or "" if isinstance(error, OSError) else str(error)


def _shown_path(source: Source, path: str) -> str:
    """An included file's name, relative to the same folder as that of the file that includes it."""
    given = Path(source.name)
    return path if given.is_absolute() else str(given.parent / os.path.relpath(path, source.folder))


def _is_ignored(key: str) -> bool:
    return key.startswith("x-") or key == "$schema"


def _entries(node: Node | None, place: Place, what: str) -> list[tuple[Scalar, Node]]:
    if node is None:
        return []
    if not isinstance(node, Mapping):
        place.refuse(node, f"a mapping of {what}")
        return []
    return [(entry.key, entry.value) for entry in node.entries.values()]


def _require_part(file: _File, place: Place) -> None:
    """An included file has children, and nothing that is said of a tree."""
    for key, entry in file.node.entries.items():
        if key in ROOT and key != "children":
            place.at(key).say(
                entry.key,
                f"{shown(key)} is for a tree, and this file is included by one; "
                "put a supervisor with it among the children",
            )
        elif key != "children":
            place.unknown_key(entry.key, ["children", *SHARED])


def _found(reader: _Reader, file: _File, above: Mapping | None) -> list[Built]:
    """The children in a file, those of included files first."""
    defaults = over_defaults(above, file.defaults)
    found = [each for included in file.included for each in _found(reader, included, defaults)]
    place = Place(reader.report).at("children")
    return [*found, *children(file.node.get("children"), reader.around(defaults), place)]


def _tree(reader: _Reader, file: _File) -> Above | None:
    place, node = Place(reader.report), file.node
    kind = KINDS["template" if node.get("template") is not None else "children"]
    known = [key for key in ROOT if key in (*kind.known, "plugins")]
    for key, entry in node.entries.items():
        if key not in known:
            place.unknown_key(entry.key, [*known, *SHARED], belongs_to(key, kind.key))
    others = [*node.entries.keys() - known, kind.key, "plugins"]
    own = reader.scope.fill(node.without(others), place)
    assert isinstance(own, Mapping)
    values = read_fields(kind.cls, {k: kind.keys[k] for k in own.entries}, own, place)
    if "name" not in values:
        place.say(node, "'name' is missing: of the tree")
    below = _below(reader, file, kind.key, place)
    values[kind.key] = below_spec(kind, values, below)
    check_log_files(below)
    if reader.report.problems:
        return None
    try:
        return kind.cls(**values)  # type: ignore[return-value]
    except InvalidSpec as error:
        place.say(node, error.problem)
        return None


def _plugins(reader: _Reader, file: _File) -> dict[str, PluginSpec]:
    node, place = file.node.get("plugins"), Place(reader.report).at("plugins")
    return {} if node is None else read_plugins(reader.scope.fill(node, place), place)


def _below(reader: _Reader, file: _File, key: str, place: Place) -> list[Built]:
    node = file.node.get(key)
    if key == "template":
        if file.included:
            place.say(file.node, "a tree of one template has no other children; include none")
        around = reader.around(over_defaults(None, file.defaults))
        return template(node, around, place.at("template"))
    if node is None and not file.included:
        place.say(file.node, "'children' is missing: a list, or a mapping from names")
    return _found(reader, file, None)


def _children(reader: _Reader, file: _File) -> list[Built]:
    """As `_tree`, for children that are added to one."""
    if "name" not in file.node.entries:
        _require_part(file, Place(reader.report))
        return _found(reader, file, None)
    around = reader.around(over_defaults(None, file.defaults))
    return one(file.node, around, Place(reader.report))
