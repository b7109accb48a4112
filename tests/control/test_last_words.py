"""Last words: what a tree said when it ended, kept in a file beside the sockets."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict, evolve

from otpsup import Supervisor, Tree
from otpsup.control import address, last_words
from otpsup.control.last_words import LastWords
from otpsup.errors import NotRunning

WORDS = LastWords("blog", 7, 100.0, "gave_up", "blog gave up: ...", ("1. a", "2. b"))


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which no other tree is."""
    folder = tmp_path_factory.mktemp("o")
    monkeypatch.setenv(address.DIRECTORY, str(folder))
    return folder


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_they_come_back() -> None:
    """What is written is what is read, by name and without."""
    last_words.write(WORDS)
    assert last_words.read("blog") == WORDS
    assert last_words.read() == WORDS


@pytest.mark.parametrize(
    "words",
    [
        evolve(WORDS, text="ä ☃ \ud800 \x1b[31m \n", story=("", "'", '"', "\\")),
        evolve(WORDS, text="x" * 1_000_000, story=("y",) * 1000),
        evolve(WORDS, tree="my blog/1", story=()),
        evolve(WORDS, tree="ü" * 200),
        evolve(WORDS, tree="..", at=0.0),
    ],
    ids=["texts", "long", "name", "long name", "dots"],
)
def test_any_words(words: LastWords, own: Path) -> None:
    """Whatever the tree is called and whatever it says, in its own folder and nowhere else."""
    last_words.write(words)
    assert last_words.read(words.tree) == words
    assert len(files(own)) == 1


def test_the_latest_counts(own: Path) -> None:
    """There is one file a tree, of its last end; without a name the tree that ended last counts."""
    last_words.write(evolve(WORDS, at=300.0))
    last_words.write(evolve(WORDS, at=200.0, kind="stopped"))
    last_words.write(evolve(WORDS, tree="other", at=150.0))
    assert last_words.read("blog").kind == "stopped"
    assert last_words.read().tree == "blog"
    last_words.write(evolve(WORDS, tree="other", at=250.0))
    assert last_words.read().tree == "other"
    assert files(own) == ["blog-7.ended", "other-7.ended"]


def test_for_this_user_alone(own: Path) -> None:
    """Reasons may tell what others should not know: the file is its owner's."""
    before = os.umask(0)
    try:
        last_words.write(WORDS)
    finally:
        os.umask(before)
    assert stat.S_IMODE((own / "blog-7.ended").stat().st_mode) == 0o600


def test_nothing_is_known() -> None:
    """Of a tree that never ended, or of none at all, nothing is known, which says so."""
    with pytest.raises(NotRunning, match="nothing is known of the end of tree 'blog'"):
        last_words.read("blog")
    with pytest.raises(NotRunning, match="nothing is known of the end of any tree"):
        last_words.read()


GOOD = asdict(WORDS)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({**GOOD, "more": 1}).encode(),
        json.dumps({**GOOD, "story": 3}).encode(),
        json.dumps({**GOOD, "story": [1, None]}).encode(),
        json.dumps({**GOOD, "story": "text"}).encode(),
        json.dumps({**GOOD, "at": "noon"}).encode(),
        json.dumps({**GOOD, "at": None}).encode(),
        json.dumps({**GOOD, "text": ["x"]}).encode(),
        json.dumps({**GOOD, "pid": "7"}).encode(),
        json.dumps({**GOOD, "pid": 10**4000}).encode(),
        json.dumps({**GOOD, "at": float("inf")}).encode(),
        json.dumps({**GOOD, "at": float("nan")}).encode(),
        json.dumps({**GOOD, "began": 10**400}).encode(),
        json.dumps({**GOOD, "at": "HERE"}).replace('"HERE"', "1e400").encode(),
        json.dumps({**GOOD, "tree": None}).encode(),
    ],
)
def test_a_broken_file_is_none(text: bytes, own: Path) -> None:
    """A file that is no last words, or those of another version, says nothing, and does not keep
    those of other trees from being read."""
    (own / "broken.ended").write_bytes(text)
    with pytest.raises(NotRunning):
        last_words.read("broken")
    last_words.write(WORDS)
    assert last_words.read() == WORDS


def test_what_is_no_file(own: Path) -> None:
    """Nor does a folder, or a link to nowhere, of such a name."""
    (own / "folder.ended").mkdir()
    (own / "link.ended").symlink_to("nowhere")
    last_words.write(WORDS)
    assert last_words.read() == WORDS


