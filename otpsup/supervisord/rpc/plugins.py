"""The `[rpcinterface:x]` sections of others: plug-ins that are written for supervisord.

Their factories are called with a `Facade`, which has what simple ones look at. One that wants more
of supervisord's inside than that cannot work here, and is told of in the log and left out.

Source: http://supervisord.org/xmlrpc.html#rpcinterface-sections.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, SimpleNamespace
from typing import Any

from attrs import evolve

from ...errors import in_words
from ..conf.model import RpcInterface
from . import methods
from .faults import RpcError, raw
from .host import Host
from .methods import Method

MAIN = "supervisor.rpcinterface:make_main_rpcinterface"
"""supervisord's own interface, which is ours."""
_DELAY = 0.05


class Facade:
    """What a plug-in sees of the daemon: `options`, and `process_groups` by name."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.options = _Options(host)

    @property
    def process_groups(self) -> dict[str, Any]:
        """The groups, with `config` and `processes`."""
        return {
            name: SimpleNamespace(
                config=active.group,
                processes={each.name: _process(each) for each in active.records.values()},
            )
            for name, active in self._host.groups.items()
        }

    def get_state(self) -> int:
        """What the daemon is doing."""
        return int(self._host.mood)


def _process(record: Any) -> SimpleNamespace:
    return SimpleNamespace(
        config=record.process, pid=record.pid, state=int(record.state), group=record.group,
        get_state=lambda: int(record.state), laststart=record.started, laststop=record.stopped,
        exitstatus=record.exitstatus, spawnerr=record.spawnerr,
    )  # fmt: skip


class _Options:
    def __init__(self, host: Host) -> None:
        self._host = host
        self.logger = host.log
        self.configfile = str(host.settings.file)
        self.identifier = host.settings.supervisord.identifier

    @property
    def mood(self) -> int:
        return int(self._host.mood)


def load(host: Host, sections: Iterable[RpcInterface]) -> Iterator[tuple[str, dict[str, Method]]]:
    """The methods of each plug-in, by the name of its namespace."""
    for section in sections:
        if section.factory == MAIN:
            continue
        try:
            made = _factory(section.factory)(Facade(host), **section.arguments)
        except Exception as error:  # whatever its code raises
            host.log.warn(
                f"[rpcinterface:{section.name}] is left out, for it cannot be made here: "
                f"{in_words(error)}"
            )
            continue
        host.log.info(f"RPC interface {section.name!r} initialized")
        yield section.name, {name: _apart(each) for name, each in methods.of_plugin(made).items()}


def _factory(text: str) -> Callable[..., Any]:
    module, _, name = text.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{text} cannot be called")
    made: Callable[..., Any] = found
    return made


def _apart(method: Method) -> Method:
    """In a thread: what others wrote is not to hold up supervision."""

    async def call(*given: Any) -> Any:
        return await asyncio.to_thread(_called, method.call, given)

    return evolve(method, call=call)


def _called(call: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    """The answer; a function is asked for it again and again, as supervisord does."""
    try:
        value = call(*given)
        while isinstance(value, FunctionType):
            answer = value()
            if answer is not _not_done_yet():
                return answer
            time.sleep(getattr(value, "delay", _DELAY) or _DELAY)
        return value
    except Exception as error:
        raise _fault(error) from error


def _not_done_yet() -> object:
    """supervisord's own sign, if the plug-in has it from there."""
    module = sys.modules.get("supervisor.http")
    return getattr(module, "NOT_DONE_YET", _called)


def _fault(error: Exception) -> Exception:
    """Their faults are of supervisord's class, which need not be installed."""
    code, text = getattr(error, "code", None), getattr(error, "text", None)
    if isinstance(code, int) and isinstance(text, str) and not isinstance(error, RpcError):
        return raw(code, text)
    return error
