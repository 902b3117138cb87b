"""What a replay sends when: chunks of samples and markers, in order of the time at which they are due."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import ConfigError
from memhacl.stream.events import implied_markers
from memhacl.stream.lsl.selection import Piece
from memhacl.stream.signals import ANCHOR, TRIAL_START, Signal, Texts, Trial

CHUNK = 0.04  # s of a stream that are sent at once
RESET_GAP = 1.0  # s; a shorter gap would not begin the receivers' signal path anew
GAP = 3.0  # s between rounds of a loop where no gap is asked for


@dataclass(frozen=True)
class SamplePush:
    """Samples float32 (samples, channels) of a stream, their stamps (samples,) and when to send them.

    That is when the latest of the stamps has come. Times in seconds since the replay's start.
    """

    due: float
    stream: str
    samples: NDArray[np.float32]
    stamps: NDArray[np.float64]


@dataclass(frozen=True)
class TextPush:
    """A recorded stream's texts of one moment, one a channel, at ``stamp``; times in s since the replay's start.

    ``trial`` is the one that it starts, None for any other text.
    """

    due: float
    stream: str
    texts: tuple[str, ...]
    stamp: float
    number: int | None = None
    trial: Trial | None = None


@dataclass(frozen=True)
class MarkerPush:
    """A marker's text and its time in seconds since the replay's start; ``trial`` is None between trials."""

    due: float
    text: str
    number: int | None = None
    trial: Trial | None = None


Push = SamplePush | TextPush | MarkerPush


def check_speed(speed: float) -> float:
    """Return ``speed`` where it is in (0, 1]; ConfigError otherwise."""
    if not 0 < speed <= 1:
        raise ConfigError(
            f"--speed {speed:g}: expected more than 0 and at most 1 (LSL carries real time only), "
            f"found {speed:g}; memhacl-predict is faster than real time"
        )
    return speed


def check_gap(gap: float | None) -> float | None:
    """Return ``gap`` (s) where it makes receivers begin anew; ConfigError otherwise."""
    if gap is not None and not RESET_GAP <= gap < float("inf"):
        raise ConfigError(
            f"--gap {gap:g}: expected at least {RESET_GAP:g} s, found {gap:g}; "
            "a shorter gap would run two trials into one for the receivers"
        )
    return gap


def layout(pieces: Sequence[Piece], speed: float, gap: float | None) -> list[float]:
    """Return when each piece starts, in seconds since the replay's start.

    Between pieces lies ``gap`` where it is given, else the recorded gap, and never less than the reset gap.
    """
    starts = [0.0]
    for before, after in pairwise(pieces):
        recorded = (after.segment.span[0] - before.segment.span[1]) / speed
        starts.append(starts[-1] + duration(before, speed) + (max(recorded, RESET_GAP) if gap is None else gap))
    return starts


def duration(piece: Piece, speed: float) -> float:
    """Return how long ``piece`` plays, in seconds."""
    start, end = piece.segment.span
    return (end - start) / speed


def pushes(piece: Piece, start: float, speed: float, person: str) -> Iterator[Push]:
    """Yield what to send for ``piece``, which starts ``start`` s after the replay, by the time it is due."""
    timeline = _Timeline(piece, start, speed)
    streams = [
        timeline.samples(name, stream) if isinstance(stream, Signal) else timeline.texts(name, stream)
        for name, stream in piece.streams.items()
    ]
    # merge is stable: at equal times a marker precedes samples
    return merge(timeline.markers(person), *streams, key=lambda push: push.due)


class _Timeline:
    """Where the times of ``piece`` lie in a replay that plays it from ``start`` s on."""

    def __init__(self, piece: Piece, start: float, speed: float) -> None:
        self._piece, self._start, self._speed = piece, start, speed
        self._first = piece.segment.span[0]

    def _at(self, time: float) -> float:
        return self._start + (time - self._first) / self._speed

    def samples(self, name: str, signal: Signal) -> Iterator[SamplePush]:
        """Chunks of ``signal``: each is sent when the last of its samples was, be its stamp late or early."""
        stamps = self._start + (signal.stamps - self._first) / self._speed
        sent = np.maximum.accumulate(stamps)
        begin = 0
        while begin < len(sent):
            stop = int(np.searchsorted(sent, sent[begin] + CHUNK))
            yield SamplePush(float(sent[stop - 1]), name, signal.data[begin:stop], stamps[begin:stop])
            begin = stop

    def texts(self, name: str, texts: Texts) -> Iterator[TextPush]:
        """Each moment of ``texts``; one with an earlier stamp than the one before it is sent with that one."""
        piece = self._piece
        starts = {t.onset: (n, t) for n, t in zip(piece.numbers, piece.segment.trials, strict=True)}
        due = -np.inf
        for time, row in zip(texts.times.tolist(), texts.rows, strict=True):
            due = max(due, self._at(time))
            begins = any(text.startswith(TRIAL_START) for text in row)
            number, trial = starts.get(time, (None, None)) if begins else (None, None)
            yield TextPush(due, name, row, self._at(time), number, trial)

    def markers(self, person: str) -> Iterator[MarkerPush]:
        """Markers that the recording implies: its anchor, and the trials' as far as they were not recorded."""
        segment = self._piece.segment
        implied = sorted(implied_markers(person, segment, self._piece.numbers), key=lambda found: found[0].time)
        anchor = MarkerPush(self._at(segment.start), ANCHOR)
        found = (MarkerPush(self._at(m.time), m.text, number, trial) for m, number, trial in implied)
        return merge([anchor], found, key=lambda push: push.due)
