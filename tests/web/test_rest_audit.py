"""Who has asked for what, and for what in vain, is in the log of who serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from otpsup.logger import logger as our_log
from tests.support.waiting import LONG, until
from tests.web.served import Client, served

SECRET = "hunter2hunter2"
X8 = ", ".join(8 * ["'x'"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with served(tmp_path_factory.mktemp("shop")) as client:
        yield client


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What the server says meanwhile, and no line of before that waits to be written still."""
    lines: list[str] = []
    our_log.close(LONG)
    number = logger.add(lambda line: lines.append(str(line).rstrip("\n")), format="{message}")
    logger.enable("otpsup")
    yield lines
    logger.disable("otpsup")
    logger.remove(number)


def audited(log: list[str], number: int) -> list[str]:
    """So many lines about who asks; they are written by another thread."""

    def found() -> list[str]:
        return [line for line in list(log) if "asks for" in line]

    until(lambda: len(found()) >= number)
    return found()


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("restart", {"paths": ["web", "back/db"]}, "restart_some (paths 'web', 'back/db')"),
        ("signal", {"paths": ["w*"], "signal": "CONT"}, "signal_some (paths 'w*', signal 'CONT')"),
        ("children/web:signal", {"signal": 18}, "signal_child 'web' (signal 18)"),
        ("children/back/db:stdin", {"text": SECRET},
         "stdin_child 'back/db' (text of 14 characters)"),
        ("start", {"paths": ["x"] * 30}, f"start_some (paths {X8} and 22 more)"),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_logged_with_what_it_is_about(
    path: str, body: Any, says: str, shop: Client, log: list[str]
) -> None:
    """And what is written to a child is not."""
    shop.post(f"/api/v1/{path}", body)
    assert audited(log, 1)[0].startswith(f"shop: the-admin asks for {says}")
    assert SECRET not in "\n".join(log)


@pytest.mark.parametrize(
    ("path", "body", "says", "why"),
    [
        ("children/web:scale", {"count": 3}, "scale_child 'web' (count 3)", "web"),
        ("update", {"file": "/nope.yaml"}, "update (file '/nope.yaml')", "/nope.yaml"),
        ("children", {"file": "/nope.yaml", "parent": "back"},
         "add_children (file '/nope.yaml', parent 'back')", "/nope.yaml"),
        ("children", {"text": f"password: {SECRET}"}, "add_children (text of 24 characters)", ""),
        ("alerts/test", {"channel": "mail"}, "test_alerts (channel 'mail')", "alerts"),
        ("children/a%0Ab:stop", {}, "stop_child 'a\\nb'", ""),
        (f"children/{'x' * 5000}:stop", {}, f"stop_child '{'x' * 50}", ""),
    ],
)  # fmt: skip
def test_what_is_asked_for_in_vain_is_logged_with_why(
    path: str, body: Any, says: str, why: str, shop: Client, log: list[str]
) -> None:
    """On one line, which is not long, whatever is in it."""
    assert shop.post(f"/api/v1/{path}", body).status in (404, 409, 422)
    asked, failed = audited(log, 2)
    assert asked.startswith(f"shop: the-admin asks for {says}")
    assert failed.startswith(f"{asked}, in vain: ")
    assert why in failed.partition(", in vain: ")[2]
    assert max(map(len, (asked, failed))) < 2000
    assert all(each.isprintable() for each in (asked, failed))
    assert SECRET not in "\n".join(log)


def test_who_may_not_is_logged_too(shop: Client, log: list[str]) -> None:
    """With the role that it takes; nothing is said of who has no name."""
    assert shop.post("/api/v1/shutdown", {}, "view").status == 403
    assert shop.post("/api/v1/children/back/db:stop", {}, "view").status == 403
    assert shop.get("/api/v1/plan?file=/etc/shadow", "view").status == 403
    assert shop.post("/api/v1/shutdown", {}, None).status == 401
    assert audited(log, 3) == [
        f"shop: the-view asks for {what}, in vain: {why}"
        for what, why in (
            ("shutdown", "this takes the role admin, and the-view has view"),
            ("stop_child 'back/db'", "this takes the role operate, and the-view has view"),
            ("plan (file '/etc/shadow')", "the plan for a `file` takes the role admin"),
        )
    ]


def test_what_fails_for_some_of_several_is_logged(shop: Client, log: list[str]) -> None:
    """The answer has status 200 then."""
    done = shop.post("/api/v1/start", {"paths": ["web", "back/db"]}).json
    assert all(each["error"] for each in done)
    _, failed = audited(log, 2)
    assert failed.startswith(
        "shop: the-admin asks for start_some (paths 'web', 'back/db'), in vain for 'web': "
    )
    assert "; for 'back/db': " in failed
