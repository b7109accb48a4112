"""What the engine wants done. The runtime does it, in order, and reports back with events."""

from __future__ import annotations

from typing import Any, Literal

from attrs import field

from ..errors import OtpsupError
from ..specs import Command, Worker
from ..views import State as State
from .cause import Cause
from .reasons import Reason
from .value import value


@value
class Spawn:
    """Make a process; answer with `Spawned` or `Unstartable`, then `Ready` and so on."""

    path: str
    run: int
    spec: Worker | Command
    args: tuple[Any, ...] = ()


@value
class Terminate:
    """Send the child's stop signal; it is not waited for here."""

    path: str
    run: int


@value
class Kill:
    """Send SIGKILL.

    `late` says that the child had been asked to end, and did not in the time that it had.
    """

    path: str
    run: int
    late: bool = False


@value
class Reply:
    """The answer to the request with this `ref`: a value or an error, never both."""

    ref: int
    value: Any = None
    error: OtpsupError | None = None


@value
class Halt:
    """The root supervisor has ended; nothing of the tree is left and nothing more will happen.

    `kind` says how: stopped when asked, start failed, gave up, auto_shutdown; or otpsup itself has
    failed, which the engine never says.
    """

    kind: Literal["stopped", "start_failed", "gave_up", "auto_shutdown", "failed"]
    reason: Reason
    cause: Cause


@value
class StateChange:
    """A child's state changed, and why.

    `run` is the incarnation that is over with this change, or 0 if none is.
    """

    at: float
    path: str
    state: State
    cause: Cause
    pid: int | None = None
    reason: Reason | None = None
    run: int = field(default=0, kw_only=True)


@value
class Report:
    """A supervisor report, with OTP's contexts (supervisor(3), SASL reports).

    `child_terminated`: a child ended by itself; `start_error`: it did not start;
    `shutdown_error`: it did not stop as asked; `shutdown`: too many restarts, the supervisor
    gives up; `restart`: a restart was decided; `progress`: a child or supervisor is up.
    """

    at: float
    context: Literal[
        "child_terminated", "start_error", "shutdown_error", "shutdown", "restart", "progress"
    ]
    supervisor: str
    path: str
    reason: Reason
    cause: Cause
    pid: int | None = None
    delay: float = field(default=0.0, kw_only=True)


@value
class LastOutput:
    """What a child that has crashed wrote last, some time after the report of its end."""

    at: float
    path: str
    lines: tuple[str, ...]


@value
class Readiness:
    """A child that runs can serve again, or cannot just now; `why` not, or "".

    Attributes:
        is_ending: it is being ended for that; its end will say so again.
    """

    at: float
    path: str
    pid: int | None
    why: str
    cause: Cause
    is_ending: bool = False


Told = StateChange | Report | LastOutput | Readiness | Halt
"""What is told to whoever listens."""

Effect = Spawn | Terminate | Kill | Reply | Told