def test_a_folder_that_cannot_be_written(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree that cannot keep its last words is not held up by that, nor told of it."""
    for folder in (own / "file", Path("/proc/nowhere")):
        monkeypatch.setenv(address.DIRECTORY, str(folder))
        if folder.parent == own:
            folder.touch()
        last_words.write(WORDS)
        with Tree(Supervisor("t")) as tree:
            pass
        assert tree.wait(0).kind == "stopped"


def test_a_full_disk_leaves_those_before(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words that could not be written whole do not replace those that were."""
    last_words.write(WORDS)
    (own / f"blog-7.ended.{threading.get_native_id()}.new").symlink_to("/dev/full")
    last_words.write(evolve(WORDS, at=500.0))
    assert last_words.read("blog") == WORDS


def test_many_at_once(own: Path) -> None:
    """However many end at once, under one name and under others, every file is whole."""

    def end(number: int) -> None:
        for at in range(20):
            last_words.write(evolve(WORDS, tree=f"t{number % 3}", at=float(at), text="x" * 20_000))

    threads = [threading.Thread(target=end, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(own) == [f"t{n}-7.ended" for n in range(3)]
    assert {len(last_words.read(f"t{number}").text) for number in range(3)} == {20_000}


def test_a_tree_says_them() -> None:
    """Every end of a tree is kept, and the socket is gone by the time that stop returns."""
    with Tree(Supervisor("root"), name="blog"), pytest.raises(NotRunning):
        last_words.read("blog")
    words: Any = last_words.read("blog")
    assert (words.tree, words.pid, words.kind) == ("blog", os.getpid(), "stopped")
    assert words.text == "blog stopped: the tree was asked to stop."
    assert address.running() == []


def test_they_are_no_socket(own: Path) -> None:
    """Whoever looks for running trees leaves them alone."""
    last_words.write(WORDS)
    assert address.running() == []
    with pytest.raises(NotRunning, match="running now: none"):
        address.find("blog")
    assert files(own) == ["blog-7.ended"]


# Those of a tree that said nothing.

DEAD = 2**22 + 1
"""No process has this number: it is above the largest that the kernel gives out."""


def test_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree that began and never said how it ended, and whose process is gone, vanished."""
    last_words.write(WORDS)
    monkeypatch.setattr(os, "getpid", lambda: DEAD)
    last_words.begin("blog")

    found = last_words.read("blog")

    assert (found.kind, found.pid, found.story) == ("vanished", DEAD, ())
    assert "without a word" in found.text


def test_not_of_one_that_runs() -> None:
    """A tree that began, and whose process is there, has not ended."""
    last_words.write(evolve(WORDS, tree="other"))
    last_words.begin("blog")

    assert last_words.read().tree == "other"
    with pytest.raises(NotRunning, match="nothing is known of the end of tree 'blog'"):
        last_words.read("blog")


def test_by_name_and_pid() -> None:
    """A tree is also called as its socket is, and only by its own number."""
    last_words.write(WORDS)

    assert last_words.read("blog-7") == WORDS
    with pytest.raises(NotRunning):
        last_words.read("blog-8")


def test_a_name_that_looks_like_one_with_a_pid() -> None:
    """`blog-7` may be a tree of that name, too."""
    named = evolve(WORDS, tree="blog-7", pid=9)
    last_words.write(named)

    assert last_words.read("blog-7") == named


def test_two_of_a_name_that_overlap(monkeypatch: pytest.MonkeyPatch, own: Path) -> None:
    """The end of the tree that was replaced does not hide that of the one that replaced it."""
    ours = os.getpid()
    began = last_words.begin("blog")
    monkeypatch.setattr(os, "getpid", lambda: DEAD)
    last_words.begin("blog")
    last_words.write(evolve(WORDS, pid=ours, began=began, at=began + 900, kind="stopped"))

    assert (last_words.read("blog").pid, last_words.read("blog").kind) == (DEAD, "vanished")
    assert last_words.read(f"blog-{ours}").kind == "stopped"

    monkeypatch.setattr(os, "getpid", lambda: ours)
    last_words.begin("blog")

    assert files(own) == [f"blog-{ours}.ended"]


def test_of_other_names_nothing_is_forgotten(own: Path) -> None:
    """A tree that begins takes away what those of its own name have left, and nothing else."""
    for name in ("blog-2", "blog", "blogs", "a"):
        last_words.write(evolve(WORDS, tree=name, pid=DEAD))
    last_words.begin("blog")

    ours = os.getpid()
    dead = [f"{name}-{DEAD}.ended" for name in ("a", "blog-2", "blogs")]
    assert sorted(files(own)) == sorted([*dead, f"blog-{ours}.ended"])
