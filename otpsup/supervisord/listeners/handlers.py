"""Result handlers: what judges a listener's answer (`result_handler` of an `[eventlistener:x]`)."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from typing import Any

from ...errors import InvalidFile, Problem, in_words
from ..conf import lines
from ..conf.model import Settings
from ..events import Event

Handler = Callable[[Event, bytes], Any]
"""Called with an event and with what the listener answered; raises to say no."""

DEFAULT = "supervisor.dispatchers:default_handler"


class RejectEvent(Exception):
    """The listener has not dealt with the event; it is to be sent again."""


def default_handler(_event: Event, response: bytes) -> None:
    """`OK` accepts.

    Raises:
        RejectEvent: it was anything else.
    """
    if response != b"OK":
        raise RejectEvent(response)


def is_rejection(error: Exception) -> bool:
    """Whether a handler says no with this: our `RejectEvent`, or the one of the supervisor package,
    which handlers that are written for it raise, and which need not be there otherwise."""
    return any(kind.__name__ == "RejectEvent" for kind in type(error).__mro__)


def resolve(spec: str) -> Handler:
    """The handler that `module:name` stands for. The default is here, under supervisord's name.

    Raises:
        ImportError, AttributeError: there is none, as supervisord tells it apart.
    """
    if spec == DEFAULT:
        return default_handler
    module, _, name = spec.partition(":")
    if not module or not name:
        raise ImportError(f"{spec!r} is not written module:name")
    found: Handler = attrgetter(name)(import_module(module))
    return found


def check(settings: Settings) -> None:
    """Look for the handlers of all listeners.

    Raises:
        InvalidFile: there is one that there is not, in supervisord's words.
    """
    problems = []
    for group in settings.groups:
        if group.listening is not None:
            spec, section = group.listening.result_handler, group.processes[0].section
            try:
                resolve(spec)
            except Exception as error:  # the module is somebody else's
                text = f"{spec} cannot be resolved within [{section}]: {in_words(error)}"
                file, line = lines.find([str(settings.file)], section, "result_handler")
                where = (file or str(settings.file), line, 1 if line else 0)
                problems.append(Problem(*where, f"{section}.result_handler", text))
    if problems:
        raise InvalidFile.of(problems)
