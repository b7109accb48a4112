"""How methods are published: under which names, with which types, and who is called for them.

Decides what a method name may be: `namespace.method`, and nothing that begins with `_`; supervisord
once let clients walk through its objects (CVE-2017-11610).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from attrs import frozen

from .faults import Fault, RpcError

_F = TypeVar("_F", bound=Callable[..., Any])
_MARK = "__published__"


@frozen
class Method:
    """A published method.

    Attributes:
        call: what it does; may be a coroutine function.
        signature: the type that it returns, and those of its arguments; None if nobody knows.
        is_checked: it is refused while the daemon stops or restarts.
    """

    call: Callable[..., Any]
    signature: tuple[str, ...] | None = None
    help: str = ""
    is_checked: bool = False
    least: int = 0
    most: int | None = 0

    def check(self, params: Any) -> tuple[Any, ...]:
        """The arguments, if there are as many as it takes.

        Raises:
            RpcError: INCORRECT_PARAMETERS.
        """
        try:
            given = tuple(params)
        except TypeError:
            raise RpcError(Fault.INCORRECT_PARAMETERS) from None
        if len(given) < self.least or (self.most is not None and len(given) > self.most):
            raise RpcError(Fault.INCORRECT_PARAMETERS)
        return given


def published(*names: str, types: str, is_checked: bool = True) -> Callable[[_F], _F]:
    """Publish a method under these names.

    Args:
        types: what it returns and takes, as `boolean string boolean`.
        is_checked: it is refused while the daemon stops or restarts.
    """

    def mark(function: _F) -> _F:
        setattr(function, _MARK, (names, tuple(types.split()), is_checked))
        return function

    return mark


def of(namespace: object) -> dict[str, Method]:
    """The methods that an object of ours publishes, by their names."""
    found = {}
    for _, function in inspect.getmembers(type(namespace), inspect.isfunction):
        names, types, is_checked = getattr(function, _MARK, ((), (), False))
        call = function.__get__(namespace)
        least, most = arity(call)
        help = inspect.getdoc(function) or ""
        for name in names:
            found[name] = Method(call, types, help, is_checked, least, most)
    return found


def of_plugin(namespace: object) -> dict[str, Method]:
    """The methods of a plug-in's object, as supervisord finds them: those of its own class whose
    names do not begin with `_`."""
    found = {}
    for name in vars(type(namespace)):
        call = getattr(namespace, name, None)
        if not name.startswith("_") and inspect.ismethod(call):
            found[name] = Method(call, None, str(call.__doc__), False, *arity(call))
    return found


def arity(call: Callable[..., Any]) -> tuple[int, int | None]:
    """How many arguments a call takes at least, and at most."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(call).parameters.values()
    plain = [each for each in parameters if each.kind in kinds]
    least = sum(each.default is inspect.Parameter.empty for each in plain)
    is_open = any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters)
    return least, None if is_open else len(plain)


class Registry:
    """All methods, by `namespace.method`."""

    def __init__(self, namespaces: Iterable[tuple[str, Mapping[str, Method]]]) -> None:
        self._methods = {
            f"{space}.{name}": method for space, methods in namespaces
            for name, method in methods.items()
        }  # fmt: skip

    def find(self, name: Any) -> Method:
        """The method of that name.

        Raises:
            RpcError: UNKNOWN_METHOD; INCORRECT_PARAMETERS if it is no text.
        """
        if not isinstance(name, str):
            raise RpcError(Fault.INCORRECT_PARAMETERS)
        method = self._methods.get(name)
        if method is None:
            raise RpcError(Fault.UNKNOWN_METHOD)
        return method

    def known(self, name: Any) -> Method:
        """The method that somebody asks about.

        Raises:
            RpcError: SIGNATURE_UNSUPPORTED.
        """
        method = self._methods.get(name) if isinstance(name, str) else None
        if method is None:
            raise RpcError(Fault.SIGNATURE_UNSUPPORTED)
        return method

    def names(self) -> list[str]:
        """All of them, in alphabetical order."""
        return sorted(self._methods)
