"""Options of the test suite.

`--rewrite` regenerates the transcripts. The ordinary run tries the same examples each time, so that
a red one is about the change; `--hypothesis-profile=thorough --timeout=0` tries others each time,
and looks for an hour where the ordinary run looks for seconds. No test fails for being slow.
"""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ordinary",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=20,
    derandomize=True,
    database=None,
)
settings.register_profile("longer", settings.get_profile("ordinary"), max_examples=40)
settings.register_profile(
    "thorough", settings.get_profile("ordinary"), derandomize=False, max_examples=10_000
)
settings.load_profile("ordinary")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Of `-n auto`: tests of processes spend much of their time waiting for one."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Each worker gets a stretch of the tests and takes from others when it has none left, so that
    those of one module, which share a tree or a server, run one after the other."""
    if config.getoption("numprocesses", None) and config.getoption("dist") == "no":
        config.option.dist = "worksteal"


def pytest_configure(config: pytest.Config) -> None:
    """The run of those that take their time takes its time for examples, too."""
    if config.getoption("-m") == "slow":
        settings.load_profile("longer")
    gc.disable()


def pytest_collection_finish() -> None:
    """What was collected stays to the end: to look through it for garbage, again and again, took a
    sixth of the time of all tests without processes."""
    gc.enable()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rewrite` writes down what the transcripts give now."""
    parser.addoption("--rewrite", action="store_true", help="write down what transcripts give now")
