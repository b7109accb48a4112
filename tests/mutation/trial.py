"""One mutant in a copy of its own: change it, run the quick tests there, see which of them fails.

Knows nothing of what the mutants are. Writes nothing outside the folders that it is given.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.mutation.mutants import Mutant
from tests.mutation.quick import PROFILE

ROOT = Path(__file__).resolve().parent.parent.parent

COPIED = (
    "otpsup",
    "tests/conftest.py",
    "tests/engine",
    "tests/otp",
    "tests/specs",
    "tests/support",
    "tests/mutation",
    "benchmarks/__init__.py",
    "benchmarks/engine.py",
)

STAGES = (
    (
        "tests/otp/test_against_otp.py::test_recorded",
        "tests/otp/test_against_otp.py::test_deviation_1",
        "tests/engine/test_transcripts.py",
    ),
    ("tests/otp/test_suite_*.py", "tests/engine/test_*.py", "tests/specs/test_after.py"),
    (
        "tests/engine/test_dependencies.py",
        "tests/engine/test_otp_model.py",
        "tests/engine/test_chaos.py",
    ),
)
"""What is quick and tells most comes first, what looks for trouble at random comes last.

A stage is one run of pytest. A pattern leaves out the files that are named anywhere by themselves.
"""

LEFT_OUT = "tests/otp/test_suite_table.py"
"""It compares tests with a page of the documentation."""

SECONDS = 180
SECONDS_A_TEST = 40
"""A stage, or a test, that takes longer hangs."""
HANGS = "hangs"

OPTIONS = (
    *("-x", "-q", "--tb=no", "-rfE", "--color=no", f"--timeout={SECONDS_A_TEST}"),
    *("-p", "no:cacheprovider", "-p", "tests.mutation.quick", f"--hypothesis-profile={PROFILE}"),
)

_FAILURE = re.compile(r"^(?:FAILED|ERROR) (.*?)(?: - (.*))?$", re.MULTILINE)


class Broken(Exception):
    """The tests could not be run at all."""


@frozen
class Verdict:
    """What came of one run.

    Attributes:
        killed_by: the first test that failed; empty if none did.
        why: its error, in a line.
    """

    killed_by: str
    why: str
    seconds: float


def make_original(folder: Path, root: Path = ROOT) -> None:
    """Copy what the quick tests need."""
    for name in COPIED:
        source, copy = root / name, folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy)
    shutil.copy2(root / "pyproject.toml", folder)


def mutated(mutant: Mutant, text: str) -> str:
    """The text of its file with the change.

    Raises:
        ValueError: what is to be changed is not there, or there more than once.
    """
    if (count := text.count(mutant.old)) != 1:
        raise ValueError(f"{mutant.name}: its old text is {count} times in {mutant.file}, not once")
    return text.replace(mutant.old, mutant.new)


def apply(mutant: Mutant, folder: Path) -> None:
    """Change the copy in this folder."""
    path = folder / "otpsup" / mutant.file
    path.write_text(mutated(mutant, path.read_text()))
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


@contextmanager
def copy_of(original: Path) -> Iterator[Path]:
    """A copy of the original, with what Python has compiled of it, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="otpsup-mutant-") as name:
        copy = Path(name) / "copy"
        shutil.copytree(original, copy)
        yield copy


def trial(mutant: Mutant, original: Path) -> Verdict:
    """Run the quick tests on a copy with this mutant."""
    with copy_of(original) as folder:
        apply(mutant, folder)
        return run(folder)


def run(folder: Path) -> Verdict:
    """Run the quick tests in this folder, up to the first that fails.

    Raises:
        Broken: they do not run at all.
    """
    began = time.monotonic()
    for tests in _stages(folder):
        if failure := _failure(folder, tests):
            return Verdict(*failure, time.monotonic() - began)
    return Verdict("", "", time.monotonic() - began)


def _failure(folder: Path, tests: list[str]) -> tuple[str, str] | None:
    """The first of these tests that fails, and why; nothing if none does."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *OPTIONS, *tests],
            cwd=folder,
            env=_environment(folder),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return HANGS, f"more than {SECONDS} s"
    if done.returncode == 0:
        return None
    found = _FAILURE.search(done.stdout)
    if found is None:
        raise Broken(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    test, why = found.groups(default="")
    return HANGS if "Timeout" in why else test.removeprefix("tests/"), why


def _stages(folder: Path) -> Iterator[list[str]]:
    """The arguments that name the tests of each stage, each file in one stage only."""
    named = {name.partition("::")[0] for stage in STAGES for name in stage} | {LEFT_OUT}
    for stage in STAGES:
        tests: list[str] = []
        for name in stage:
            files = [str(path.relative_to(folder)) for path in sorted(folder.glob(name))]
            tests += [file for file in files if file not in named] if "*" in name else [name]
        yield tests


def _environment(folder: Path) -> dict[str, str]:
    ours = {"PYTHONPATH": str(folder), "COLUMNS": "300"}
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | ours
