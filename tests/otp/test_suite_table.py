"""docs/explanation/otp-suite.md and the tests agree: every case of OTP's suite is accounted for."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "explanation" / "otp-suite.md"
REFERENCE = ROOT.parent / "shared" / "reference" / "OTP_SUITE.md"
FOLDER = Path(__file__).parent


@frozen
class Row:
    """One case: what our table says of it."""

    case: str
    scenario: str
    here: str
    test: str

    @property
    def verdict(self) -> str:
        """`yes`, `adapted` or `no`; what comes after it explains."""
        return self.here.partition(":")[0]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows() -> list[Row]:
    """Our table."""
    lines = DOCUMENT.read_text().splitlines()
    found = [cells(line) for line in lines if line.startswith("| `")]
    return [Row(case.strip("`"), *others) for case, *others in found]


def claims() -> list[str]:
    """Every test beside this file that is a case, as `test_suite_start.py::test_sup_start_normal`.

    Whatever is in a file of the suite is one; so is what has a case's name elsewhere.
    """
    names = {f"test_{row.case}" for row in rows()}
    return [
        f"{file.name}::{node.name}"
        for file in sorted(FOLDER.glob("*.py"))
        for node in functions(file)
        if node.name in names or (file.match("test_suite_*.py") and file != Path(__file__))
    ]


def functions(file: Path) -> Iterator[ast.FunctionDef]:
    """The test functions of a file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def test_table_has_all_cases() -> None:
    """There are 96 cases, each in one row: 52 as in OTP, 28 adapted, 16 that have no place here."""
    verdicts = Counter(row.verdict for row in rows())

    assert len({row.case for row in rows()}) == len(rows()) == 96
    assert verdicts == {"yes": 52, "adapted": 28, "no": 16}


def test_table_explains() -> None:
    """Each row tells the scenario, and why a case is adapted or left out."""
    for row in rows():
        assert len(row.scenario.split()) > 2, row
        assert row.verdict == "yes" or len(row.here.split()) > 2, row


def test_table_and_tests_agree() -> None:
    """A case that is kept or adapted is one test of its name, where the table says; no other is."""
    kept = [row for row in rows() if row.verdict != "no"]

    assert sorted(row.test.strip("`") for row in kept) == sorted(claims())
    assert [row.test.strip("`").partition("::test_")[2] for row in kept] == [r.case for r in kept]
    assert {row.test for row in rows() if row.verdict == "no"} == {"-"}


def test_tests_say_what_they_guarantee() -> None:
    """Each case's test has a docstring, and says so where it is adapted, and only there."""
    verdicts = {f"test_{row.case}": row.verdict for row in rows()}
    for file in sorted(FOLDER.glob("test_suite_*.py")):
        for node in functions(file):
            text = ast.get_docstring(node)

            assert text, node.name
            assert ("Adapted: " in text) == (verdicts.get(node.name) == "adapted"), node.name


@pytest.mark.skipif(not REFERENCE.exists(), reason="only our own notes have the list")
def test_table_is_the_suites() -> None:
    """Names, order and verdicts are those of our notes on OTP's suite, if they are at hand."""
    noted = [cells(line) for line in REFERENCE.read_text().splitlines()]
    cases = [cell for cell in noted if cell[0].isdigit()]
    expected = [(cell[1].strip("`"), cell[-1].split()[0]) for cell in cases]

    assert [(row.case, row.verdict) for row in rows()] == expected
