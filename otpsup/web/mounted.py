"""The application of a tree in an application of the host's own."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path

from ..logger import logger
from ..serving.asgi import Receive, Scope, Send
from ..tree import Tree
from . import tokens
from .access import Access, Caller
from .application import App, Site
from .hub import Hub
from .in_program import InProgram
from .tokens import Known, TokenFile


class Mounted:
    """See `otpsup.web.app`. Is made for the loop of whoever asks first."""

    def __init__(
        self, tree: Tree, token_file: str | os.PathLike[str] | None, hosts: Iterable[str]
    ) -> None:
        hub = Hub()
        known = TokenFile(Path(token_file)).known if token_file else _own(self, tree, hub)
        access = Access(
            hosts=frozenset(each.lower() for each in hosts), is_open=False,
            way="token_file" if token_file else "mounted",
        )  # fmt: skip
        self._site = Site(InProgram(tree), hub, access, known)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        loop = asyncio.get_running_loop()
        if self._app is None or self._loop is not loop:
            self._begin(loop)
        assert self._app is not None
        await self._app(scope, receive, send)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._app is None:
            stop = self._site.door.listen(self._site.hub)
            weakref.finalize(self, stop)
        self._loop, self._app = loop, App(self._site, asyncio.Event())


def _own(mounted: Mounted, tree: Tree, hub: Hub) -> Callable[[], Known]:
    """A token for the user of the program, until that ends."""
    found = tokens.own(tree.name, hub.server)
    if found is None:
        return dict
    file, token = found
    weakref.finalize(mounted, file.unlink, missing_ok=True)
    logger.info("{}: its page takes the token in {}", tree.name, file)
    known = {tokens.hashed(token): Caller("admin", "owner")}
    return lambda: known
