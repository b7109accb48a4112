"""`otpsup.testing.what_if`: what would come of a child's death, step by step, with times and
reasons. How that is printed is tested in `tests/cli/test_cli_simulate.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from examples.fastblog.tree import build
from otpsup import Backoff, Command, DynamicSupervisor, Supervisor, Worker, completed, healthy
from otpsup.errors import InvalidSpec, NotFound
from otpsup.testing import Consequence, Step, what_if

Tree = Supervisor | DynamicSupervisor
Row = tuple[float, str, str]


def worker(name: str, **options: Any) -> Worker:
    return Worker(name, "app:run", **options)


def top(*children: Any, **options: Any) -> Supervisor:
    return Supervisor("top", children=list(children), **options)


def rows(consequence: Consequence) -> list[Row]:
    """When, who and what, without why."""
    return [(step.at, step.path, step.what) for step in consequence.steps]


def reasons(consequence: Consequence) -> dict[tuple[str, str], str]:
    """Why each happened."""
    return {(step.path, step.what): step.why for step in consequence.steps}


def only(tree: Tree, path: str, broken: Sequence[str] = ()) -> Consequence:
    """What comes of one death."""
    (consequence,) = what_if(tree, [path], broken)
    return consequence


def test_fastblog() -> None:
    """FastBlog's ipc_server takes everything after it along, the last first; the updater, which
    runs on demand, stays down."""
    death = only(build(), "ipc_server")
    why = "ipc_server ended with SIGKILL and fastblog is rest_for_one; restart 1 of 5 in 60 s"
    assert death == Consequence(
        path="ipc_server",
        steps=(
            Step(0.0, "ipc_server", "ends", "SIGKILL"),
            Step(0.0, "main_app", "stops", why),
            Step(0.0, "update_server", "stops", why),
            Step(0.0, "ipc_server", "starts", why),
            Step(0.0, "update_server", "starts", why),
            Step(0.0, "main_app", "starts", why),
        ),
        states={
            "": "running",
            "ipc_server": "running",
            "update_server": "running",
            "main_app": "running",
            "updater": "down",
        },
        summary="ipc_server, update_server, main_app are up again; nothing escalates.",
    )


def test_a_group_is_as_large_as_its_strategy_says() -> None:
    """Those before the dead child under rest_for_one, and all others under one_for_one, are not
    touched."""
    expected: dict[str, list[Row]] = {
        "one_for_one": [(0, "b", "ends"), (0, "b", "starts")],
        "rest_for_one": [
            (0, "b", "ends"), (0, "c", "stops"), (0, "b", "starts"), (0, "c", "starts"),
        ],
        "one_for_all": [
            (0, "b", "ends"), (0, "c", "stops"), (0, "a", "stops"),
            (0, "a", "starts"), (0, "b", "starts"), (0, "c", "starts"),
        ],
    }  # fmt: skip
    for strategy, steps in expected.items():
        tree = top(worker("a"), worker("b"), worker("c"), strategy=strategy)
        assert rows(only(tree, "b")) == steps


def test_each_death_counts() -> None:
    """Deaths come in turn, and each finds the restart window as the one before left it; the one
    that is too many ends the tree."""
    tree = top(worker("a"), worker("b"), intensity=2, period=30)
    first, second, third = what_if(tree, ["a", "b", "a"])
    assert first.steps[1].why == "a ended with SIGKILL; restart 1 of 2 in 30 s"
    assert second.steps[1].why == "b ended with SIGKILL; restart 2 of 2 in 30 s"
    assert rows(third) == [
        (0, "a", "ends"),
        (0, "", "gives up"),
        (0, "b", "stops"),
        (0, "", "is gone"),
    ]
    assert third.steps[1].why == (
        "a ended with SIGKILL; one more than the 2 restarts in 30 s allowed"
    )
    assert (third.steps[2].why, third.steps[3].why) == ("top gave up", "top gave up")
    assert third.summary == "The tree ends: nothing of it is left."
    assert set(third.states.values()) == {"down"}


def test_nobody_waits_for_another_in_its_backoff() -> None:
    """What is killed in quick succession uses up the window, however long another waits for its
    next attempt: that wait does not come in between."""
    slow = worker("slow", backoff=Backoff(initial=300, max=300))
    tree = top(worker("a"), slow, intensity=3, period=5)
    first, *_, last = what_if(tree, ["slow", "a", "a", "a"], broken=["slow"])
    assert first.states["slow"] == "restarting"
    assert [step.what for step in last.steps] == ["ends", "gives up", "is gone"]
    assert last.summary == "The tree ends: nothing of it is left."


def nested() -> Supervisor:
    sub = Supervisor(
        "sub", strategy="one_for_all", intensity=1, period=10, children=[worker("x"), worker("y")]
    )
    return top(worker("a"), sub, worker("b"), strategy="rest_for_one", intensity=1, period=60)


def test_escalation() -> None:
    """A supervisor that gives up is restarted with its group, with a window that is new; and when
    that is too often, the one above it gives up."""
    quiet, gives_up, again, ends = what_if(nested(), ["sub/x"] * 4)
    assert quiet.summary == "sub/x, sub/y are up again; nothing escalates."
    assert rows(gives_up) == [
        (0, "sub/x", "ends"),
        (0, "sub", "gives up"),
        (0, "sub/y", "stops"),
        (0, "b", "stops"),
        (0, "sub", "starts"),
        (0, "sub/x", "starts"),
        (0, "sub/y", "starts"),
        (0, "b", "starts"),
    ]
    why = reasons(gives_up)
    assert why["sub/y", "stops"] == "sub gave up"
    assert why["b", "stops"] == "sub gave up and top is rest_for_one; restart 1 of 1 in 60 s"
    assert gives_up.summary == "sub, sub/x, sub/y, b are up again; it escalates: sub gave up."
    assert rows(again) == rows(quiet)
    assert rows(ends) == [
        (0, "sub/x", "ends"),
        (0, "sub", "gives up"),
        (0, "sub/y", "stops"),
        (0, "", "gives up"),
        (0, "b", "stops"),
        (0, "a", "stops"),
        (0, "", "is gone"),
    ]
    assert ends.summary == "The tree ends: nothing of it is left."


@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_a_supervisor_that_stays_down(restart: str) -> None:
    """A supervisor that gives up, and that nobody restarts, is down with all below; the rest of
    the tree goes on."""
    sub = Supervisor("sub", intensity=0, restart=restart, children=[worker("x"), worker("y")])  # type: ignore[arg-type]
    death = only(top(worker("a"), sub), "sub/x")
    assert rows(death) == [
        (0, "sub/x", "ends"),
        (0, "sub", "gives up"),
        (0, "sub/y", "stops"),
        (0, "sub", "ends"),
    ]
    gone = " sub/y, sub are gone for good." if restart == "temporary" else ""
    assert death.summary == f"Nothing is up again; it escalates: sub gave up.{gone}"
    assert (death.states["a"], death.states.get("sub", "down")) == ("running", "down")


def test_backoff_takes_its_time() -> None:
    """A backoff is a wait of so many seconds: the group is stopped at once and comes back after
    it; the next wait is longer. Times count from the death in question."""
    tree = top(
        worker("a"),
        worker("b", backoff=Backoff(initial=2, jitter=0)),
        worker("c"),
        strategy="rest_for_one",
        intensity=5,
        period=60,
    )
    first, second = what_if(tree, ["b", "b"])
    assert rows(first) == [
        (0, "b", "ends"),
        (0, "b", "waits"),
        (0, "c", "stops"),
        (2, "b", "starts"),
        (2, "c", "starts"),
    ]
    assert reasons(first)["b", "waits"] == "2 s of backoff"
    assert reasons(first)["b", "starts"] == (
        "b ended with SIGKILL and was tried again; top is rest_for_one; restart 1 of 5 in 60 s"
    )
    assert [at for at, _, _ in rows(second)] == [0, 0, 0, 4, 4]


def test_the_same_question_has_the_same_answer() -> None:
    """A backoff's jitter is the same each time: an answer can be compared with yesterday's."""
    tree = top(worker("a", backoff=Backoff(initial=3, jitter=1)))
    assert what_if(tree, ["a", "a"]) == what_if(tree, ["a", "a"])


def test_dependencies() -> None:
    """Under rest_for_one the rest is who depends on the dead; a task that others wait for runs
    again and ends, and they start after that; others are not touched."""
    tree = top(
        worker("db"),
        worker("migrate", restart="transient", after=["db"]),
        worker("web", after=[completed("migrate"), healthy("db")]),
        worker("cron"),
        strategy="rest_for_one",
    )
    assert rows(only(tree, "db")) == [
        (0, "db", "ends"),
        (0, "web", "stops"),
        (0, "db", "starts"),
        (0, "migrate", "starts"),
        (0, "migrate", "ends"),
        (0, "web", "starts"),
    ]
    assert rows(only(tree, "web")) == [(0, "web", "ends"), (0, "web", "starts")]
    assert rows(only(tree, "cron")) == [(0, "cron", "ends"), (0, "cron", "starts")]
    with pytest.raises(NotFound, match="cannot kill 'migrate': it is down"):
        only(tree, "migrate")


def test_a_broken_child_ends_the_tree() -> None:
    """A child that does not start any more is tried as often as its supervisor allows, and then
    all of it is over."""
    tree = top(worker("a"), worker("b"), intensity=2, period=60)
    death = only(tree, "b", broken=["b"])
    assert rows(death) == [
        (0, "b", "ends"),
        (0, "b", "starts"),
        (0, "b", "fails"),
        (0, "b", "starts"),
        (0, "b", "fails"),
        (0, "", "gives up"),
        (0, "a", "stops"),
        (0, "", "is gone"),
    ]
    assert death.steps[2].why == "broken"
    assert death.steps[3].why == (
        "b did not start (broken) and was tried again; restart 2 of 2 in 60 s"
    )
    assert death.summary == "The tree ends: nothing of it is left."


def test_a_broken_child_below_a_supervisor() -> None:
    """It fails within its supervisor, and then with it, until the root gives up."""
    sub = Supervisor("sub", intensity=1, children=[worker("x"), worker("y")])
    death = only(top(worker("a"), sub, intensity=1), "sub/x", broken=["sub/x"])
    assert rows(death) == [
        (0, "sub/x", "ends"),
        (0, "sub/x", "starts"),
        (0, "sub/x", "fails"),
        (0, "sub", "gives up"),
        (0, "sub/y", "stops"),
        (0, "sub", "starts"),
        (0, "sub/x", "starts"),
        (0, "sub/x", "fails"),
        (0, "sub", "fails"),
        (0, "", "gives up"),
        (0, "a", "stops"),
        (0, "", "is gone"),
    ]


SLOW = Backoff(initial=2, jitter=0)


def test_a_broken_child_is_never_up_again() -> None:
    """One that is tried for ever, so slowly that the window never fills, does not come up; and its
    answer can be read."""
    tree = top(worker("a", backoff=SLOW), worker("b"), intensity=50, period=60)
    death = only(tree, "a", broken=["a"])
    assert death.states["a"] != "running"
    assert death.summary.startswith("So it goes on for ever")
    assert len(death.steps) < 1000


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize("intensity", [300, 19_000])
def test_a_large_window_fills(intensity: int) -> None:
    """However many restarts are allowed: once they are spent, the supervisor gives up."""
    tree = top(worker("a"), worker("b"), intensity=intensity, period=60)
    death = only(tree, "a", broken=["a"])
    assert sum(step.what == "fails" for step in death.steps) == intensity
    assert death.summary == "The tree ends: nothing of it is left."


@pytest.mark.slow
def test_an_end_that_is_not_looked_for() -> None:
    """Nobody waits for the end of millions of attempts, and what is said does not claim more."""
    tree = top(worker("a"), intensity=10**9, period=10**9)
    death = only(tree, "a", broken=["a"])
    assert death.summary.startswith("It has not come to rest after 20000 attempts")


def test_broken_ones_matter_once_they_start() -> None:
    """A broken child that runs goes on running: nothing comes of it before it has to start."""
    tree = top(worker("a"), worker("b"))
    assert only(tree, "a", broken=["b"]) == only(tree, "a")


def test_nothing_else_happens() -> None:
    """A temporary child's death is no news to anybody; that it stays down is."""
    death = only(top(worker("a", restart="temporary"), worker("b")), "a")
    assert death.summary == "Nothing else happens: a stays down."
    assert death.steps[0] == Step(0.0, "a", "ends", "SIGKILL; it is not restarted")
    assert {step.path for step in death.steps} == {"a"}
    assert death.states["b"] == "running"


