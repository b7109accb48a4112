"""Who says it: one stream of one incarnation of a child."""

from __future__ import annotations

from attrs import frozen


@frozen
class Source:
    """Where a pipe begins.

    Attributes:
        path: the child's.
        stream: `stdout` or `stderr`; `stdout` for both in one pipe.
        pid: the process, or None if there was none.
        run: the number of the incarnation, unique in a tree.
    """

    path: str
    stream: str = "stdout"
    pid: int | None = None
    run: int = 0
