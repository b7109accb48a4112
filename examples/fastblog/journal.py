"""The switch from one release to another, so that no crash can leave the blog without a release.

Decides: which release is served, how often a new one is tried before it is given up, and what
`update.json` says about it. It is the only writer of that file and, after the first installation,
of the `current` link.
Must not know: how a release is fetched, started or asked for its health.

A new release is on trial from `switch` until `confirm` or `roll_back`. Only this stretch needs a
journal: what an update does before leaves files that nobody serves. The journal is written before
the link moves forward and after it has moved back, so "on trial, but the link is not on it" always
means: not switched, or already switched back.

main_app calls `boot` before each start, as firmware with two slots does. Two starts of a release
on trial are counted, the third gives up. One would be too few: a start can end for reasons of its
own (somebody killed it; ipc_server died and took the rest along). With three, the old release
would have its turn only at the last of the 3 restarts in 60 s that the supervisor grants.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from typing import Any, Literal

from attrs import asdict, evolve, field, frozen
from attrs.validators import instance_of

from examples.fastblog.data_dir import DataDir, locked, replace_file
from examples.fastblog.install import current_version, point_to

MAX_BOOTS = 2
HISTORY = 20
Phase = Literal["switched", "verified", "rolled_back"]
Action = Literal["serve", "try", "give up", "never switched"]


def _lines(history: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple(history)


@frozen
class Journal:
    """The last update. `at` is when it entered its phase, in seconds since 1970."""

    phase: Phase
    version: str = field(validator=instance_of(str))
    previous: str = field(validator=instance_of(str))
    at: float
    boots: int = field(default=0, validator=instance_of(int))
    reason: str | None = None
    history: tuple[dict[str, Any], ...] = field(default=(), converter=_lines)

    @property
    def on_trial(self) -> bool:
        """Whether the new release is neither confirmed nor given up."""
        return self.phase == "switched"

    def ended(self, phase: Phase, reason: str | None) -> Journal:
        """This update brought to its end, and entered in the history."""
        at = time.time()
        line = {"at": at, "version": self.version, "previous": self.previous}
        line |= {"outcome": phase, "reason": reason}
        history = (*self.history, line)[-HISTORY:]
        return evolve(self, phase=phase, reason=reason, at=at, history=history)


class NoRelease(Exception):
    """Nothing is installed; says how to mend that."""


def read(data: DataDir) -> Journal | None:
    """The last update, or None if there was none (or its record cannot be understood)."""
    try:
        return Journal(**json.loads(data.journal.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        # Serving what `current` says beats serving nothing.
        print(f"{data.journal} is not an update journal, ignored: {error}", file=sys.stderr)
        return None


def action(journal: Journal | None, current: str) -> Action:
    """What a start of main_app has to do, with `current` as the linked release. Pure."""
    if journal is None or not journal.on_trial:
        return "serve"
    if current != journal.version:
        return "never switched"
    return "try" if journal.boots < MAX_BOOTS else "give up"


def boot(data: DataDir) -> str:
    """Decide which version main_app serves now, and record that it is being started.

    Raises:
        NoRelease: there is nothing to serve.
    """
    with locked(data.lock("journal")):
        journal, current = read(data), _current(data)
        match action(journal, current), journal:
            case "try", Journal(boots=boots) as trial:
                _write(data, evolve(trial, boots=boots + 1))
            case "give up", Journal(version=version, boots=boots) as trial:
                reason = f"{version} was started {boots} times and never confirmed to work"
                _switch_back(data, trial, reason)
            case "never switched", Journal() as trial:
                _switch_back(data, trial, "the update ended before the switch")
        return _current(data)


def switch(data: DataDir, version: str) -> None:
    """Put an installed release on trial: main_app serves it from its next start on."""
    with locked(data.lock("journal")):
        before = read(data)
        history = before.history if before else ()
        _write(data, Journal("switched", version, _current(data), time.time(), history=history))
        point_to(data, version)


def confirm(data: DataDir) -> bool:
    """The release on trial works: keep it. False if there is none (it was given up meanwhile)."""
    with locked(data.lock("journal")):
        journal = read(data)
        if journal is None or not journal.on_trial or _current(data) != journal.version:
            return False
        _write(data, journal.ended("verified", None))
        return True


def roll_back(data: DataDir, reason: str) -> str:
    """Give up the release on trial; return the reason on record.

    Whoever was first has the say: main_app may have given it up by itself.
    """
    with locked(data.lock("journal")):
        journal = read(data)
        if journal is None or not journal.on_trial:
            return (journal and journal.reason) or reason
        _switch_back(data, journal, reason)
        return reason


def _switch_back(data: DataDir, journal: Journal, reason: str) -> None:
    if _current(data) != journal.previous:
        point_to(data, journal.previous)
    _write(data, journal.ended("rolled_back", reason))


def _current(data: DataDir) -> str:
    version = current_version(data)
    if version is None or not (data.releases / version).is_dir():
        raise NoRelease(
            f"{data.current} leads to no release ({version or 'there is no such link'}); start"
            f" python -m examples.fastblog --data {data.root} to install one"
        )
    return version


def _write(data: DataDir, journal: Journal) -> None:
    replace_file(data.journal, json.dumps(asdict(journal), indent=2).encode() + b"\n")