def test_each_end_is_told_once() -> None:
    """Even if it is for good."""
    death = only(top(worker("a", restart="temporary"), worker("b")), "a")
    assert rows(death) == [(0, "a", "ends")]
    assert "not restarted" in death.steps[0].why


def test_an_end_in_vain_is_no_second_end() -> None:
    """One that waits for its group, of which another did not start, has not ended once more."""
    tree = top(worker("a"), worker("b"), strategy="one_for_all", intensity=1, period=60)
    death = only(tree, "b", broken=["a"])
    assert [row for row in rows(death) if row[1] == "b"] == [(0, "b", "ends")]
    assert not any("None" in step.why for step in death.steps)


def test_significant_children() -> None:
    """A significant child takes its supervisor along, which says so; that is no giving up."""
    tree = top(
        worker("job", restart="temporary", significant=True),
        worker("log"),
        auto_shutdown="any_significant",
    )
    death = only(tree, "job")
    assert rows(death)[-3:] == [(0, "", "stops"), (0, "log", "stops"), (0, "", "is gone")]
    assert reasons(death)["", "stops"] == "the significant child job ended with SIGKILL"
    assert death.summary == "The tree ends: nothing of it is left."


def test_names_with_blanks_are_quoted() -> None:
    """In a sentence, a name of several words is seen as one."""
    tree = top(worker("my app"), worker("b"), strategy="one_for_all")
    death = only(tree, "my app")
    assert reasons(death)["b", "stops"].startswith("'my app' ended with SIGKILL and top is ")
    assert death.summary == "'my app', b are up again; nothing escalates."


