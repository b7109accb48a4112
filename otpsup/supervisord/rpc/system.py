"""The methods about methods, and several calls in one. Source: http://supervisord.org/api.html."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .faults import Fault, RpcError
from .methods import Registry, published

Call = Callable[[Any, Any], Awaitable[Any]]
"""Calls a method by its name with arguments."""


class System:
    """The namespace `system`.

    Args:
        registry: where all methods are; asked when it is called.
        call: makes a call of a multicall.
    """

    def __init__(self, registry: Callable[[], Registry], call: Call) -> None:
        self._registry = registry
        self._call = call

    @published("listMethods", types="array")
    def list_methods(self) -> list[str]:
        """The names of all methods, in alphabetical order."""
        return self._registry().names()

    @published("methodHelp", types="string string")
    def method_help(self, name: str) -> str:
        """What a method does."""
        return self._registry().known(name).help

    @published("methodSignature", types="array string")
    def method_signature(self, name: str) -> list[str]:
        """The type that a method returns, and those of its arguments."""
        signature = self._registry().known(name).signature
        if signature is None:
            raise RpcError(Fault.SIGNATURE_UNSUPPORTED)
        return list(signature)

    @published("multicall", types="array array")
    async def multicall(self, calls: list[Any]) -> list[Any]:
        """Make several calls, given as structs with `methodName` and `params`, one after the other.
        Returns what each returned, or a struct with `faultCode` and `faultString`."""
        if not isinstance(calls, list | str):  # of a text each letter is a call, and a bad one
            raise RpcError(Fault.INCORRECT_PARAMETERS)
        return [await self._one(call) for call in calls]

    async def _one(self, call: Any) -> Any:
        await asyncio.sleep(0)  # there may be many, and programs that end meanwhile
        try:
            return await self._called(call)
        except RpcError as error:
            return {"faultCode": error.code, "faultString": error.text}

    async def _called(self, call: Any) -> Any:
        if not isinstance(call, dict):
            raise RpcError(Fault.INCORRECT_PARAMETERS)
        name = call.get("methodName")
        if name is None:
            raise RpcError(Fault.INCORRECT_PARAMETERS, "No methodName")
        if name == "system.multicall":
            raise RpcError(Fault.INCORRECT_PARAMETERS, "Recursive system.multicall forbidden")
        return await self._call(name, call.get("params", []))
