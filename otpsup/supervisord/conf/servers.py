"""`[inet_http_server]` and `[unix_http_server]`: any number of each, told apart by what follows."""

from __future__ import annotations

from . import words
from .files import Files
from .machine import Machine
from .model import HttpServer
from .section import Section

INET, UNIX = "inet_http_server", "unix_http_server"


def servers(files: Files, machine: Machine) -> tuple[HttpServer, ...]:
    """All of them, first those of TCP.

    Raises:
        Wrong: an option is wrong, or half of a name and password is there.
    """
    inet = [_inet(Section(files, each, {})) for each in _sections(files, INET)]
    here = {"here": files.here}
    unix = [_Unix(Section(files, each, {}), machine).read(here) for each in _sections(files, UNIX)]
    return tuple(inet + unix)


def _sections(files: Files, kind: str) -> list[str]:
    return [each for each in files.sections if each.startswith(kind)]


def server_url(found: tuple[HttpServer, ...]) -> str | None:
    """What `serverurl=AUTO` is: the first unix socket, else the last TCP one; else None."""
    unix = [f"unix://{each.file}" for each in found if each.file is not None]
    inet = [f"http://{each.host or 'localhost'}:{each.port}" for each in found if each.file is None]
    return next(iter(unix[:1] + inet[-1:]), None)


def _credentials(section: Section) -> tuple[str | None, str | None]:
    username, password = section.optional("username"), section.optional("password")
    if (username is None) != (password is None):
        raise section.wrong(
            f"Section [{section.name}] contains incomplete authentication: If a username or a "
            "password is specified, both the username and password must be specified"
        )
    return username, password


def _inet(section: Section) -> HttpServer:
    username, password = _credentials(section)
    text = section.optional("port")
    if text is None:
        raise section.wrong(f"section [{section.name}] has no port value")
    host, port = section.convert("port", words.inet_address, text)
    return HttpServer(
        section=section.name, host=host, port=port, username=username, password=password
    )


class _Unix:
    """Reads a server on a unix socket."""

    def __init__(self, section: Section, machine: Machine) -> None:
        self._section, self._machine = section, machine

    def read(self, here: dict[str, str]) -> HttpServer:
        section = self._section
        file = Section(section.files, section.name, here).optional("file")
        if file is None:
            raise section.wrong(f"section [{section.name}] has no file value")
        username, password = _credentials(section)
        owner = section.optional("chown")
        return HttpServer(
            section=section.name,
            file=self._machine.absolute(file.strip()),
            username=username,
            password=password,
            owner=owner,
            chown=(-1, -1) if owner is None else self._chown(owner),
            chmod=self._chmod(),
        )

    def _chown(self, text: str) -> tuple[int, int]:
        try:
            return self._machine.owner(text)
        except ValueError:
            told = f"Invalid sockchown value {text}"
            raise self._section.wrong(told, "chown") from None

    def _chmod(self) -> int:
        text = self._section.optional("chmod")
        try:
            return 0o700 if text is None else words.octal(text)
        except ValueError:
            raise self._section.wrong(f"Invalid chmod value {text}", "chmod") from None
