"""Looks with all collectors at once: each in a thread of its own, with a deadline.

Decides what becomes of one that raises, hangs or floods: it is shown failing. As long as it hangs,
it is not begun again, so that there is never more than one thread for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from itertools import islice
from typing import Any, Final

from attrs import define, field, frozen

from ..errors import in_words
from .model import Metric, Namespace, failed, namespace_of

MOST: Final = 10_000
"""Metrics of one collector."""

Look = Callable[[], Iterable[Metric]]


@frozen
class _Run:
    """A look that was begun."""

    began: float
    answer: Future[Namespace]


@define
class Collector:
    """One collector, and whether it is looking just now.

    Args:
        namespace: what its metrics are shown under.
        look: looks once.
        timeout: seconds that a look may take.
    """

    namespace: str
    look: Look
    timeout: float
    _run: _Run | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def begin(self) -> _Run:
        """Begin to look, or join the look that goes on."""
        with self._lock:
            if self._run is None or self._run.answer.done():
                self._run = _Run(time.monotonic(), Future())
                self._start(self._run)
            return self._run

    def _start(self, run: _Run) -> None:
        thread = threading.Thread(
            target=lambda: run.answer.set_result(self._looked()),
            name=f"otpsup-healthz-{self.namespace}",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError as error:  # no thread can be had
            run.answer.set_result(failed(self.namespace, f"it could not look: {error}"))

    def _looked(self) -> Namespace:
        try:
            return namespace_of(self.namespace, _metrics(self.look()))
        except BaseException as error:  # even SystemExit is only its way to fail
            return failed(self.namespace, f"the collector raised {in_words(error)}")

    def end(self, run: _Run) -> Namespace:
        """What it has found, or that it has not answered in time."""
        try:
            return run.answer.result(max(run.began + self.timeout - time.monotonic(), 0.0))
        except TooLate:
            taken = time.monotonic() - run.began
            return failed(
                self.namespace,
                f"the collector has not answered for {taken:.3g} s (its limit is "
                f"{self.timeout:g} s); it is not asked again until it has",
            )


def collect(collectors: Iterable[Collector]) -> list[Namespace]:
    """What all of them find; takes no longer than the longest deadline."""
    begun = [(each, each.begin()) for each in collectors]
    return [each.end(run) for each, run in begun]


def _metrics(found: Any) -> list[Metric]:
    """What a collector gave.

    Raises:
        TypeError, ValueError: it is no list of metrics, or one without end.
    """
    if isinstance(found, str | bytes | Mapping) or not isinstance(found, Iterable):
        raise TypeError(f"it gave {type(found).__name__}, and not a list of Metric")
    metrics = list(islice(found, MOST + 1))
    wrong = next((each for each in metrics if not isinstance(each, Metric)), None)
    if wrong is not None:
        raise TypeError(f"among what it gave is {type(wrong).__name__}, and not only Metric")
    if len(metrics) > MOST:
        raise ValueError(f"it gave more than {MOST} metrics")
    return metrics
