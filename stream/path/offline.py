"""A recording through the signal path, exactly as it would go live."""

from collections.abc import Container, Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.events import events
from memhacl.stream.path.path import SignalPath
from memhacl.stream.path.window import Window
from memhacl.stream.signals import Marker, Recording, Segment, Signal, StreamFormat
from memhacl.stream.spec import SignalSpec

_CHUNK = 10.0  # s

Out = TypeVar("Out", covariant=True)


class Sink(Protocol[Out]):
    """Whatever streams can be pushed into: a signal path (windows come out) or an engine (messages)."""

    @property
    def modalities(self) -> Container[str]:
        """Modalities that it takes."""

    def open(self, found: StreamFormat) -> tuple[str, ...]:
        """Take modality ``found.modality`` from this stream."""

    def push(self, modality: str, samples: NDArray[np.float32], stamps: NDArray[np.float64], now: float) -> None:
        """Take samples (n, channels) with stamps (n,), in seconds, that arrived at ``now``."""

    def mark(self, marker: Marker) -> None:
        """Take a marker."""

    def advance(self, now: float) -> Sequence[Out]:
        """Return what is complete at ``now``."""

    def finish(self) -> Sequence[Out]:
        """Return what the data still hold: nothing more will come."""


def recording_windows(recording: Recording, spec: SignalSpec) -> Iterator[tuple[int, Window]]:
    """Yield (segment number, window) for all windows of ``recording``, invalid ones included."""
    for number, segment in enumerate(recording.segments):
        for window in feed(SignalPath(spec, anchor="marker"), recording.person, segment):
            yield number, window


def feed(sink: Sink[Out], person: str, segment: Segment) -> Iterator[Out]:
    """Push ``segment`` into ``sink`` chunk by chunk in the order of time and yield what comes out.

    Modalities that the sink does not take are left out; those that the recording does not have are missing.
    """
    signals = [signal for signal in segment.signals if signal.format.modality in sink.modalities]
    for signal in signals:
        sink.open(signal.format)
    pending = events(person, segment)
    for start in np.arange(segment.start, segment.end, _CHUNK):
        end = float(start + _CHUNK)
        while pending and pending[0].time < end:
            sink.mark(pending.pop(0))
        for signal in signals:
            sink.push(signal.format.modality, *_part(signal, start, end), now=end)
        yield from sink.advance(-np.inf)
    for marker in pending:
        sink.mark(marker)
    yield from sink.finish()


def _part(signal: Signal, start: float, end: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Samples of ``signal`` from ``start`` to before ``end`` (s), and their stamps."""
    rate = signal.format.rate
    first, last = (max(int(np.ceil((time - signal.start) * rate - 1e-6)), 0) for time in (start, end))
    last = min(last, len(signal.data))
    return signal.data[first:last], signal.start + np.arange(first, last) / rate
