"""What a tree needs of the kernel's limits, counted before any of it is started.

A child costs the host one descriptor for its process, one for its channel, and one for each pipe;
a check one for its connection, or those of the program that looks.
Whoever may be started later, a child with `autostart=False` or an instance of a template, is not
counted: at the limit such a start fails, as any other may.
"""

from __future__ import annotations

import math
import os
import resource
from collections import Counter
from collections.abc import Iterator, Mapping

from attrs import frozen

from ..errors import TooLarge
from ..specs import (
    ChildSpec,
    Command,
    DynamicSupervisor,
    Http,
    LogFile,
    Notify,
    Port,
    Supervisor,
    Worker,
)
from ..specs.health import Check, Exec
from ..specs.stdin import Socket
from . import hooks, limits
from .launcher.server import SPARE
from .output import count_pipes

OWN = 64
"""Descriptors that are left to the host beside those that it has open when the tree starts: for
the launcher, the zygote, the log thread and the control socket, and for who connects to that."""
_ENOUGH = 100_000
"""Descriptors to spare of which nobody can use more."""
_LAUNCHERS = 64
"""Descriptors of the launcher and of one order, those for the host's own children aside."""


def descriptors(spec: Worker | Command) -> int:
    """How many the host has open for one child that is up, or coming up."""
    count = 2 + count_pipes(spec)  # its process and its channel
    if isinstance(spec.ready, Notify):
        count += 1 if spec.ready.fd is None else 2
    if isinstance(spec, Command) and spec.stdin == "pipe":
        count += 1
    if isinstance(spec, Worker):
        count += _STOCK.get(spec.start_method, 0)
    if spec.after_ready is not None:  # it runs beside its child
        count += descriptors(hooks.hook_spec(spec, "after_ready"))
    return count + sum(map(_of_check, (*spec.startup, *spec.readiness, *spec.liveness)))


def _of_check(check: Check) -> int:
    """While it looks."""
    if isinstance(check.what, Port | Http):
        return 1
    return _OF_A_PROGRAM if isinstance(check.what, Exec) else 0


_OF_A_PROGRAM = 3
"""Its process, its channel, and one pipe."""


_STOCK: Mapping[str, int] = {"fork": 3, "spawn": 3, "forkserver": 2}
"""What multiprocessing holds of a process (its sentinel, and the pipe by which it hears of our
end), and what we watch it by."""


def launcher_descriptors(spec: Worker | Command) -> int:
    """How many the launcher needs for one child: only for those that the host makes itself. That
    it holds the ends of a command besides is a favour, while there is room."""
    return 1 if isinstance(spec, Worker) and spec.start_method in _STOCK else 0


@frozen
class Need:
    """What a tree needs.

    Attributes:
        costs: how many children there are by the descriptors that each costs.
        shared: descriptors for log files and for sockets that children serve.
        stock: descriptors of the launcher for children.
    """

    costs: Mapping[int, int]
    shared: int
    stock: int

    @property
    def children(self) -> int:
        """Those that start with the tree."""
        return sum(self.costs.values())

    @property
    def total(self) -> int:
        """Descriptors of the host for all of them."""
        return sum(cost * count for cost, count in self.costs.items()) + self.shared


def need(spec: ChildSpec) -> Need:
    """What those need who start with the tree."""
    found = list(_starting(spec))
    shared: set[object] = set()
    for each in found:
        shared |= {out.path for out in (each.stdout, each.stderr) if isinstance(out, LogFile)}
        if isinstance(each, Command) and isinstance(each.stdin, Socket):
            shared.add(each.stdin.url)
    costs = Counter(map(descriptors, found))
    return Need(costs, len(shared), sum(map(launcher_descriptors, found)))


def _starting(spec: ChildSpec) -> Iterator[Worker | Command]:
    if isinstance(spec, Worker | Command):
        yield spec
    elif isinstance(spec, Supervisor):
        for child in spec.children:
            if child.autostart:
                yield from _starting(child)
    else:
        assert isinstance(spec, DynamicSupervisor)


def open_now() -> int:
    """Descriptors that this process has open."""
    try:
        return len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - one is for the look itself
    except OSError:
        return 3


def check(name: str, spec: ChildSpec, others: int) -> None:
    """Refuse a tree that certainly does not fit.

    Args:
        name: of the tree.
        others: descriptors that the process has open for other things.

    Raises:
        TooLarge: with the arithmetic.
    """
    if why := why_not(spec, others):
        raise TooLarge(f"tree {name!r} {why}")


def why_not(spec: ChildSpec, others: int) -> str:
    """Why a tree does not fit, as what its name is followed by; nothing if it may."""
    needs = need(spec)
    soft, hard = (limits.limit(each) for each in resource.getrlimit(resource.RLIMIT_NOFILE))
    total, own = needs.total + OWN + others, OWN + others
    if total > hard:
        return (
            f"needs {total:,} descriptors ({_sum(needs)} + {own:,} of the host's own), and this "
            f"process may have {hard:,} (ulimit -Hn); raise that (LimitNOFILE= under systemd), or "
            "send output to 'null'"
        )
    if needs.stock + _LAUNCHERS > soft and needs.stock:
        return (
            f"needs {needs.stock + _LAUNCHERS:,} descriptors in its launcher ({needs.stock:,} "
            f"workers of multiprocessing's start methods + {_LAUNCHERS}), and that may have "
            f"{soft:,} (ulimit -Sn); raise that, or take the start method 'zygote'"
        )
    return _too_many(needs.children)


def spare(spec: ChildSpec, others: int) -> int:
    """Descriptors beyond what a tree needs: so many of new processes can be taken in at a time
    before those of the old ones are closed."""
    hard = limits.limit(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    left = hard - need(spec).total - OWN - others
    return int(min(max(left, 0) + SPARE, _ENOUGH))


def _sum(needs: Need) -> str:
    """As in `9,000 children x 3 + 10 x 5 + 2 for log files and sockets`."""
    by_size = sorted(needs.costs.items(), key=lambda pair: -pair[1])
    parts = [f"{count:,} x {cost}" for cost, count in by_size]
    parts = [f"{by_size[0][1]:,} children x {by_size[0][0]}", *parts[1:]] if parts else []
    if needs.shared:
        parts.append(f"{needs.shared:,} for log files and sockets")
    return " + ".join(parts) or "no children"


# Processes.


def _too_many(children: int) -> str:
    count = children + 2
    name, most = min(limits.of_processes(), key=lambda pair: pair[1], default=("", math.inf))
    if count <= most:
        return ""
    return (
        f"needs {count:,} processes ({children:,} children + 2 of otpsup's own), and there may be "
        f"{most:,.0f} ({name}); raise that"
    )
