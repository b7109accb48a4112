"""Event listeners: the protocol, the pools with their buffers, and what processes' output becomes.

protocol    the conversation with one listener          (pure)
pool        the listeners of a section, and its buffer  (pure)
handlers    what judges an answer
capture     taps: capture mode, PROCESS_LOG events, strip_ansi; `escapes`, `syslog`
wiring      all of it with a running tree: `Listeners`
"""

from __future__ import annotations

from .capture import Capture as Capture
from .handlers import RejectEvent as RejectEvent
from .handlers import default_handler as default_handler
from .handlers import resolve as resolve
from .pool import Pool as Pool
from .protocol import Conversation as Conversation
from .wiring import Listeners as Listeners
