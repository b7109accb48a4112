"""The posts, in one SQLite file outside every release.

Decides: the schema, and in which order posts are read.
Must not know: HTTP, or how a post looks.

Releases share the file, and an older one may have to take over again: a later schema may only add
columns with defaults.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

PAGE = 20
_LARGEST_ID = 2**63 - 1
_SCHEMA = """CREATE TABLE posts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    created REAL NOT NULL
)"""
_FIRST_TITLE = "Hello, world"
_FIRST_BODY = """This blog is one of four programs that live and die under a supervision tree.

Open the System page to see them. Then kill one, any one you like, and watch."""


@dataclass(frozen=True)
class Post:
    """One post; `created` in seconds since 1970."""

    id: int
    title: str
    body: str
    created: float


class Posts:
    """The posts of one file; usable from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._transaction() as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'posts'").fetchone():
                db.execute(_SCHEMA)
                _insert(db, _FIRST_TITLE, _FIRST_BODY)

    def page(self, before: int | None = None) -> list[Post]:
        """The newest `PAGE` posts, or those that came before the one with this id."""
        query = "SELECT * FROM posts WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?"
        with self._transaction() as db:
            return [Post(*row) for row in db.execute(query, (before, before, PAGE))]

    def get(self, number: int) -> Post | None:
        """One post, or None if there is none with this id."""
        if number > _LARGEST_ID:
            return None
        with self._transaction() as db:
            row = db.execute("SELECT * FROM posts WHERE id = ?", (number,)).fetchone()
        return Post(*row) if row else None

    def add(self, title: str, body: str) -> int:
        """Store a post; when this returns, it is on the disk. Returns its id."""
        with self._transaction() as db:
            return _insert(db, title, body)

    def count(self) -> int:
        """How many posts there are."""
        with self._transaction() as db:
            return int(db.execute("SELECT COUNT(*) FROM posts").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        # A connection per use: a few microseconds, and no thread shares one with another.
        with closing(sqlite3.connect(self._path)) as db, db:
            yield db


def _insert(db: sqlite3.Connection, title: str, body: str) -> int:
    query = "INSERT INTO posts (title, body, created) VALUES (?, ?, ?)"
    number = db.execute(query, (title, body, time.time())).lastrowid
    assert number is not None
    return number
