"""`alerts`: what is firing and what waits to be told, and whether messages arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..control.client import TreeClient
from ..durations import duration
from . import show
from .parameters import BadUsage, Options
from .verbs import SomeFailed, connected

_PLUGIN = "alerts"


@connected
def command(client: TreeClient, options: Options) -> str:
    """What is firing and what waits; with `test`, whether messages arrive."""
    if options.what == "test":
        return _test(client, options)
    if options.channel is not None:
        raise BadUsage("--channel goes with test: otpsup alerts test --channel NAME")
    found = client.ask_plugin(_PLUGIN, "status", {})
    return show.as_json(found) if options.json else show.lines(_told(found))


def _told(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["firing"]:
        yield "nothing is firing"
    for alert in found["firing"]:
        times = f", {alert['count']:,} times" if alert["count"] > 1 else ""
        well = f"; well for {_ago(alert['well_at'])}" if alert["well_at"] is not None else ""
        yield f"{alert['severity']}: {alert['what']} ({_ago(alert['at'])} ago{times}{well})"
    yield ""
    for name, channel in found["channels"].items():
        yield f"{name} ({channel['kind']}): {_channel(channel)}"
    if found["trouble"]:
        yield f"outbox {found['outbox']} cannot be written to: {found['trouble']}"


def _channel(channel: Mapping[str, Any]) -> str:
    parts = [f"{channel['waiting']} in the outbox"]
    if channel["grouping"]:
        parts.append(f"{channel['grouping']} to be told")
    if channel["last_at"] is not None:
        parts.append(f"delivered last {_ago(channel['last_at'])} ago")
    if channel["trouble"]:
        parts.append(f"last failure: {channel['trouble']}")
    return ", ".join(parts)


def _ago(at: float) -> str:
    return duration(time.time() - at)


def _test(client: TreeClient, options: Options) -> str:
    """A message through each channel.

    Raises:
        SomeFailed: one did not arrive; each is told.
    """
    fields = {} if options.channel is None else {"channel": options.channel}
    found = client.ask_plugin(_PLUGIN, "test", fields)
    said = {name: "delivered" if one["ok"] else one["why"] for name, one in found.items()}
    output = show.as_json(found) if options.json else show.pairs(said, options)
    failed = sum(not one["ok"] for one in found.values())
    if failed:
        raise SomeFailed(f"{failed} of {len(found)} channels failed", output)
    return output
