"""A recording through the signal path, exactly as it would go live."""

from collections import Counter, deque
from collections.abc import Container, Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
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


def recording_windows(
    recording: Recording, spec: SignalSpec, assessed: bool = True
) -> Iterator[tuple[int, Window]]:
    """Yield (segment number, window) for all windows of ``recording``, invalid ones included.

    Without ``assessed`` they come without measures of their quality, and sooner.
    """
    for number, segment in enumerate(recording.segments):
        for window in feed(SignalPath(spec, anchor="marker", assessed=assessed), recording.person, segment):
            yield number, window


def feed(sink: Sink[Out], person: str, segment: Segment) -> Iterator[Out]:
    """Push ``segment`` into ``sink`` chunk by chunk in the order of time and yield what comes out.

    Modalities that the sink does not take are left out; those that the recording does not have are missing.

    Raises
    ------
    DataError
        Several signals are of a modality that the sink takes.
    """
    signals = _taken(sink, person, segment)
    for signal in signals:
        sink.open(signal.format)
    pending = deque(events(person, segment))
    waiting = [_Waiting(signal) for signal in signals]
    while ahead := [part.next for part in waiting if part.next is not None]:
        end = min(ahead) + _CHUNK
        while pending and pending[0].time < end:
            sink.mark(pending.popleft())
        for part in waiting:
            sink.push(part.modality, *part.take(end), now=end)
        yield from sink.advance(-np.inf)
    for marker in pending:
        sink.mark(marker)
    yield from sink.finish()


def _taken(sink: Sink[Out], person: str, segment: Segment) -> list[Signal]:
    signals = [signal for signal in segment.signals if signal.format.modality in sink.modalities]
    for modality, count in Counter(signal.format.modality for signal in signals).items():
        if count > 1:
            names = ", ".join(f"'{s.format.name}'" for s in signals if s.format.modality == modality)
            raise DataError(
                f"person {person}: expected one stream of {modality}, found {names}; say which is meant under "
                "'streams' of a data file (docs/xdf.md)"
            )
    return signals


class _Waiting:
    """The samples of ``signal`` that are not yet pushed.

    A sample with an earlier stamp than the one before it comes with that one, as it did when it was recorded.
    """

    def __init__(self, signal: Signal) -> None:
        self.modality = signal.format.modality
        self._data, self._stamps = signal.data, signal.stamps
        self._due = np.maximum.accumulate(self._stamps)
        self._done = 0

    @property
    def next(self) -> float | None:
        """Time (s) at which the next sample comes; None where there is none."""
        return float(self._due[self._done]) if self._done < len(self._due) else None

    def take(self, end: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Samples (n, channels) that come before ``end`` (s), and their stamps (n,)."""
        first, self._done = self._done, int(np.searchsorted(self._due, end))
        return self._data[first : self._done], self._stamps[first : self._done]
