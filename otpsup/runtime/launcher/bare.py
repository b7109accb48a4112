"""`signal` and `socket` as the interpreter itself has them.

The modules of these names make an enumeration of every constant: half a megabyte, a tenth of the
launcher, for nothing that it needs. All that is used of them is also in what they are made of.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signal
    import socket as socket
else:
    import _signal as signal
    import _socket as socket

__all__ = ["signal", "socket"]
