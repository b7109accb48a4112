"""What a running tree does for who asks, beside its engine: look, signal, reload, scale.

Decides nothing about children: the engine does, by the requests that are made here. Runs on the
loop of the tree; what may block goes to a thread.

asked    the operations, by their names in `wire.operations`
updates  becoming another tree
files    where that comes from: tree files
waited   for the engine, and for other threads
running  what is needed of the tree
"""

from __future__ import annotations

from .asked import Operations as Operations
from .running import Root as Root
from .running import Source as Source
