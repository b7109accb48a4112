"""The exceptions of otpsup: one class for each way in which OTP says no.

Decides only names and messages. Knows nothing of engines, processes or transports; `code` is
OTP's atom for the same answer and is what travels over the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class OtpsupError(Exception):
    """The base of every error that otpsup raises on purpose."""

    code: ClassVar[str] = "error"


class InvalidSpec(OtpsupError, ValueError):
    """A specification that cannot be right; raised when it is built, before anything starts.

    Attributes:
        reason: OTP's atom for it (`invalid_restart_type`, `bad_combination`, ...; supervisor(3)).
        field: the field that is wrong; nothing if it is not just one.
        expected: what the field must be; nothing if it is wrong only beside others.
        problem: what is wrong, without the spec's name before it and the example behind it.
        children: names of those that it is about, where it is about several.
    """

    code = "invalid_spec"

    def __init__(
        self,
        message: str,
        reason: str = "invalid_spec",
        *,
        field: str = "",
        expected: str = "",
        problem: str = "",
        children: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
        self.expected = expected
        self.problem = problem or message
        self.children = tuple(children)


class Problem(NamedTuple):
    """One thing that is wrong in a file.

    Attributes:
        file: as it was given, or as it was included.
        line, column: from 1; 0 for the file as a whole.
        path: of what is wrong in the tree, as in `children.web.restart`; nothing for the file.
        text: what is wrong, and what would be right.
    """

    file: str
    line: int
    column: int
    path: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (where, self.path, self.text) if part)


_MOST_PROBLEMS = 50


class InvalidFile(OtpsupError, ValueError):
    """A file from which no tree can be made; nothing was started, and what runs was left alone.

    Attributes:
        problems: all that is wrong, in the order of the file; the message has a line for each of
            the first.
    """

    code = "invalid_file"

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> InvalidFile:
        """The error for these problems."""
        lines = [str(problem) for problem in problems[:_MOST_PROBLEMS]]
        if len(problems) > _MOST_PROBLEMS:
            lines.append(f"... and {len(problems) - _MOST_PROBLEMS} more")
        return cls("\n".join(lines), problems)


class RequestError(OtpsupError):
    """A request that the tree refused; nothing changed."""


class NotFound(RequestError, LookupError):
    """No child has this path (OTP: `not_found`)."""

    code = "not_found"


class AlreadyStarted(RequestError):
    """The child is up already (OTP: `already_started`); `pid` is its process, if it has one."""

    code = "already_started"

    def __init__(self, message: str, pid: int | None = None) -> None:
        super().__init__(message)
        self.pid = pid


class AlreadyPresent(RequestError):
    """The name is taken by a child that is not running (OTP: `already_present`)."""

    code = "already_present"


class Running(RequestError):
    """The child must be stopped first (OTP: `running`)."""

    code = "running"


class Restarting(RequestError):
    """The child waits for its next restart attempt (OTP: `restarting`)."""

    code = "restarting"


class SimpleOneForOne(RequestError):
    """Instances of a template can only be started and terminated (OTP: `simple_one_for_one`)."""

    code = "simple_one_for_one"


class MaxChildren(RequestError):
    """The dynamic supervisor is full (Elixir: `max_children`)."""

    code = "max_children"


class NotASupervisor(RequestError):
    """The request needs a supervisor, and this path is a worker's or a command's."""

    code = "not_a_supervisor"


class CallerNotReady(RequestError):
    """A child asked its own supervisor to start something before it was ready itself."""

    code = "caller_not_ready"


class DependencyNotMet(RequestError):
    """The child is after a sibling that is not there yet; start that one first."""

    code = "dependency_not_met"


class NoProcess(RequestError):
    """The child has no process just now."""

    code = "no_process"


class NotReading(RequestError):
    """The child's standard input takes nothing just now: it is no pipe, closed, or full."""

    code = "not_reading"


class NoStacks(RequestError):
    """A process that runs cannot tell where it is."""

    code = "no_stacks"


class NoTreeFile(RequestError):
    """The tree was not started from a file, and none was named."""

    code = "no_tree_file"


class UpdateRefused(RequestError):
    """An update asks for what the machine does not have; nothing was changed."""

    code = "update_refused"


class StartFailed(OtpsupError):
    """A child did not start; the message says which one and why."""

    code = "start_failed"


class TooLarge(StartFailed):
    """The machine does not allow what the tree needs; the message has the arithmetic. Nothing was
    started."""

    code = "too_large"


class PluginFailed(OtpsupError):
    """A plug-in raised something of its own, or has not answered in time; the tree goes on."""

    code = "plugin_failed"


class NotRunning(OtpsupError):
    """The tree, or the supervisor that was asked, is not running (OTP: `noproc`).

    Attributes:
        is_of_a_supervisor: the tree runs; the supervisor does not.
    """

    code = "noproc"
    is_of_a_supervisor = False


class NotPermitted(OtpsupError):
    """Whoever asks is neither the user whose tree it is nor root."""

    code = "eperm"


class NotAChild(OtpsupError):
    """`current_child()` was called in a process that no tree has started."""

    code = "not_a_child"


class ProtocolError(OtpsupError):
    """A message that breaks the protocol; the message says what was expected."""

    code = "protocol"


def text_of(error: BaseException) -> str:
    """What an exception says; some cannot even be shown, and that must not harm who asks."""
    try:
        return str(error)
    except BaseException:
        return "(it cannot be shown)"


def in_words(error: BaseException) -> str:
    """An exception as `Type: what it says`."""
    return f"{type(error).__name__}: {text_of(error)}"


def _leaves(cls: type[OtpsupError]) -> list[type[OtpsupError]]:
    return [cls, *(leaf for sub in cls.__subclasses__() for leaf in _leaves(sub))]


def by_code(code: str, message: str) -> OtpsupError:
    """The exception for a `code` that came over the wire; `OtpsupError` for an unknown one."""
    cls = next((c for c in _leaves(OtpsupError) if c.code == code), OtpsupError)
    return cls(message)
