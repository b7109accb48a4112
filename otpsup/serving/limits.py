"""How many connections there may be."""

from __future__ import annotations

import resource

_MOST = 2000
"""Connections that are open at once, if there are enough descriptors; see `most`."""


def most() -> int:
    """How many may be connected: a part of the descriptors, which the programs need, too."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else max(min(soft // 4, _MOST), 8)
