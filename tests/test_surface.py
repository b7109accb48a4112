"""What `import otpsup` gives, what it costs, and what it leaves alone."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import otpsup
from tests.support import ROOT

SOURCE = Path(otpsup.__file__)


def fresh(code: str) -> Any:
    """What a fresh interpreter prints as JSON."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


def declared() -> dict[str, str]:
    """The names that type checkers see, and the module of each."""
    conditions = (node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If))
    (block,) = (node for node in conditions if ast.unparse(node.test) == "TYPE_CHECKING")
    found = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for name in node.names:
            assert name.name == name.asname, "only `X as X` is exported (PEP 484)"
            found[name.name] = node.module or ""
    return found


def test_one_list_of_names() -> None:
    """Type checkers, `__all__`, `dir()` and the running program agree on what is public, and on
    where it comes from."""
    names = declared()
    assert otpsup.__all__ == sorted(names)
    assert set(names) <= set(dir(otpsup))
    for name, module in names.items():
        home = importlib.import_module(f"otpsup.{module}")
        assert getattr(otpsup, name) is getattr(home, name)


@pytest.mark.parametrize("name", otpsup.__all__)
def test_public_names_are_documented(name: str) -> None:
    """Every public name, and every public method of a public class, says what it is."""
    value = getattr(otpsup, name)
    assert inspect.getdoc(value)
    if inspect.isclass(value):
        own = [m for m in value.__mro__ if m.__module__.startswith("otpsup")]
        members = {k: v for c in own for k, v in vars(c).items() if not k.startswith("_")}
        for key, member in members.items():
            if inspect.isfunction(member) or isinstance(member, property):
                assert inspect.getdoc(member), f"{name}.{key}"


def test_every_error_is_public() -> None:
    """Whatever class of error a tree answers with can be caught by its name in otpsup."""
    from otpsup import errors

    for value in vars(errors).values():
        if inspect.isclass(value) and "code" in vars(value):
            assert getattr(otpsup, value.__name__) is value


def test_unknown_names() -> None:
    """A name that is not there is an AttributeError, and an ImportError where it is imported."""
    with pytest.raises(AttributeError, match="module 'otpsup' has no attribute 'Spervisor'"):
        otpsup.Spervisor  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(otpsup, "__path_hooks__")
    with pytest.raises(ImportError, match="cannot import name 'Spervisor'"):
        exec("from otpsup import Spervisor")


def test_star() -> None:
    """`from otpsup import *` brings all public names and no others."""
    space: dict[str, Any] = {}
    exec("from otpsup import *", space)
    assert set(space) - {"__builtins__"} == set(otpsup.__all__)


LOADED = "import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("otpsup", {"asyncio", "attr", "loguru", "multiprocessing", "psutil", "yaml", "socket"}),
        ("otpsup.child", {"asyncio", "loguru", "multiprocessing", "psutil"}),
        ("otpsup.control.client", {"asyncio", "loguru", "multiprocessing", "psutil", "yaml"}),
        ("otpsup.cli", {"asyncio", "loguru", "multiprocessing", "psutil", "yaml"}),
        ("otpsup.specs", {"asyncio", "loguru", "multiprocessing", "psutil", "yaml"}),
    ],
)
def test_what_an_import_costs(module: str, heavy: set[str]) -> None:
    """Who imports a part of otpsup does not pay for the rest: a child has no event loop."""
    assert not heavy & set(fresh(LOADED.format(module=module)))


HOST = """
    import json, logging, signal, sys, threading
    from loguru import logger

    lines = []
    logger.remove()
    logger.add(lambda m: lines.append(str(m).strip()), format="{name}|{message}", level="DEBUG")
    logging.basicConfig(format="mine: %(message)s")

    def setup():
        root = logging.getLogger()
        return [
            sorted(logger._core.handlers), [repr(h) for h in root.handlers], root.level,
            repr(logging.lastResort), repr(logging.getLoggerClass()), logging.root.manager.disable,
            [repr(signal.getsignal(s)) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)],
            repr(sys.excepthook), repr(threading.excepthook),
        ]

    before = setup()
    BEFORE
    import otpsup
    tree = otpsup.Tree(otpsup.Supervisor("t", children=[otpsup.Command("c", ["sleep", "100"])]))
    AFTER
    with tree:
        logger.info("mine")
        during = setup()
    print(json.dumps([lines, before == during == setup()]))
"""


def hosted(before: str = "", after: str = "") -> list[str]:
    """What a host's own handler writes while a tree runs; its set-up must stay as it is."""
    lines, is_untouched = fresh(HOST.replace("BEFORE", before).replace("AFTER", after))
    assert is_untouched
    assert "__main__|mine" in lines
    return [line for line in lines if line.startswith("otpsup")]


def test_a_hosts_logging_is_left_alone() -> None:
    """A tree adds and removes no handlers of loguru or logging, and in a host takes no signals and
    no hooks; its own log is silent."""
    assert hosted() == []


ENABLE = 'logger.enable("otpsup")'


@pytest.mark.parametrize(
    "when",
    [
        {"before": ENABLE},
        pytest.param({"after": ENABLE}, marks=pytest.mark.slow),
        pytest.param({"before": f"import otpsup; {ENABLE}; otpsup.Tree"}, marks=pytest.mark.slow),
    ],
)
def test_the_log_on_demand(when: dict[str, str]) -> None:
    """`logger.enable("otpsup")` switches the log on, before or after the first use of Tree."""
    assert any("t: c is up (pid " in line for line in hosted(**when))


@pytest.mark.parametrize(
    "when",
    [
        {"before": 'logger.disable("otpsup")'},
        pytest.param(
            {"before": ENABLE, "after": 'logger.disable("otpsup")'}, marks=pytest.mark.slow
        ),
    ],
)
def test_the_log_off_again(when: dict[str, str]) -> None:
    """`logger.disable("otpsup")` keeps it silent."""
    assert hosted(**when) == []
