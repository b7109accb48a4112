"""The web server of a tree: a page, REST, and the pages of all its plug-ins.

access       who may ask for what                                    (pure)
tokens       how they are made and kept
sessions     of browsers; who was wrong too often
guard        who asks
door         a tree, wherever it is: in_plugin, in_program, by_client (and asking, what they share)
hub          its events, numbered, for all who follow them
streams      server-sent events
waits        until children are there, or can serve
shapes       what requests take and answers have                     (pure)
routes       the table: acts and several do what is in it, openapi tells it
requests     from HTTP to what a route takes
repeats      idempotency keys
audit        who has asked for a change, in the log
problems     errors as problem+json
forms        values as JSON
rest         the routes at work
pages        pages in threads: one that hangs holds up no other; threads: the same for requests
files        the page's own files, in static
application  what is where, as an ASGI application                   (extra `web`)
mounted      the same in an application of the host's own
serve        a server with these settings
service      the plug-in: serves until the tree ends
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..serving.asgi import Application
    from ..tree import Tree


def app(
    tree: Tree, *, token_file: str | os.PathLike[str] | None = None, hosts: Iterable[str] = ()
) -> Application:
    """The page and REST of a tree as an ASGI application, to be mounted in one of your own:
    `Mount("/tree", otpsup.web.app(tree))` (Starlette), `host.mount("/tree", ...)` (FastAPI).

    Everything takes a token but the page's own files. The tree may be started later, or again.

    Args:
        token_file: as for `otpsup.Web`. Without it a token is made, whose place is logged.
        hosts: the only names that the Host header may have, beside those of this machine; any, if
            none is given.

    Raises:
        NoWebServer: a package of the extra `web` is not installed.
        CannotServe: the tokens cannot be used.
    """
    from ..serving.server import missing

    try:
        from .mounted import Mounted
    except ImportError as error:
        raise missing("otpsup.web.app was called", error) from None
    return Mounted(tree, token_file, hosts)
