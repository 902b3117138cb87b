"""What readers deliver, and the bounded queue that they deliver into."""

import threading
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.lsl.describe import Described


@dataclass(frozen=True)
class Chunk:
    """Samples of one stream: float32 (samples, channels), stamps (samples,) in s on the local LSL clock."""

    stream: str
    samples: NDArray[np.float32]
    stamps: NDArray[np.float64]
    arrived: float


@dataclass(frozen=True)
class MarkerEvent:
    """A marker's text and its time in seconds on the local LSL clock."""

    stream: str
    time: float
    text: str
    arrived: float


@dataclass(frozen=True)
class Opened:
    """A new connection: what follows comes from the outlet that ``described`` describes."""

    stream: str
    described: Described
    arrived: float


@dataclass(frozen=True)
class StateChange:
    """A reader's new state, with what a user should know about it."""

    stream: str
    state: str
    detail: str
    arrived: float


Event = Chunk | MarkerEvent | Opened | StateChange


class Mailbox:
    """A queue of at most ``capacity`` events that never makes a reader wait.

    When it is full the oldest chunk goes, and only where there is none the oldest event; ``dropped`` counts
    the lost events by stream.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self.capacity = capacity
        self.dropped: Counter[str] = Counter()
        self._events: deque[Event] = deque()
        self._ready = threading.Condition()

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Append ``event``, dropping the oldest chunk where the mailbox is full."""
        with self._ready:
            if len(self._events) >= self.capacity:
                self._drop()
            self._events.append(event)
            self._ready.notify()

    def drain(self, timeout: float) -> list[Event]:
        """Return all waiting events in order of arrival; wait up to ``timeout`` s for the first."""
        with self._ready:
            self._ready.wait_for(lambda: self._events, timeout)
            events = list(self._events)
            self._events.clear()
            return events

    def _drop(self) -> None:
        oldest = next((i for i, event in enumerate(self._events) if isinstance(event, Chunk)), 0)
        self.dropped[self._events[oldest].stream] += 1
        del self._events[oldest]
