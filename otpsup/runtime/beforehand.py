"""What workers are made with is loaded before they are, where that holds up nobody.

A tree of commands needs none of it, and does not load it: multiprocessing, and what depends on
that. The loop of a tree that runs must not stand still for it either.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
from collections.abc import Callable, Iterator

from ..specs import ChildSpec, Command, DynamicSupervisor, Supervisor, Worker
from . import hooks

_at_exit: list[Callable[[], object]] = []


def at_exit(call: Callable[[], object]) -> None:
    """Call it when the interpreter ends: before multiprocessing waits for its children, which only
    we may be able to end. Exit handlers run in reverse order, and it registers its own when it is
    loaded, by whomever; so ours are registered anew whenever it is needed."""
    _at_exit.append(call)
    atexit.register(call)


def not_at_exit(call: Callable[[], object]) -> None:
    """Do not call it any more."""
    with contextlib.suppress(ValueError):
        _at_exit.remove(call)
    atexit.unregister(call)


def load_for(spec: ChildSpec) -> None:
    """Load what the workers in a tree are made with: in a thread that may wait, or on a loop with
    nothing to do yet. What cannot be loaded now is tried again where it is needed, and told there.
    """
    needed = {"zygote" if w.start_method == "zygote" else "stock" for w in _workers(spec)}
    with contextlib.suppress(ImportError, OSError):
        for name in sorted(needed):
            importlib.import_module(f".{name}", __package__)
    for call in tuple(_at_exit) if needed else ():
        atexit.unregister(call)
        atexit.register(call)


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
