"""What workers are made with is loaded before they are, where that holds up nobody.

A tree of commands needs none of it, and does not load it: multiprocessing, and what depends on
that. The loop of a tree that runs must not stand still for it either.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator

from ..specs import ChildSpec, Command, DynamicSupervisor, Supervisor, Worker
from . import hooks


def load_for(spec: ChildSpec) -> None:
    """Load what the workers in a tree are made with: in a thread that may wait, or on a loop with
    nothing to do yet. What cannot be loaded now is tried again where it is needed, and told there.
    """
    needed = {"zygote" if w.start_method == "zygote" else "stock" for w in _workers(spec)}
    with contextlib.suppress(ImportError, OSError):
        for name in sorted(needed):
            importlib.import_module(f".{name}", __package__)


def _workers(spec: ChildSpec) -> Iterator[Worker]:
    match spec:
        case Supervisor():
            for child in spec.children:
                yield from _workers(child)
        case DynamicSupervisor():
            yield from _workers(spec.template)
        case Worker() | Command():
            yield from hooks.workers(spec)
            if isinstance(spec, Worker):
                yield spec
