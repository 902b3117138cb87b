"""Readers of live streams: samples and markers, delivered as events from a thread per stream."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import StreamError
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
    """Reads one stream of events: a ``MarkerEvent`` for each text (or number, as text) that is not empty."""

    silence_is_fault = False

    def _check(self, connection: Connection) -> None:
        """Take texts and numbers alike."""

    def _deliver(self, samples: NDArray[Any], stamps: NDArray[np.float64], now: float) -> None:
        for row, stamp in zip(samples, stamps.tolist(), strict=True):
            for value in row:
                text = value.decode("utf-8", errors="replace") if isinstance(value, bytes) else f"{value:g}"
                if text:
                    self._put(MarkerEvent(self.stream, stamp, text, now))


def stop_all(links: Iterable[Link], timeout: float = 1.0) -> bool:
    """Stop readers together, within ``timeout`` s for all of them; return whether all ended."""
    links = tuple(links)
    for link in links:
        link.ask_stop()
    deadline = local_clock() + timeout
    return all([link.stop(max(deadline - local_clock(), 0.0)) for link in links])
