"""The shape of the package: imports only point down the layers, and the pure parts stay pure.

DESIGN section 2. The last test prints how long functions and files are, beside the codebases that
otpsup takes for its models (`pytest tests/test_layers.py -s -k sizes`); it enforces nothing.
"""

from __future__ import annotations

import ast
import functools
import re
import statistics
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from attrs import frozen

import otpsup

PACKAGE = Path(otpsup.__file__).parent

LAYERS = (
    # A unit imports from its own line only what is its own, and from the lines above it.
    ("errors", "version"),
    ("mask", "plain"),
    ("logger",),
    ("complaints",),
    ("views",),
    ("statistics",),
    ("specs",),
    ("engine",),
    ("explain", "describe"),
    ("events",),
    ("wire",),
    ("verbs", "stream"),
    ("control",),
    ("child",),
    ("runtime",),
    ("log", "pid1", "systemd", "config"),
    ("operations",),
    ("plugins",),
    ("session",),
    ("aio",),
    ("tree",),
    ("program",),
)
"""Whatever is not named here (cli, config, testing, web, ...) is above all of these. A new module
that one of these needs gets its place here."""

PURE = ("engine", "wire")

IMPURE = {
    "asyncio",
    "concurrent",
    "datetime",
    "io",
    "logging",
    "loguru",
    "multiprocessing",
    "os",
    "pathlib",
    "psutil",
    "random",
    "secrets",
    "select",
    "selectors",
    "signal",
    "socket",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
}

EXCEPTIONS = {("otpsup.engine.reasons", "signal.Signals")}
"""The names of signals are no I/O."""

LAUNCHER = "otpsup.runtime.launcher"


@frozen
class Import:
    """One name that one module imports."""

    module: str
    target: str
    is_lazy: bool


def module_name(path: Path) -> str:
    """`otpsup.engine.node` for its file; a package's `__init__` has the package's name."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def is_type_checking(node: ast.AST) -> bool:
    """Whether this is `if TYPE_CHECKING:`."""
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Name | ast.Attribute):
        return False
    return ast.unparse(node.test).endswith("TYPE_CHECKING")


BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where a statement has others in it; no expression has an import, and most of a tree is those."""