def test_nothing_is_started() -> None:
    """Programs that do not exist, and modules that cannot be imported, do well in it."""
    tree = top(Command("a", ["/no/such/program"]), Worker("b", "no.such.module:run"))
    assert only(tree, "a").summary == "a is up again; nothing escalates."
    assert only(tree, "b").summary == "b is up again; nothing escalates."


def test_no_death_no_consequence() -> None:
    """Nobody killed, nothing comes of it; not of a broken child either."""
    assert what_if(top(worker("a")), []) == []
    assert what_if(top(worker("a")), [], broken=["a"]) == []


SUB = Supervisor("sub", children=[worker("x"), worker("lazy", autostart=False)])


@pytest.mark.parametrize(
    ("kill", "broken", "message"),
    [
        (["alpa"], [], "cannot kill child 'alpa': there is no such child; did you mean 'alpha'?"),
        (["sub/z"], [], "cannot kill child 'sub/z': there is no such child; did you mean 'sub/x'?"),
        (["top/alpha"], [], "did you mean 'alpha'?"),
        ([""], [], "cannot kill child '': there is no such child; "),
        (["sub"], [], "cannot kill 'sub': a supervisor is no process; name one of the children"),
        (["sub/lazy"], [], "cannot kill 'sub/lazy': it is down at that moment"),
        (["alpha"], ["alpa"], "cannot break child 'alpa': there is no such child; did you mean"),
        (["alpha"], ["sub"], "cannot break 'sub': a supervisor is no process"),
    ],
)
def test_nobody_to_kill(kill: list[str], broken: list[str], message: str) -> None:
    """Who is not there, or is no process, is named, with the nearest that is."""
    alpha = worker("alpha", restart="temporary")
    with pytest.raises(NotFound) as caught:
        what_if(top(alpha, worker("beta"), SUB, intensity=0), kill, broken)
    assert message in str(caught.value)


