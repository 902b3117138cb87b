"""Counts what a stream delivers: samples, its true rate, its last stamp, absurd clocks."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

SPAN = 10.0  # s of stamps that the effective rate is taken over
ABSURD = 86400.0  # s; no delay explains a day: such a source stamps with another clock, often time.time()


class Meter:
    """Statistics of one stream's stamps (seconds on the local LSL clock).

    ``rate`` is the effective rate in Hz over the last seconds, None before two chunks came. Written by one
    thread and read by others: each attribute is replaced at once.
    """

    def __init__(self) -> None:
        self.samples = 0
        self.rate: float | None = None
        self.last_stamp: float | None = None
        self.last_arrival: float | None = None
        self.absurd_clock = False
        self._recent: deque[tuple[float, int]] = deque()

    def restart(self) -> None:
        """Forget the past of the rate and the clock: a new connection has its own."""
        self._recent.clear()
        self.rate, self.absurd_clock = None, False

    def add(self, stamps: NDArray[np.float64], arrived: float) -> None:
        """Count a chunk with its stamps (samples,), which arrived at ``arrived``; all in seconds."""
        last = float(stamps[-1])
        self.samples += len(stamps)
        self.last_stamp, self.last_arrival = last, arrived
        self.absurd_clock = abs(last - arrived) > ABSURD
        self._recent.append((last, self.samples))
        while self._recent[0][0] < last - SPAN:
            self._recent.popleft()
        first, before = self._recent[0]
        self.rate = (self.samples - before) / (last - first) if last > first else None
