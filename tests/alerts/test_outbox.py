"""The outbox: what was written is there, whole or not at all; and it has an end."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from otpsup.alerts.message import Message
from otpsup.alerts.outbox import Outbox, usual
from otpsup.alerts.packed import LARGEST
from tests.alerts.logged import logged
from tests.support.waiting import descriptors

AT = 1_800_000_000.0


def message(number: int, channel: str = "mail", severity: str = "warning") -> Message:
    id = f"abc.{number}.{channel}"
    return Message(
        id, channel, AT + number, severity, f"s{number}", "text", {"x": 1}, ("k",), number
    )


def opened(folder: Path, most: int = 100, most_bytes: int = 1 << 20) -> Outbox:
    return Outbox(folder, most, most_bytes, "shop")


def put(box: Outbox, *messages: Message) -> None:
    for each in messages:
        box.release(each, box.write(each))


def test_what_was_written_is_there_for_the_next_host(tmp_path: Path) -> None:
    """All of it, in order, until it is delivered; for its owner alone."""
    box = opened(tmp_path / "a" / "box")
    put(box, message(2), message(1))
    box.save_state({"firing": 1})
    box.close()
    for path in (tmp_path / "a" / "box").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a" / "box").stat().st_mode & 0o777 == 0o700

    again = opened(tmp_path / "a" / "box")
    assert again.load() == [message(1), message(2)]
    assert again.load_state() == {"firing": 1}
    again.remove(message(1))
    assert [each.name for each in box.folder.glob("*.message")] == [
        f"{int((AT + 2) * 1000):015}-abc.2.mail.message"
    ]


def test_nobody_delivers_what_was_not_released(tmp_path: Path) -> None:
    """What is written is noted first."""
    box = opened(tmp_path)
    size = box.write(message(1))
    assert box.waiting() == []
    box.release(message(1), size)
    assert box.waiting("mail") == [message(1)]
    assert box.waiting("other") == []


def test_two_hosts_of_one_name_have_a_folder_each(tmp_path: Path) -> None:
    """As when one replaces the other."""
    with logged("WARNING") as lines:
        first, second = opened(tmp_path / "box"), opened(tmp_path / "box")
    assert (first.folder.name, second.folder.name) == ("box", "box~2")
    assert any("another host has" in line and "box~2" in line for line in lines)
    third = opened(tmp_path / "box")
    assert third.folder.name == "box~3"
    third.close()
    first.close()
    assert opened(tmp_path / "box").folder.name == "box"


def test_what_was_left_beside_is_adopted(tmp_path: Path) -> None:
    """By the next host, as soon as nobody has that folder any more; not what another tree has."""
    first, second, third = (opened(tmp_path / "box") for _ in range(3))
    put(second, message(2))
    second.save_state({"firing": 2})
    second.mark(is_running=True)
    put(third, message(3))
    other = opened(tmp_path / "box-2")
    put(other, message(4))
    for box in (first, second, other):
        box.close()

    again = opened(tmp_path / "box")
    assert again.load() == [message(2)]
    assert again.left_states() == [{"firing": 2}]
    assert again.was_running
    again.has_adopted()
    again.close()
    third.close()
    last = opened(tmp_path / "box")
    assert last.load() == [message(2), message(3)]
    assert last.left_states() == []
    assert not last.was_running


def test_what_a_host_has_forked_does_not_keep_its_folder(tmp_path: Path) -> None:
    """The host is killed, its fork lives on: the next one has the folder."""
    script = f"""
import os, signal, sys, time
from pathlib import Path
from otpsup.alerts.outbox import Outbox
box = Outbox(Path({str(tmp_path / "box")!r}), 10, 1 << 20, "shop")
box.save_state({{"firing": 1}})
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.read()
    os._exit(0)
signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as host:
        assert host.stdout
        assert host.stdin
        assert host.stdout.readline() == b"forked\n"
        assert opened(tmp_path / "box").folder.name == "box~2"
        host.kill()
        os.waitid(os.P_PID, host.pid, os.WEXITED | os.WNOWAIT)
        again = opened(tmp_path / "box")
        assert again.folder.name == "box"
        assert again.load_state() == {"firing": 1}
        host.stdin.close()


@pytest.mark.parametrize("is_back", [False, True])
def test_a_folder_that_is_removed_is_made_again(tmp_path: Path, is_back: bool) -> None:
    """With all that waits, and its lock; also if somebody else has made an empty one."""
    box = opened(tmp_path / "box")
    put(box, message(1))
    box.save_state({"firing": 1})
    box.mark(is_running=True)
    shutil.rmtree(box.folder)
    if is_back:
        box.folder.mkdir()
    put(box, message(2))
    assert box.trouble == ""
    assert opened(tmp_path / "box").folder.name == "box~2"
    box.close()

    again = opened(tmp_path / "box")
    assert again.load() == [message(1), message(2)]
    assert again.load_state() == {"firing": 1}
    assert again.was_running


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b'{"id": 1}', b"\xff", b"[" * 100_000, b'{"a": NaN}']
)
def test_a_damaged_file_is_set_aside_and_said(tmp_path: Path, data: bytes) -> None:
    """The others are delivered."""
    box = opened(tmp_path)
    put(box, message(1))
    (tmp_path / "000-x.message").write_bytes(data)
    (tmp_path / "state.json").write_bytes(data)
    (tmp_path / "y.message.new").write_bytes(b"{")  # killed while it was written
    box.close()

    with logged() as lines:
        again = opened(tmp_path)
        assert again.load() == [message(1)]
        again.load_state()
    assert (tmp_path / "000-x.message.bad").read_bytes() == data
    assert not (tmp_path / "y.message.new").exists()
    assert any("000-x.message is damaged" in line for line in lines)


