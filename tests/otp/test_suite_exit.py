"""OTP's supervisor_SUITE, groups *_termination: what becomes of a child that ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger

from otpsup import log
from otpsup.engine.events import Boot, StartDeclared, TerminateChild
from otpsup.engine.reasons import Crash
from otpsup.errors import StartFailed
from otpsup.logger import logger as otpsup_logger
from otpsup.specs import DynamicSupervisor, Supervisor
from otpsup.specs.children import Restart
from tests.otp.test_suite_world import Suite, counts, halted, supervising, which, worker
from tests.support.waiting import LONG


@contextmanager
def progress_lines() -> Iterator[list[tuple[str, str]]]:
    """Level and text of what otpsup logs about children that are up, meanwhile."""
    lines: list[tuple[str, str]] = []

    def write(message: object) -> None:
        record = message.record  # type: ignore[attr-defined]
        if " is up" in record["message"]:
            lines.append((record["level"].name, record["message"].partition(" (pid")[0]))

    handler = logger.add(write, level="DEBUG")
    logger.enable("otpsup")
    try:
        yield lines
        assert otpsup_logger.close(LONG)
    finally:
        logger.disable("otpsup")
        logger.remove(handler)


def log_of(suite: Suite) -> list[tuple[str, str]]:
    """Level and text of the progress reports since the last call."""
    with progress_lines() as lines:
        for report in suite.reports:
            log.write("t", report)
    suite.reports.clear()
    return lines


def test_external_start_no_progress_log() -> None:
    """Who starts a child by request knows that it is up: that is logged for debugging only.

    Adapted: levels are loguru's. What starts with its supervisor, or again by itself, is logged
    for information.
    """
    suite = supervising(worker("a"), DynamicSupervisor("pool", worker("job")))

    assert log_of(suite) == [
        ("INFO", "t: a is up"),
        ("INFO", "t: pool is up"),
        ("INFO", "t: the tree is up"),
    ]

    suite.add(worker("b"))
    suite.start_instance(pool="pool")
    suite.ok(TerminateChild("b"))
    suite.ok(StartDeclared("b", restart_only=True))

    assert "INFO" not in [level for level, _ in log_of(suite)]

    suite.leave("b", "crash")

    assert log_of(suite) == [("INFO", "t: b is up")]


def leave(restart: Restart, how: str) -> Suite:
    """A supervisor to which a child of this type is added, which then ends by itself."""
    suite = supervising()
    suite.add(worker("child1", restart=restart))
    return suite.leave("child1", how)


def assert_restarted(suite: Suite) -> None:
    assert (which(suite), counts(suite)) == ([("child1", "running")], [1, 1, 0, 1])
    assert suite.take_history() == ["start child1", "exit child1", "start child1"]
    assert halted(suite) is None


def assert_down(suite: Suite) -> None:
    assert (which(suite), counts(suite)) == ([("child1", "down")], [1, 0, 0, 1])
    assert suite.take_history() == ["start child1", "exit child1"]
    assert halted(suite) is None


def assert_forgotten(suite: Suite) -> None:
    assert (which(suite), counts(suite)) == ([], [0, 0, 0, 0])
    assert suite.take_history() == ["start child1", "exit child1"]
    assert halted(suite) is None


def test_permanent_normal() -> None:
    """A permanent child that ends normally is started again; permanent means for good."""
    suite = leave("permanent", "normal")

    assert suite.ends == [("child1", "normal")]
    assert_restarted(suite)


def test_transient_normal() -> None:
    """A transient child that ends normally has done its work: it stays down, its record stays."""
    suite = leave("transient", "normal")

    assert suite.ends == [("child1", "normal")]
    assert_down(suite)


def test_temporary_normal() -> None:
    """A temporary child that ends normally leaves nothing behind."""
    suite = leave("temporary", "normal")

    assert suite.ends == [("child1", "normal")]
    assert_forgotten(suite)


def test_permanent_shutdown() -> None:
    """A permanent child that ends with `shutdown`, whatever comes with it, is started again."""
    suite = leave("permanent", "shutdown")

    assert_restarted(suite)

    suite.leave("child1", "{shutdown,_}")

    assert suite.ends == [("child1", "shutdown"), ("child1", "shutdown")]
    assert suite.take_history() == ["exit child1", "start child1"]
    assert (which(suite), counts(suite)) == ([("child1", "running")], [1, 1, 0, 1])


def test_transient_shutdown() -> None:
    """A transient child that ends with `shutdown`, whatever comes with it, stays down.

    It can be started again by request.
    """
    suite = leave("transient", "shutdown")

    assert_down(suite)

    suite.ok(StartDeclared("child1", restart_only=True))
    suite.leave("child1", "{shutdown,_}")

    assert suite.ends == [("child1", "shutdown"), ("child1", "shutdown")]
    assert_down(suite)


def test_temporary_shutdown() -> None:
    """A temporary child that ends with `shutdown` leaves nothing behind: its name is free."""
    suite = leave("temporary", "shutdown")

    assert_forgotten(suite)

    suite.add(worker("child1", restart="temporary"))
    suite.leave("child1", "{shutdown,_}")

    assert suite.ends == [("child1", "shutdown"), ("child1", "shutdown")]
    assert_forgotten(suite)


def test_faulty_application_shutdown() -> None:
    """If a worker deep in a tree fails to start, who starts the tree is told of it, by name.

    Adapted: OTP's nested term is a sentence here, with one part for each level; the innermost
    report holds the traceback.
    """
    app = Supervisor("app_faulty", children=[worker("server")])
    suite = Suite(Supervisor("sup_test", children=[worker("a"), app]))
    suite.starts["app_faulty/server"].append("slow")
    ref = suite.ask(Boot())
    suite.settle()
    suite.fail_start("app_faulty/server", Crash("NameError", "undef", "Traceback: server.py"))
    suite.settle()
    error = suite.replies[ref].error
    reports = [report for report in suite.reports if report.context == "start_error"]

    assert isinstance(error, StartFailed)
    assert str(error) == (
        "cannot start tree 'sup_test': child 'app_faulty' did not start: "
        "child 'server' did not start: NameError: undef"
    )
    assert [report.path for report in reports] == ["app_faulty/server", "app_faulty"]
    assert reports[0].reason.traceback == "Traceback: server.py"
    assert halted(suite) == ("start_failed", "error")
    assert suite.live_paths() == []


def test_permanent_abnormal() -> None:
    """A permanent child that crashes is started again."""
    suite = leave("permanent", "crash")

    assert suite.ends == [("child1", "exited")]
    assert_restarted(suite)


def test_transient_abnormal() -> None:
    """A transient child that crashes is started again: it was not done."""
    suite = leave("transient", "crash")

    assert suite.ends == [("child1", "exited")]
    assert_restarted(suite)


def test_temporary_abnormal() -> None:
    """A temporary child that crashes leaves nothing behind either."""
    suite = leave("temporary", "crash")

    assert suite.ends == [("child1", "exited")]
    assert_forgotten(suite)
