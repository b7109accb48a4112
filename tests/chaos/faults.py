"""What is done to a tree from outside: signals, requests, the death of its helpers."""

from __future__ import annotations

import errno
import os
import signal

import psutil

from tests.support.bombs import MANY, below
from tests.support.waiting import until

from .system import wait_for_another
from .world import AT_REST, World


def sigkill(world: World) -> None:
    """A child is killed."""
    world.signal(signal.SIGKILL, world.victim())


def sigterm(world: World) -> None:
    """A child is told to end by somebody else."""
    world.signal(signal.SIGTERM, world.victim())


def freeze(world: World) -> None:
    """A child is stopped by job control, and then an operator restarts it."""
    if node := world.victim():
        world.signal(signal.SIGSTOP, node)
        world.restart(node.path)


def pause(world: World) -> None:
    """A child is stopped by job control, and goes on."""
    node = world.victim()
    world.signal(signal.SIGSTOP, node)
    world.signal(signal.SIGCONT, node)


def restart(world: World) -> None:
    """An operator restarts a child."""
    if node := world.victim():
        world.restart(node.path)


def two_at_once(world: World) -> None:
    """Two children are killed, perhaps of one group."""
    sigkill(world)
    sigkill(world)


def launcher_pauses(world: World) -> None:
    """The launcher is stopped while a child dies: all waits, and then goes on."""
    launcher = world.launcher()
    launcher.suspend()
    sigkill(world)
    launcher.resume()


def launcher_dies(world: World) -> None:
    """The parent of everything is killed."""
    _dies(world, world.launcher())


def zygote_dies(world: World) -> None:
    """The parent of the workers is killed."""
    _dies(world, world.zygote())


def both_die(world: World) -> None:
    """The zygote and the launcher are killed together."""
    launcher = world.launcher()
    world.ledger.excuse()
    world.zygote().kill()
    launcher.kill()
    wait_for_another(world.system, launcher, AT_REST)


def _dies(world: World, helper: psutil.Process) -> None:
    """Wait until there is another: what comes next may need it."""
    world.ledger.excuse()
    helper.kill()
    helper.wait(AT_REST)
    world.launcher()
    world.zygote()


def channel_floods(world: World) -> None:
    """A child talks without end, sense and rubbish; others are looked after all the same."""
    world.ask("start_child", "chatters")
    world.kill_and_see_restarted("a")
    world.kill_and_see_restarted("worker")
    world.ask("terminate_child", "chatters")


def fork_bomb(world: World) -> None:
    """A child forks without end. Another of its user's cannot start meanwhile (EAGAIN), if the bomb
    is bounded by a limit. When it is told to end, nothing of it is left."""
    world.ledger.excuse("bomb", "other")
    world.ledger.forget_said()
    world.ask("start_child", "bomb")
    until(lambda: len(below("bomb")) > MANY, AT_REST)
    if os.geteuid() == 0:
        world.kill_until_failed(errno.EAGAIN, "other")
    world.ask("terminate_child", "bomb")
    if left := below("bomb"):
        raise AssertionError(f"{len(left)} processes are left of the bomb: {left}")


def burst(world: World) -> None:
    """Everybody is killed, one after the other, as quickly as that goes."""
    for node in world.tree.status().walk():
        world.signal(signal.SIGKILL, node)
