"""One small adapter for each way to keep programs running."""

from __future__ import annotations

from .loops import ASYNCIO, LIMIT
from .ours import OTPSUP
from .rival import Rival

COMMANDS: tuple[Rival, ...] = (LIMIT, ASYNCIO, OTPSUP)
"""Who can run commands, in the order of the tables."""
