"""Time spans as people read them, in whole seconds. Pure."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A time span in two units at most: `12s`, `3m 5s`, `2h 7m`, `4d 1h`."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {whole % 60}s" if minutes else f"{whole}s"
