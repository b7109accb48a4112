"""`value`: an immutable value that is cheap to make.

The engine makes some ten values a decision. attrs' `frozen` guards each field of each when it is
made, which costs as much as the decision. Here the type checker alone sees to it that nobody
changes one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as value
else:
    from attrs import define

    value = partial(define, unsafe_hash=True)

__all__ = ["value"]
