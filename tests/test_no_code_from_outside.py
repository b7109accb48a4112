"""No bytes from outside become code: where otpsup evaluates or unpickles, the bytes are its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import otpsup

PACKAGE = Path(otpsup.__file__).parent

FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "input",
    "pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.load", "marshal.loads",
    "shelve.open", "dill.load", "dill.loads", "yaml.load", "yaml.load_all", "yaml.unsafe_load",
    "yaml.full_load", "os.system", "os.popen", "reduction.ForkingPickler.loads",
    "subprocess.getoutput", "subprocess.getstatusoutput", "code.interact", "runpy.run_path",
    "runpy.run_module",
}  # fmt: skip

ALLOWED = {
    # An order of the host to its launcher or zygote, over a socketpair that children do not have:
    # it is close-on-exec, and a fork of the zygote closes it before the worker runs.
    ("runtime/launcher/server.py", "marshal.loads"),
    # The same, from the zygote to the fork of it that waits; and an order that the fork has made
    # itself, to have done that once.
    ("runtime/standby.py", "marshal.loads"),
    ("runtime/zygote.py", "marshal.loads"),
    # A worker's target and arguments, pickled by the host for the fork that reads them
    # (`workers.pickle`); as multiprocessing does it.
    ("runtime/workers.py", "pickle.loads"),
    # The line that somebody types at the shell; Python 3's, which evaluates nothing.
    ("cli/shell.py", "input"),
}


def dotted(node: ast.expr) -> str:
    """`pickle.load` for what is called so; nothing for what has no such name."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def names(tree: ast.Module) -> dict[str, str]:
    """What a module calls something, and what that is: `pickles` -> `pickle`, `loads` too."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = f"{node.module}." if node.module else ""
            found |= {a.asname or a.name: f"{module}{a.name}" for a in node.names}
    return found


def calls(path: Path) -> Iterator[str]:
    """What is called in a module, by the names of its makers."""
    tree = ast.parse(path.read_text())
    known = names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, _, rest = dotted(node.func).partition(".")
            name = known.get(first, first)
            yield f"{name}.{rest}" if rest else name
            shell = [k for k in node.keywords if k.arg == "shell"]
            if any(not isinstance(k.value, ast.Constant) or k.value.value for k in shell):
                yield "a shell"


def found_in(package: Path) -> set[tuple[str, str]]:
    return {
        (path.relative_to(package).as_posix(), call)
        for path in package.rglob("*.py")
        for call in calls(path)
        if call in FORBIDDEN or call == "a shell"
    }


@pytest.mark.slow
def test_bytes_from_outside_are_only_ever_data() -> None:
    """Nothing is evaluated, unpickled, unmarshalled or given to a shell, but for what the host
    itself has written to its own processes."""
    assert found_in(PACKAGE) == ALLOWED


def test_it_is_seen(tmp_path: Path) -> None:
    """The test above would see it, under whatever name it is called."""
    text = (
        "import pickle as p, yaml, subprocess\nfrom marshal import loads as read\n"
        "def f(x):\n    p.load(x), read(x), yaml.load(x), yaml.safe_load(x), eval(x)\n"
        "    subprocess.run(x, shell=True)\n    subprocess.run(x, shell=False)\n"
    )
    (tmp_path / "bad.py").write_text(text)
    found = {"pickle.load", "marshal.loads", "yaml.load", "eval", "a shell"}
    assert found_in(tmp_path) == {("bad.py", call) for call in found}