def test_what_is_too_large_to_be_read_again_is_not_written(tmp_path: Path) -> None:
    """It is delivered from memory, and that is said; what was kept before is there still."""
    box = opened(tmp_path)
    box.save_state({"firing": 1})
    box.save_state({"firing": "x" * LARGEST})
    assert box.trouble == "state.json has more than 4 MiB"
    put(box, evolve(message(1), text="x" * LARGEST))
    assert len(box.waiting()) == 1
    box.close()
    again = opened(tmp_path)
    assert again.load() == []
    assert again.load_state() == {"firing": 1}


@pytest.mark.parametrize("state", [b"", b"{", b"x" * (LARGEST + 1)])
def test_that_a_host_was_killed_is_known_whatever_became_of_its_state(
    tmp_path: Path, state: bytes
) -> None:
    """Until it is said that the tree runs no more."""
    box = opened(tmp_path)
    assert not box.was_running
    box.mark(is_running=True)
    box.close()
    (tmp_path / "state.json").write_bytes(state)
    again = opened(tmp_path)
    assert again.load_state() is None
    assert again.was_running
    again.mark(is_running=False)
    again.close()
    assert not opened(tmp_path).was_running


@given(st.text() | st.characters(categories=["Cs"]))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Also what UTF-8 has no bytes for; and no letter takes six."""
    box = opened(tmp_path_factory.mktemp("box"))
    sent = evolve(message(1), text=text)
    put(box, sent)
    box.close()
    assert opened(box.folder).load() == [sent]


def test_a_full_outbox_drops_the_least_and_oldest(tmp_path: Path) -> None:
    """And says so, in the log and to the channel."""
    box = opened(tmp_path, most=3)
    grave = message(1, severity="critical")
    with logged() as lines:
        put(box, grave, message(2), message(3, "chat"), message(4), message(5))
    assert box.waiting() == [grave, message(4), message(5)]
    assert len(list(tmp_path.glob("*.message"))) == 3
    assert (box.take_lost("mail"), box.take_lost("mail"), box.take_lost("chat")) == (1, 0, 1)
    assert sum("dropped a message" in line for line in lines) == 2


@given(st.lists(st.sampled_from(["info", "warning", "critical"]), max_size=12), st.integers(1, 6))
def test_the_outbox_has_an_end(
    tmp_path_factory: pytest.TempPathFactory, severities: list[str], most: int
) -> None:
    """No more than so many wait, and none is dropped for one that is less grave."""
    box = opened(tmp_path_factory.mktemp("box"), most=most)
    sent = [message(n, severity=each) for n, each in enumerate(severities)]
    put(box, *sent)

    rank = ["info", "warning", "critical"].index
    best = sorted(sent, key=lambda m: (rank(m.severity), m.at))[-most:]
    assert box.waiting() == sorted(best, key=lambda m: m.at)
    assert len(list(box.folder.glob("*.message"))) == len(best)
    box.close()


def test_bytes_have_an_end_too(tmp_path: Path) -> None:
    """One message is kept, whatever its size."""
    box = opened(tmp_path, most_bytes=600)
    large = [evolve(message(n), text="x" * 300) for n in range(3)]
    put(box, *large)
    assert box.waiting() == large[2:]


def test_a_disk_that_fails_is_told_once_and_harms_nothing(tmp_path: Path) -> None:
    """What cannot be written is delivered from memory; that it works again is told, too."""
    (tmp_path / "state").write_text("a file where a folder should be")
    box: Any
    with logged() as lines:
        box = opened(tmp_path / "state" / "box")
        put(box, message(1), message(2))
        box.save_state({})
        assert box.waiting() == [message(1), message(2)]
        assert box.trouble == "Not a directory"
        (tmp_path / "state").unlink()
        (tmp_path / "state" / "box").mkdir(parents=True)
        box.save_state({})
        assert box.trouble == ""
    assert sum("cannot write to" in line for line in lines) == 1
    assert sum("can write to" in line and "again" in line for line in lines) == 1


def test_a_disk_that_is_full_is_not_filled_with_halves(tmp_path: Path) -> None:
    """What was there before is there still."""
    box = opened(tmp_path)
    put(box, message(1))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        put(box, message(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert box.trouble == "File too large"
    assert box.waiting() == [message(1), message(2)]
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix] == [".message"]


def test_the_usual_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The XDG base directory specification: a relative path is no path."""
    monkeypatch.setenv("HOME", "/home/x")
    monkeypatch.setenv("XDG_STATE_HOME", "/var/lib/x")
    assert usual("my shop") == Path("/var/lib/x/otpsup/alerts/my_shop")
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert usual("shop") == Path("/home/x/.local/state/otpsup/alerts/shop")
    monkeypatch.delenv("XDG_STATE_HOME")
    assert usual("a/../b").parent == Path("/home/x/.local/state/otpsup/alerts")


def test_leftover_descriptors(tmp_path: Path) -> None:
    """Nothing stays open."""
    box = opened(tmp_path)
    put(box, message(1))
    assert [each for each in descriptors().values() if str(tmp_path) in each]
    box.close()
    assert not [each for each in descriptors().values() if str(tmp_path) in each]