def import_nodes(
    statements: Iterable[ast.AST], *, is_lazy: bool = False
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """All imports that happen at run time, and whether they wait for a call."""
    for each in statements:
        if isinstance(each, ast.Import | ast.ImportFrom):
            yield each, is_lazy
        elif is_type_checking(each):
            assert isinstance(each, ast.If)
            yield from import_nodes(each.orelse, is_lazy=is_lazy)
        else:
            within = is_lazy or isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            for block in BLOCKS:
                yield from import_nodes(getattr(each, block, ()), is_lazy=within)


def base_of(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of what comes after `from`."""
    if node.level == 0:
        return node.module or ""
    package = module.split(".")
    if FILES[module].name != "__init__.py":
        package = package[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *([node.module] if node.module else [])])


def imports_of(module: str) -> Iterator[Import]:
    """What a module imports, name by name: `otpsup.engine.plan.ChainPlan`, `heapq`."""
    for node, is_lazy in import_nodes(ast.parse(FILES[module].read_text()).body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, is_lazy)
        elif node.module != "__future__":
            for alias in node.names:
                yield Import(module, f"{base_of(module, node)}.{alias.name}", is_lazy)


@functools.cache
def all_imports() -> tuple[Import, ...]:
    """What all modules import; read when a test asks, not when tests are collected."""
    return tuple(found for module in FILES for found in imports_of(module))


def is_inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def unit_of(name: str) -> str:
    """`engine` for anything in `otpsup.engine`; nothing for the package itself and for others."""
    parts = name.split(".")
    return parts[1] if parts[0] == "otpsup" and len(parts) > 1 else ""


def level_of(unit: str) -> int:
    return next((n for n, units in enumerate(LAYERS) if unit in units), len(LAYERS))


def module_of(name: str) -> str | None:
    """The module of ours that an imported name leads to."""
    while name and name not in FILES:
        name = name.rpartition(".")[0]
    return name or None


def test_imports_point_down() -> None:
    """A module imports only from its own unit and from the layers below, even in its functions."""
    wrong = [
        f"{found.module} imports {found.target}"
        for found in all_imports()
        if (unit := unit_of(found.module)) not in ("", "__main__")
        and is_inside(found.target, "otpsup")
        and unit_of(found.target) != unit
        and (
            level_of(unit_of(found.target)) > level_of(unit)
            or (level_of(unit) < len(LAYERS) and level_of(unit_of(found.target)) == level_of(unit))
        )
    ]

    assert not wrong, "\n".join(wrong)


def test_the_design_page_has_all_layers() -> None:
    """The table of layers in docs/explanation/design.md is the one above, in its order."""
    page = (PACKAGE.parent / "docs/explanation/design.md").read_text()
    rows = re.findall(
        r"^\| (`.*?) \|", page.partition("## Layers")[2].partition("## ")[0], re.MULTILINE
    )
    told = [tuple(re.findall(r"`(\w+)`", row)) for row in rows]
    assert told[: len(LAYERS)] == list(LAYERS)
    top = {unit for units in told[len(LAYERS) :] for unit in units}
    assert top == {unit_of(name) for name in FILES} - {"", "__main__", *sum(LAYERS, ())}


def test_engine_and_wire_are_pure() -> None:
    """The decisions and the codecs read no clock, do no I/O, and know no thread."""
    wrong = [
        f"{found.module} imports {found.target}"
        for found in all_imports()
        if unit_of(found.module) in PURE
        and found.target.split(".")[0] in IMPURE
        and (found.module, found.target) not in EXCEPTIONS
    ]

    assert not wrong, "\n".join(wrong)


def test_launcher_is_stdlib_only() -> None:
    """What runs in the launcher's process imports nothing but Python's own library and itself."""
    wrong = [
        f"{found.module} imports {found.target}"
        for found in all_imports()
        if is_inside(found.module, LAUNCHER)
        and found.target.split(".")[0] not in sys.stdlib_module_names
        and not is_inside(found.target, LAUNCHER)
    ]

    assert not wrong, "\n".join(wrong)


def test_no_import_cycles() -> None:
    """No module waits for itself to be imported; imports for type checkers alone do not count."""
    graph: dict[str, set[str]] = {module: set() for module in FILES}
    for found in all_imports():
        target = module_of(found.target)
        if target is not None and target != found.module and not found.is_lazy:
            graph[found.module].add(target)
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for target in sorted(graph[module]):
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_the_walk_sees_imports() -> None:
    """The tests above look at something: known imports are among those found."""
    found = {(i.module, i.target) for i in all_imports()}

    assert ("otpsup.engine.order", "otpsup.engine.plan.ChainPlan") in found
    assert ("otpsup.engine.node", "otpsup.engine.purpose") in found
    assert ("otpsup.engine.timers", "heapq") in found
    assert ("otpsup.engine.reasons", "signal.Signals") in found
    assert ("otpsup.engine.purpose", "otpsup.engine.node.Node") not in found


# Sizes.

MODELS = """\
Elixir DynamicSupervisor   3 / 17 / 27
h11                        6 / 38 / 58
aioquic                    9 / 40 / 329
trio                       6 / 24 / 330
svcs                       7 / 26 / 38
stamina                    7 / 23 / 92
attrs                      7 / 41 / 256
circus (a counter-example) 6 / 29 / 194"""
"""Lines of a function's body: median / p90 / max."""


def body_lengths(path: Path) -> list[int]:
    """How many lines the body of each function has, without its docstring."""
    lengths = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            if body:
                lengths.append((body[-1].end_lineno or 0) - body[0].lineno + 1)
    return lengths


def summary(lengths: list[int]) -> str:
    ninth = statistics.quantiles(lengths, n=10, method="inclusive")[-1]
    return f"{statistics.median(lengths):g} / {ninth:.0f} / {max(lengths)}"


@pytest.mark.slow
def test_sizes() -> None:
    """Nothing is enforced: a number out of line is a question, not an error."""
    print("\nfunctions of the models, lines: median / p90 / max", MODELS, sep="\n")
    for package in (
        "otpsup",
        *(f"otpsup.{unit}" for unit in ("specs", *PURE, "runtime", "control")),
    ):
        paths = [path for name, path in FILES.items() if is_inside(name, package)]
        functions = [length for path in paths for length in body_lengths(path)]
        files = [len(path.read_text().splitlines()) for path in paths]
        print(f"{package:27}{summary(functions):16}files {summary(files)}")

        assert functions
