"""The faults of supervisord's XML-RPC interface, by their numbers.

Source: http://supervisord.org/api.html and supervisor 4.3.0.
"""

from __future__ import annotations

from enum import IntEnum


class Fault(IntEnum):
    """What a method may answer instead of a value."""

    UNKNOWN_METHOD = 1
    INCORRECT_PARAMETERS = 2
    BAD_ARGUMENTS = 3
    SIGNATURE_UNSUPPORTED = 4
    SHUTDOWN_STATE = 6
    BAD_NAME = 10
    BAD_SIGNAL = 11
    NO_FILE = 20
    NOT_EXECUTABLE = 21
    FAILED = 30
    ABNORMAL_TERMINATION = 40
    SPAWN_ERROR = 50
    ALREADY_STARTED = 60
    NOT_RUNNING = 70
    SUCCESS = 80
    ALREADY_ADDED = 90
    STILL_RUNNING = 91
    CANT_REREAD = 92


class RpcError(Exception):
    """A method's answer is a fault.

    Attributes:
        code: its number.
        text: what clients are shown, `NAME` or `NAME: more`.
    """

    def __init__(self, fault: Fault, more: object = None) -> None:
        self.code = int(fault)
        self.text = fault.name if more is None else f"{fault.name}: {more}"
        super().__init__(self.text)


def raw(code: int, text: str) -> RpcError:
    """The fault of a plug-in, which has numbers and texts of its own."""
    error = RpcError(Fault.FAILED)
    error.code, error.text = code, text
    return error
