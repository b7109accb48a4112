"""Nobody takes what others need: threads, places, keys. Who is let in no more hears no more."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import Response

from otpsup import Command, Supervisor, log_line
from otpsup.web import repeats, streams, threads
from otpsup.web.problems import Refused
from otpsup.web.repeats import Repeats
from otpsup.web.threads import Busy, Threads
from tests.support.waiting import LONG, until
from tests.web.served import Client, read_until, served


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    talks = Command("talks", ["sh", "-c", "seq 30; exec cat"], stdin="pipe")
    deaf = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"
    slow = Command("slow", ["sh", "-c", deaf], ready=log_line("deaf"), shutdown=0.5)
    with served(tmp_path_factory.mktemp("fair"), Supervisor("shop", children=[talks, slow])) as it:
        yield it


def test_one_caller_has_half_of_the_turns() -> None:
    """The other half is for others, however long his work takes."""

    async def main() -> None:
        turns = Threads("t", 4)
        over = threading.Event()
        his = [asyncio.ensure_future(turns.run_for("mia", over.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await turns.run_for("mia", over.wait)
        assert await turns.run_for("leo", lambda: 5) == 5
        over.set()
        await asyncio.gather(*his)
        assert await turns.run_for("mia", lambda: 6) == 6

    asyncio.run(main())


def test_who_asks_for_the_same_before_it_has_begun_gets_the_same() -> None:
    """And who asks after that gets what is so then."""

    async def main() -> None:
        turns = Threads("t", 1)
        over = threading.Event()
        began: list[int] = []

        def look() -> int:
            began.append(1)
            over.wait(LONG)
            return len(began)

        first = asyncio.ensure_future(turns.run_once("a", look))
        await asyncio.to_thread(until, lambda: began)
        later = [asyncio.ensure_future(turns.run_once("a", look)) for _ in range(20)]
        await asyncio.sleep(0)
        over.set()
        assert await first == 1
        assert set(await asyncio.gather(*later)) == {2}

    asyncio.run(main())


def test_an_error_comes_to_all_who_asked() -> None:
    async def main() -> None:
        turns = Threads("t", 1)

        def fail() -> None:
            raise Busy("no")

        asked = [turns.run_once("a", fail) for _ in range(3)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [str(each) for each in found] == ["no"] * 3

    asyncio.run(main())


def test_what_was_not_done_is_done_when_it_is_asked_again() -> None:
    """A key keeps an answer, and not that there was no tree, or no turn."""

    async def main() -> None:
        kept = Repeats()
        codes = iter([503, 503, 204, 204])

        async def do() -> Response:
            return Response(status_code=next(codes))

        found = [(await kept.once("mia", "k", "x", do)).status_code for _ in range(5)]
        assert found == [503, 503, 204, 204, 204]

        async def fail() -> Response:
            raise RuntimeError("a bug")

        for _ in range(2):
            with pytest.raises(RuntimeError):
                await kept.once("mia", "other", "x", fail)

    asyncio.run(main())


def test_keys_are_kept_however_many_others_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has too many is told so; nobody's are forgotten before their time."""
    monkeypatch.setattr(repeats, "MOST", 3)

    async def main() -> None:
        kept = Repeats()
        done: list[str] = []

        def do(name: str) -> Any:
            async def work() -> Response:
                done.append(name)
                return Response()

            return work

        await kept.once("mia", "k", "x", do("mia"))
        for number in range(3):
            await kept.once("leo", str(number), "x", do("leo"))
        with pytest.raises(Refused, match="3 of your Idempotency-Keys are kept"):
            await kept.once("leo", "one more", "x", do("leo"))
        await kept.once("mia", "k", "x", do("mia"))
        assert done.count("mia") == 1

    asyncio.run(main())


def test_stops_are_not_held_up_by_what_others_wait_for(shop: Client) -> None:
    """All turns of one caller are taken by restarts that take long; another stops a child."""
    socks = [_ask(shop, "POST", "/api/v1/children/slow:restart", "operate") for _ in range(20)]
    until(lambda: shop.get("/api/v1/children/slow").json["state"] == "stopping")
    assert shop.post("/api/v1/children/talks:stop").status == 204
    assert shop.post("/api/v1/children/talks:start").status == 200
    assert shop.post("/api/v1/children/talks:stop", role="operate").status == 204
    assert shop.post("/api/v1/children/talks:start").status == 200
    for sock in socks:
        sock.close()


