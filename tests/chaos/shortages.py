"""Something is missing or full for a moment: each time until the tree has said so."""

from __future__ import annotations

import contextlib
import errno
import resource
from collections.abc import Callable

from tests.support.waiting import until

from .grounds import limited
from .log import COMPLAINT
from .world import AT_REST, World

_RUN_PROGRAM = ("a", "b", "c", "polite", "group/x", "group/y", "group/z", "pair/p", "pair/q")


def no_program(world: World) -> None:
    """ENOENT: the program is gone while one that needs it is killed."""
    _prepare(world)
    with world.grounds.program.gone():
        world.kill_until_failed(errno.ENOENT, *_RUN_PROGRAM)


def no_permission(world: World) -> None:
    """EACCES: what stands there cannot be executed."""
    _prepare(world)
    with world.grounds.program.not_executable():
        world.kill_until_failed(errno.EACCES, *_RUN_PROGRAM)


def host_opens_nothing(world: World) -> None:
    """EMFILE: the host cannot open anything."""
    _prepare(world)
    with limited(0, resource.RLIMIT_NOFILE, 3):
        world.kill_until_failed(errno.EMFILE)


def launcher_opens_nothing(world: World) -> None:
    """EMFILE: the launcher cannot. Whom it is just making cannot, either."""
    _prepare(world)
    launcher = world.launcher().pid
    with world.ledger.doubting(), limited(launcher, resource.RLIMIT_NOFILE, 3):
        world.kill_until_failed(errno.EMFILE, *_RUN_PROGRAM)


def launcher_forks_nothing(world: World) -> None:
    """EAGAIN: the launcher cannot make a process."""
    _forks_nothing(world, world.launcher().pid, "a", "b", "c", "polite")


def zygote_forks_nothing(world: World) -> None:
    """EAGAIN: the zygote cannot."""
    _forks_nothing(world, world.zygote().pid, "worker", "stubborn", "rubbish", "mute")


def _forks_nothing(world: World, pid: int, *children: str) -> None:
    if world.grounds.fork_limit is None:
        return
    _prepare(world)
    with world.grounds.fork_limit.none_to_spare(pid):
        world.kill_until_failed(errno.EAGAIN, *children)


def no_memory(world: World) -> None:
    """ENOMEM: the launcher has no address space for another process. What it forks all the same
    has as little, and dies of it; now and then it does so itself, and another takes its place."""
    _prepare(world)
    launcher = world.launcher().pid
    with world.ledger.doubting(), limited(launcher, resource.RLIMIT_AS, 1):
        world.kill_until_failed(errno.ENOMEM, "a", "b", "c", mortal=launcher)


def full_disk(world: World) -> None:
    """ENOSPC under a log: said once; nothing stops; logging goes on when there is room again."""
    _flood_until_logged(world)
    world.log.forget(COMPLAINT)  # of a host that could not open it
    with world.grounds.disk.full() as fill:
        times = _flood_until_said(world, fill)
        world.kill_and_see_restarted("a")
    world.kill_and_see_restarted("floods")
    until(lambda: _has_logged(world), AT_REST)
    if world.log.count(COMPLAINT) > times:
        raise AssertionError(f"the log says {world.log.count(COMPLAINT)} times: {COMPLAINT}")


def _flood_until_logged(world: World) -> None:
    """What it wrote while the host could not open its log is lost; then it has to write again."""
    for _ in range(5):
        with contextlib.suppress(AssertionError):
            until(lambda: _has_logged(world), within=5)
            return
        world.kill_and_see_restarted("floods")
    raise AssertionError("nothing is in the log any more")


def _has_logged(world: World) -> bool:
    """Whether the one that floods its log is there, and all of it is in there."""
    node = world.victim("floods")
    return node is not None and world.has_logged(node)


def _flood_until_said(world: World, fill: Callable[[], None]) -> int:
    """Have more written until it is said that it cannot be; returns how often. Now and then there
    is a rotation, which makes room."""
    for times in range(1, 20):
        fill()
        world.kill_and_see_restarted("floods")
        with contextlib.suppress(AssertionError):
            until(lambda: world.log.count(COMPLAINT), within=2)
            return times
    raise AssertionError("a log on a full disk is not complained of")


def stdout_breaks(world: World) -> None:
    """EPIPE: nobody reads the host's stdout any more."""
    with world.grounds.stdout.broken():
        world.kill_and_see_restarted("prints")


def stdout_blocks(world: World) -> None:
    """Nobody reads the host's stdout for now: children that print wait, the others do not."""
    with world.grounds.stdout.blocked():
        world.kill_and_see_restarted("prints")
        world.kill_and_see_restarted("a")
        world.restart("b")


def _prepare(world: World) -> None:
    """Both helpers are there, and what was said before does not count."""
    world.launcher()
    world.zygote()
    world.ledger.forget_said()