def test_killed_once_more() -> None:
    """What is not there any more is said to be gone; when the tree has ended, that is all."""
    alpha = worker("alpha", restart="temporary")
    tree = top(alpha, worker("beta"), intensity=0)
    first, second = what_if(tree, ["alpha", "alpha"])

    assert first.summary == "Nothing else happens: alpha stays down."
    assert (second.steps, second.summary) == ((), "alpha cannot be killed again: it is gone.")
    assert len(what_if(tree, ["beta", "beta", "alpha"])) == 1


def test_one_path() -> None:
    """One path need not be in a list."""
    tree = top(worker("ab"))
    assert what_if(tree, "ab", "ab") == what_if(tree, ["ab"], ["ab"])


@pytest.mark.parametrize(
    "tree", [worker("a"), None, "shop", top], ids=["worker", "None", "text", "function"]
)
def test_no_tree(tree: Any) -> None:
    """What is no tree is refused as such."""
    with pytest.raises(InvalidSpec, match="needs the root of a tree"):
        what_if(tree, "a")


def test_a_template() -> None:
    """A template has no instances at the start; the nearest path to name is said to be none."""
    pool = DynamicSupervisor("pool", worker("job"))
    with pytest.raises(NotFound, match="pool/job#1"):
        what_if(top(worker("a"), pool), ["pool/job#1"])
    assert only(top(worker("a"), pool, strategy="one_for_all"), "a").states["pool"] == "running"
