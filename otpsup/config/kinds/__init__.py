"""The forms of what has kinds, a module each: readiness, dependencies, streams, hooks, checks,
which variables are inherited."""

from .choice import choices, only_key, tagged
from .dependency import DEPENDENCIES
from .health import CHECKS
from .hooks import HookForm
from .inherited import Inherited
from .readiness import READINESS, Ready
from .streams import INHERITED, LOG_FILE, SOCKET, STDERR, STDOUT, Input

__all__ = [
    "CHECKS",
    "DEPENDENCIES",
    "INHERITED",
    "LOG_FILE",
    "READINESS",
    "SOCKET",
    "STDERR",
    "STDOUT",
    "HookForm",
    "Inherited",
    "Input",
    "Ready",
    "choices",
    "only_key",
    "tagged",
]
