"""From a method's name and arguments to its answer. Runs on the daemon's loop.

Whatever a method raises, its caller gets a fault, and the daemon goes on.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import OtpsupError, in_words
from ...logger import logger
from ..states import Mood
from . import methods
from .daemon import DaemonMethods
from .faults import Fault, RpcError
from .host import Host
from .logmethods import LogMethods
from .methods import Method, Registry
from .process import ProcessMethods
from .system import System


class Dispatcher:
    """The methods of a daemon.

    Args:
        host: the daemon.
        plugins: the methods of further namespaces, see `plugins`.
    """

    def __init__(
        self, host: Host, plugins: Iterable[tuple[str, Mapping[str, Method]]] = ()
    ) -> None:
        self._host = host
        ours = {
            **methods.of(DaemonMethods(host)),
            **methods.of(ProcessMethods(host)),
            **methods.of(LogMethods(host)),
        }
        system = methods.of(System(lambda: self._registry, self.call))
        self._registry = Registry([("supervisor", ours), *plugins, ("system", system)])

    async def call(self, name: Any, params: Any) -> Any:
        """The answer of a method.

        Raises:
            RpcError: it is a fault.
        """
        method = self._registry.find(name)
        given = method.check(params)
        is_ours = not name.startswith("system.")
        if method.is_checked and is_ours and self._host.mood < Mood.RUNNING:
            raise RpcError(Fault.SHUTDOWN_STATE)
        try:
            value = method.call(*given)
            return await value if inspect.isawaitable(value) else value
        except (RpcError, OtpsupError) as error:
            raise _fault(error) from None
        except Exception as error:
            logger.error("the XML-RPC method {} failed", name[:100], error=error)
            raise RpcError(Fault.FAILED, in_words(error)) from None


def _fault(error: RpcError | OtpsupError) -> RpcError:
    """What the tree refuses, is told as it says it."""
    return error if isinstance(error, RpcError) else RpcError(Fault.FAILED, error)
