"""Readers of live streams: samples and markers, delivered as events from a thread per stream."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import StreamError
from memhacl.stream.events import levels_begun
from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.connection import Connection
from memhacl.stream.lsl.finding import Wanted
from memhacl.stream.lsl.link import Link
from memhacl.stream.lsl.mailbox import Chunk, Mailbox, MarkerEvent, Opened, StateChange
from memhacl.stream.lsl.state import Snapshot, Timing

__all__ = [
    "Chunk",
    "Mailbox",
    "MarkerEvent",
    "MarkerReader",
    "Opened",
    "Reader",
    "Snapshot",
    "StateChange",
    "Timing",
    "Wanted",
    "local_clock",
    "stop_all",
]


class Reader(Link):
    """Reads one stream of samples: ``Opened``, ``Chunk`` and ``StateChange`` events into a mailbox."""

    silence_is_fault = True

    def _check(self, connection: Connection) -> None:
        if connection.described.text:
            raise StreamError(f"{connection.candidate}: expected numbers, found a stream of texts")

    def _deliver(self, samples: NDArray[Any], stamps: NDArray[np.float64], now: float) -> None:
        self._put(Chunk(self.stream, samples.astype(np.float32, copy=False), stamps, now))


class MarkerReader(Link):
    """Reads one stream of events: a ``MarkerEvent`` for each text (or number, as text) that is not empty.

    Of numbers at a regular rate, the levels of a trigger channel, only a change to another one than 0 is an event.
    """

    silence_is_fault = False
    _levels = False
    _held: NDArray[Any] | None = None  # (1, channels): the levels of the last sample

    def _check(self, connection: Connection) -> None:
        """Take texts and numbers alike."""
        self._levels = connection.described.format.rate > 0 and not connection.described.text
        self._held = None

    def _deliver(self, samples: NDArray[Any], stamps: NDArray[np.float64], now: float) -> None:
        found = self._changes(samples) if self._levels else np.ones(samples.shape, dtype=np.bool_)
        for row, column in np.argwhere(found).tolist():
            value = samples[row, column]
            text = value.decode("utf-8", errors="replace") if isinstance(value, bytes) else f"{value:g}"
            if text:
                self._put(MarkerEvent(self.stream, float(stamps[row]), text, now))

    def _changes(self, samples: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of ``samples`` (samples, channels) are the first of a level that is not 0."""
        before = samples[:1] if self._held is None else self._held  # nobody knows since when the first level holds
        self._held = samples[-1:]
        return levels_begun(samples, before)


def stop_all(links: Iterable[Link], timeout: float = 1.0) -> bool:
    """Stop readers together, within ``timeout`` s for all of them; return whether all ended."""
    links = tuple(links)
    for link in links:
        link.ask_stop()
    deadline = local_clock() + timeout
    return all([link.stop(max(deadline - local_clock(), 0.0)) for link in links])
