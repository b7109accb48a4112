"""Workers and hooks that write down what happens. Imports little, as `targets` does."""

from __future__ import annotations

import os
from pathlib import Path

from . import targets


def note() -> None:
    """Write down which hook this is, and what it was told."""
    told = os.environ.get("OTPSUP_EXIT_CODE", "") + os.environ.get("OTPSUP_EXIT_SIGNAL", "")
    with Path(os.environ["JOURNAL"]).open("a") as file:
        file.write(f"{os.environ.get('OTPSUP_HOOK', 'child')} {told}\n")


def note_and_hang() -> None:
    """The same, and then do not end; nor does somebody in another session."""
    note()
    targets.start_a_daemon(os.environ["JOURNAL"] + ".daemon")


def stay() -> None:
    """Write down that the child runs, and stay."""
    note()
    targets.ready()


def fail() -> None:
    """A hook that fails."""
    raise targets.Broken("no luck")