def _ask(client: Client, method: str, path: str, role: str) -> socket.socket:
    sock = socket.create_connection(client.address, timeout=LONG)
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
    sock.sendall(f"{head}Authorization: Bearer {client.tokens[role]}\r\n\r\n".encode())
    return sock


def test_half_of_the_followers_are_one_callers(shop: Client) -> None:
    """Counted before anything is waited for."""
    socks = [shop.open("/api/v1/logs/follow?path=talks", "view") for _ in range(60)]
    heads = [read_until(sock, b"\r\n\r\n").split()[1] for sock in socks]
    assert heads.count(b"200") == 32
    assert heads.count(b"503") == 28
    with shop.open("/api/v1/logs/follow?path=talks", "operate") as sock:
        read_until(sock, b"event: line")
    for sock in socks:
        sock.close()


def test_lines_are_resumed(shop: Client) -> None:
    """From the id of the last one on, each once, however many came at the same time."""
    with shop.open("/api/v1/logs/follow?path=talks&lines=30") as sock:
        until(lambda: len(shop.get("/api/v1/logs?path=talks").json) >= 30)
        told = read_until(sock, b'"30"')
    events = [_parsed(each) for each in told.split(b"\n\n") if b"event: line" in each]
    found = {each["text"]: each["id"] for each in events if each["text"].isdigit()}
    assert len(set(found.values())) == len(found)
    with shop.open("/api/v1/logs/follow?path=talks", Last_Event_ID=found["20"]) as sock:
        again = read_until(sock, b'"30"')
    texts = [_parsed(each)["text"] for each in again.split(b"\n\n") if b"event: line" in each]
    assert texts[:9] == [str(n) for n in range(21, 30)]


def _parsed(event: bytes) -> dict[str, Any]:
    fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line)
    data: dict[str, Any] = json.loads(fields[b"data"]) if fields[b"data"].endswith(b"}") else {}
    text = str(data.get("text", "30"))
    return {"id": fields[b"id"].decode(), "text": text}


def test_who_is_let_in_no_more_hears_no_more(shop: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams end soon after their session was ended."""
    monkeypatch.setattr(streams, "ASKS_AGAIN", 0.05)
    begun = shop.post("/login", {"token": shop.tokens["view"]}, role=None)
    cookie = begun.headers["set-cookie"].partition(";")[0]
    csrf = shop.get("/api/v1/session", None, Cookie=cookie).json["csrf"]
    with shop.open("/api/v1/events", None, Cookie=cookie) as sock:
        read_until(sock, b": otpsup")
        assert shop.post("/logout", role=None, Cookie=cookie, X_CSRF_Token=csrf).status == 204
        read_until(sock, b"0\r\n\r\n")


def test_half_a_character_is_no_text(shop: Client) -> None:
    """What no UTF-8 can hold is refused."""
    answer = shop.post(
        "/api/v1/children/talks:stdin", b'{"text": "\\ud800"}', Content_Type="application/json"
    )
    assert (answer.status, answer.json["code"]) == (422, "invalid_spec")


def test_odd_ids_of_events(shop: Client) -> None:
    """Whatever comes as Last-Event-ID: the stream begins, and says that some may be missing."""
    for odd in ("x-\u00b2", "x", "-", "x-99999999999999999999"):
        with shop.open("/api/v1/events", Last_Event_ID=odd) as sock:
            read_until(sock, b"event: gap")


def test_threads_that_hold_up_others_rest() -> None:
    """As long as they have worked."""

    async def main() -> None:
        turns = Threads("t", 1, rests=True)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await turns.run(lambda: threading.Event().wait(0.1))
        await turns.run(lambda: None)
        assert loop.time() - began >= 0.2

    asyncio.run(main())


def test_the_words_of_threads() -> None:
    """Who has waited too long for a turn is told so."""

    async def main() -> None:
        turns = threads.Threads("t", 1, patience=0.01)
        over = threading.Event()
        first = asyncio.ensure_future(turns.run(over.wait))
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="too many requests"):
            await turns.run(lambda: None)
        over.set()
        await first

    asyncio.run(main())
