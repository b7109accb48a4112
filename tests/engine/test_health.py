"""What the failure of a check means to the tree: an end as any other, or a mark."""

from __future__ import annotations

import pytest

from otpsup.engine.events import TerminateChild
from otpsup.engine.snapshot import ChildStatus
from tests.engine.script import spec_of
from tests.engine.world import World


def world(children: str, strategy: str = "one_for_one") -> World:
    """A tree of these that is up."""
    tree = f"Supervisor('top', strategy={strategy!r}, intensity=5, children=[{children}])"
    found = World(spec_of(tree)).boot()
    found.take_log()
    return found


def status(found: World, path: str) -> ChildStatus:
    """Of one child."""
    child = found.engine.snapshot(now=found.now).find(path)
    assert child is not None
    return child


def test_who_is_unhealthy_is_ended_and_restarted_by_its_supervisor() -> None:
    """As if it had ended by itself; the reason is that of the check, whatever ended it."""
    found = world("Worker('a', run), Worker('b', run)", "one_for_all")
    found.fall_ill("a")
    found.settle()
    child = status(found, "a")
    assert (child.state, child.restarts) == ("running", 1)
    assert child.last_exit == "unhealthy: it does nothing"
    assert status(found, "b").restarts == 1
    assert "start b" in found.take_log()


def test_it_gets_the_time_that_a_stop_has_and_is_killed_then() -> None:
    """Until it is gone it runs, is not ready, and is told to end but once."""
    found = world("Worker('a', run)")
    found.stops["a"] = "stubborn"
    found.fall_ill("a")
    found.settle()
    found.fall_ill("a")
    found.settle()
    assert (status(found, "a").state, status(found, "a").ready) == ("running", False)
    assert any("is not ready: unhealthy" in line for line in status(found, "a").why)
    found.advance(10)
    assert status(found, "a").restarts == 1
    assert [line for line in found.take_log() if line == "kill a"] == ["kill a"]


def test_a_first_heartbeat_that_comes_too_late_saves_nobody() -> None:
    """Who is being ended, does not listen, and only now says that all is well, is killed all the
    same."""
    found = world("Worker('a', run)")
    found.stops["a"] = "stubborn"
    found.fall_ill("a")
    found.settle()
    found.heal("a")
    found.settle()
    assert not status(found, "a").ready
    found.advance(10)
    assert status(found, "a").restarts == 1
    assert "kill a" in found.take_log()


def test_an_exit_code_of_0_is_no_normal_end_for_it() -> None:
    """A transient child that ends well when it is asked to, for its health, is restarted."""
    found = world("Worker('a', run, restart='transient')")
    found.stops["a"] = "exits"
    found.fall_ill("a")
    found.settle()
    assert status(found, "a").restarts == 1


def test_who_is_stopped_meanwhile_stays_down() -> None:
    """The request counts; it is not asked to end again."""
    found = world("Worker('a', run)")
    found.stops["a"] = "slow"
    found.fall_ill("a")
    found.settle()
    ref = found.ask(TerminateChild("a"))
    found.settle()
    found.finish("a")
    found.settle()
    assert found.replies[ref].error is None
    assert (status(found, "a").state, status(found, "a").restarts) == ("down", 0)


def test_a_mark_changes_nothing_else() -> None:
    """It is told when it changes, and is gone with the incarnation."""
    found = world("Worker('a', run)")
    found.mark("a", "busy")
    found.mark("a", "busy")
    found.settle()
    assert found.take_log() == ["not ready a: busy"]
    assert (status(found, "a").state, status(found, "a").ready) == ("running", False)
    found.mark("a", "")
    found.settle()
    assert found.take_log() == ["ready again a"]
    found.mark("a", "busy")
    found.exit("a")
    found.settle()
    assert status(found, "a").ready


@pytest.mark.parametrize("event", ["fall_ill", "mark"])
def test_news_of_an_incarnation_that_is_over_are_old_news(event: str) -> None:
    """They concern nobody."""
    found = world("Worker('a', run)")
    if event == "mark":
        found.mark("a", "busy")
    else:
        found.fall_ill("a")
    late = found.queue.pop()
    found.exit("a")
    found.settle()
    found.deliver(late)
    found.settle()
    assert (status(found, "a").ready, status(found, "a").restarts) == (True, 1)
