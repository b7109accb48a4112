"""`orphans`: processes of trees that are dead, listed, and ended with --end."""

from __future__ import annotations

from .. import orphans
from ..errors import OtpsupError
from . import show
from .parameters import Options


class NotEnded(OtpsupError):
    """Some orphans could not be ended; each is named."""

    code = "not_ended"


def command(options: Options) -> str:
    """A line for each; with --end, what became of them."""
    found = orphans.find()
    left = orphans.end(found, options.grace) if options.end else []
    if left:
        pids = ", ".join(str(orphan.pid) for orphan in left)
        raise NotEnded(f"these could not be ended, and may be another user's: {pids}")
    if options.json:
        return show.as_json(found)
    if not found:
        return "no orphans: no process of a dead tree is left\n"
    verb = "was ended" if options.end else "is left"
    lines = [
        f"pid {each.pid} ({each.path or 'of no child that is known'}) {verb}: {each.command}; its "
        f"tree was in process {each.host}, which is gone"
        for each in found
    ]
    return show.lines(lines if options.end else [*lines, "`otpsup orphans --end` ends them"])
