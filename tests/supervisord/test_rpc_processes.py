"""What becomes of a request for a group, when one of it cannot do it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from otpsup.errors import NoProcess
from otpsup.supervisord.conf.model import Group, Process
from otpsup.supervisord.processes import Record
from otpsup.supervisord.rpc.faults import Fault
from otpsup.supervisord.rpc.process import ProcessMethods
from otpsup.supervisord.states import State

PAIR = tuple(Process(name=name, section="program:pair", command="x") for name in "ab")
GROUP = Group(name="pair", processes=PAIR)


def test_a_signal_for_a_group_of_which_one_has_no_process_yet() -> None:
    """It is told of that one; the others get theirs."""
    records = {each.name: Record(group=GROUP, process=each, state=State.STARTING) for each in PAIR}
    sent: list[str] = []

    def signal(record: Record, number: int) -> None:
        if record.name == "a":
            raise NoProcess("it is starting")
        sent.append(record.name)

    group = SimpleNamespace(group=GROUP, records=records)
    host: Any = SimpleNamespace(
        groups={"pair": group}, record=lambda _, name: records[name], signal=signal
    )
    told = asyncio.run(ProcessMethods(host).signal_group("pair", "USR1"))
    assert [(each["name"], each["status"]) for each in told] == [("a", Fault.FAILED), ("b", 80)]
    assert sent == ["b"]
