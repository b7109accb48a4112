"""`web`: a page and REST for a running tree, over its control socket; tokens for it."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..control.client import TreeClient
from ..errors import NotFound
from ..specs.web import Web
from . import log, show
from .parameters import BadUsage, Options

if TYPE_CHECKING:
    from ..web.access import Role

_ENDS = (signal.SIGINT, signal.SIGTERM)


def command(options: Options) -> str | Iterable[str]:
    """Serve until SIGINT or SIGTERM; or tell where a tree serves itself; or make a token."""
    if options.what == "token":
        return _token(options)
    if options.name is not None or options.role is not None:
        raise BadUsage("NAME and --role go with token: otpsup web token --role operate NAME")
    return _login(options) if options.what == "login" else _serve(options)


def _token(options: Options) -> str:
    """The token is shown this once: only its hash is kept."""
    from ..web import tokens

    role: Role = options.role or "view"
    name = options.name
    if name is None or not tokens.is_name(name):
        raise BadUsage("a token has a name, of letters, digits and `.`, `_`, `@`, `-`: who or what "
                       "uses it, as in `otpsup web token --role operate mia`")  # fmt: skip
    if options.tokens is not None:
        return f"{tokens.add(options.tokens, role, name)}\n"
    token = tokens.new()
    show.complain(f"its line in a file of tokens: {role} {name} {tokens.hashed(token)}")
    return f"{token}\n"


def _login(options: Options) -> str:
    """Where the tree serves itself, and where others serve it: `otpsup web`, an application."""
    with TreeClient.connect(options.tree, options.socket) as client:
        name = client.about()["name"]
        try:
            own = _own(client)
        except NotFound as error:
            return _of_others(name, error)
    urls, _ = _others(name)
    return show.lines([own, *(url for url in urls if url != own)])


def _own(client: TreeClient) -> str:
    """Where the tree serves itself.

    Raises:
        NotFound: it does not.
    """
    url = client.ask_plugin("web", "login")
    if url is None:
        raise NotFound("the tree's plug-in `web` does not serve; its log says why")
    if "#" not in url:
        show.complain(f"sign in at {url} with one of its file of tokens; `otpsup web token NAME "
                      "--tokens FILE` makes more")  # fmt: skip
    return str(url)


def _of_others(name: str, error: NotFound) -> str:
    urls, tokens = _others(name)
    if urls:
        return show.lines(urls)
    if tokens:
        show.complain("an application of the program serves it; its page takes this token")
        return show.lines(tokens)
    raise NotFound(f"{error}; or serve it with `otpsup web --tree {name}`")


def _others(name: str) -> tuple[list[str], list[str]]:
    """Where this tree is served with a token of the server's own, and such tokens of servers whose
    address is not known."""
    from ..web import tokens

    found = [file.read_text().split() for file in tokens.own_files(name)]
    urls = [words[1] for words in found if len(words) > 1]
    return urls, [words[0] for words in found if len(words) == 1]


def _serve(options: Options) -> Iterator[str]:
    from ..web.by_client import ByClient
    from ..web.serve import Running

    settings = _settings(options)
    with _ends_wait():
        running = Running(settings, ByClient(options.tree, options.socket), "`otpsup web` serves")
        log.to_stderr()
        running.start()
        try:
            yield show.lines([running.login])
            signal.sigwait(_ENDS)
        finally:
            running.stop()


def _settings(options: Options) -> Web:
    listen = options.listen or "127.0.0.1:9300"
    # As if it had tokens: without, it is refused in the words of a tree file.
    is_private = Web(listen, token_file=options.tokens or Path("any")).is_private
    if not is_private and options.tokens is None:
        raise BadUsage(f"{listen} can be reached from other machines, so it takes --tokens FILE; "
                       "`otpsup web token NAME --tokens FILE` makes that")  # fmt: skip
    if not is_private and options.certificate is None:
        show.complain("tokens go over the wire as they are: give it a --certificate, or have a "
                      "proxy with TLS before it")  # fmt: skip
    return Web(
        listen=listen, token_file=options.tokens, hosts=options.host,
        certificate=options.certificate, key=options.key,
    )  # fmt: skip


@contextmanager
def _ends_wait() -> Iterator[None]:
    """The signals that end it come to who waits for them, and to none of its threads."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
