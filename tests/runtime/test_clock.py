"""Steps of the wall clock change nothing: all that is decided is decided by the monotonic clock."""

from __future__ import annotations

import ast
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import otpsup
from tests.support.hosts import Host, hosting
from tests.support.strays import adopting

PACKAGE = Path(otpsup.__file__).parent
DAY = 24 * 60 * 60

WALL = {"time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.strftime"}
ALSO_WALL = {"st_mtime", "st_ctime", "create_time", "boot_time", "CLOCK_REALTIME", "btime"}
SHOWS_ONLY = {
    "runtime/loop.py:__init__",  # once: what turns the engine's times into those of events
    "session.py:_say_last_words",  # when a tree ended, for `otpsup why`
    "control/last_words.py:begin",  # when it began
    *(
        "operations/asked.py:__init__",
        "operations/asked.py:about",
    ),  # since when the tree runs, and now
    "healthz/tree.py:collect",  # how long that is
    "runtime/plugged.py:_facts",  # what a plug-in is told of a process
    "runtime/logs/stream.py:_pass_on",  # when a line came
    "runtime/logs/outlet.py:_in_our_name",  # that lines were dropped is a line, too
    "cli/why.py:_when",  # how long ago that was
    "cli/show.py:tree",  # since when a child is in its state
    *("cli/usage.py:_row", "cli/top.py:headline", "waiting.py:told"),
    *("cli/facts.py:_rows", "cli/facts.py:_clock", "cli/output.py:_event"),
    # how old a file is, by its own time
    *("runtime/health.py:_file_age", "alerts/files.py:set_aside", "web/tokens.py:read"),
    # alerts: once, as the loop; whether it is night; and when something was
    *("alerts/clock.py:__init__", "alerts/clock.py:wall", "specs/quiet.py:has"),
    *("alerts/text.py:stamp", "alerts/text.py:when", "cli/alerting.py:_ago"),
    # supervisord's: when programs started and ended, its log, and its ticks by the hour
    *("supervisord/daemon.py:_told", "supervisord/rpc/process.py:_info"),
    *("supervisord/rpc/structs.py:_description", "supervisord/http/app.py:_stream"),
    *("supervisord/mainlog.py:__init__", "supervisord/mainlog.py:write"),
    "supervisord/listeners/wiring.py:__init__",
}
BY_THE_CALENDAR = {
    *("runtime/logs/file.py:__init__", "runtime/logs/file.py:_open"),
    *("runtime/logs/rotation.py:next_boundary", "runtime/logs/backups.py:found"),
    "runtime/logs/compressor.py:_write",
}
"""Logs that are rotated every day, and kept for so many."""
SPELLS_IT = {
    *("runtime/logs/rotation.py", "runtime/logs/formats.py"),
    *("supervisord/rpc/codec.py", "supervisord/rpc/structs.py"),
}
"""Dates from seconds, and back."""


@pytest.mark.slow
def test_who_looks_at_the_wall_clock() -> None:
    """It is only asked for what people read, and for when a day is over."""
    assert set(_askers()) == SHOWS_ONLY | BY_THE_CALENDAR


def _askers() -> Iterator[str]:
    for path in PACKAGE.rglob("*.py"):
        if "time" not in (text := path.read_text()):
            continue
        tree = ast.parse(text)
        imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        spells_it = path.relative_to(PACKAGE).as_posix() in SPELLS_IT
        assert spells_it or not {"time", "datetime"} & set(imported), path
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _asks(function):
                yield f"{path.relative_to(PACKAGE)}:{function.name}"


def _asks(function: ast.AST) -> bool:
    """Whether a function looks at the wall clock itself."""
    attributes = [node for node in ast.walk(function) if isinstance(node, ast.Attribute)]
    return any(a.attr in ALSO_WALL or ast.unparse(a) in WALL for a in attributes)


STEPPED = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
    static __thread int fd = -1;
    long seconds = 0;
    fd = open(getenv("STEPS"), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) { if (pread(fd, &seconds, sizeof seconds, 0) < 0) seconds = 0; close(fd); }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME && result == 0) now->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *told) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (told) *told = precise.tv_sec;
    return precise.tv_sec;
}
"""
"""A C library whose wall clock is ahead by as many seconds as a file says."""


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That library, compiled."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(STEPPED)
    argv = ["cc", "-shared", "-fPIC", "-o", "clock.so", "clock.c", "-ldl"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    return folder / "clock.so"


HOST = """
    import struct
    began, wall = time.monotonic(), time.time()

    def step(days):
        with open(os.environ["STEPS"], "r+b") as file:
            file.write(struct.pack("l", days * 86400))
        moved = time.time() - wall - (time.monotonic() - began)
        assert abs(moved - days * 86400) < 5, moved  # in this process, as in all below it

    def main():
        {body}
        tell([round(time.monotonic() - began), "done"])
"""


@pytest.mark.slow
def test_a_restart_window_does_not_see_a_step(stepped: Path, tmp_path: Path) -> None:
    """Three crashes within its period are three, though a day went by on the wall before each."""
    body = """
        sleeper = Command("c", ["sleep", "100"])
        with running(sleeper, intensity=2, period=60) as tree, watching(tree) as events:
            for days in (1, 2, 3):
                step(days)
                os.kill(pid(tree, "c"), 9)
                events.until("c", "running" if days < 3 else "down")
            tell(tree.wait(LONG).kind)"""
    for host in _stepping(stepped, tmp_path, body):
        assert host.hear() == "gave_up"


@pytest.mark.slow
def test_time_limits_do_not_see_a_step(stepped: Path, tmp_path: Path) -> None:
    """Start timeouts, grace, backoff, `stays_up`, and waits of the caller's: all are over when they
    should be, with the clock a day back or ahead in the middle of them."""
    body = """
        late = Command("late", ["sleep", "100"], ready="notify", start_timeout=0.3, autostart=False)
        stubborn = Worker("stubborn", targets.be_stubborn, ready="notify", shutdown=0.3)
        patient = Command("patient", ["sleep", "100"], backoff=Backoff(initial=0.3),
                          ready=otpsup.stays_up(0.2))
        with running(late, stubborn, patient) as tree, watching(tree) as events:
            begin = time.monotonic()
            threading.Timer(0.1, step, (-1,)).start()
            for call in (
                lambda: tree.start_child("late"),
                lambda: tree.wait(0.2),
                lambda: tree.events().next(0.2),
            ):
                try:
                    call()
                except (StartFailed, TimeoutError):
                    continue
                raise AssertionError("it should not have come to that")
            threading.Timer(0.1, step, (1,)).start()
            tree.restart("stubborn")
            threading.Timer(0.1, step, (-1,)).start()
            os.kill(pid(tree, "patient"), 9)
            events.until("patient", "restarting")
            events.until("patient", "running")
            tell(time.monotonic() - begin)"""
    for host in _stepping(stepped, tmp_path, body):
        assert 0.3 + 0.2 + 0.2 + 0.3 + 0.5 <= host.hear() < 30


def _stepping(stepped: Path, tmp_path: Path, body: str) -> Iterator[Host]:
    """A host, all of whose processes have a wall clock that it can step."""
    steps = tmp_path / "steps"
    steps.write_bytes(struct.pack("l", 0))
    environment = {"LD_PRELOAD": str(stepped), "STEPS": str(steps)}
    code = HOST.replace("{body}", body.strip())
    with adopting(), hosting(tmp_path, code, environment=environment) as host:
        yield host
        assert host.hear()[1] == "done"
        assert host.wait() == 0
