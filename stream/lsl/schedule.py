"""What a replay sends when: chunks of samples and markers, in order of the time at which they are due."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import ConfigError
from memhacl.stream.events import trial_markers
from memhacl.stream.lsl.selection import Piece
from memhacl.stream.signals import ANCHOR, Signal, Trial

CHUNK = 0.04  # s of a stream that are sent at once
RESET_GAP = 1.0  # s; a shorter gap would not begin the receivers' signal path anew
GAP = 3.0  # s between rounds of a loop where no gap is asked for


@dataclass(frozen=True)
class SamplePush:
    """Samples float32 (samples, channels), their stamps (samples,) and when to send them: the last stamp.

    Times in seconds since the replay's start.
    """

    due: float
    modality: str
    samples: NDArray[np.float32]
    stamps: NDArray[np.float64]


@dataclass(frozen=True)
class MarkerPush:
    """A marker's text and its time in seconds since the replay's start; ``trial`` is None between trials."""

    due: float
    text: str
    number: int | None = None
    trial: Trial | None = None


Push = SamplePush | MarkerPush


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
        played = (before.segment.end - before.segment.start) / speed
        recorded = (after.segment.start - before.segment.end) / speed
        starts.append(starts[-1] + played + (max(recorded, RESET_GAP) if gap is None else gap))
    return starts


def duration(piece: Piece, speed: float) -> float:
    """Return how long ``piece`` plays, in seconds."""
    return (piece.segment.end - piece.segment.start) / speed


def pushes(piece: Piece, start: float, speed: float, person: str) -> Iterator[Push]:
    """Yield what to send for ``piece``, which starts ``start`` s after the replay, by the time it is due."""
    first = piece.segment.start
    streams = [_chunks(signal, first, start, speed) for signal in piece.segment.signals]
    # merge is stable: at equal times a marker precedes samples
    return merge(_markers(piece, start, speed, person), *streams, key=lambda push: push.due)


def _chunks(signal: Signal, first: float, start: float, speed: float) -> Iterator[SamplePush]:
    rate = signal.format.rate * speed
    size = max(round(CHUNK * rate), 1)
    offset = start + (signal.start - first) / speed
    for begin in range(0, len(signal.data), size):
        samples = signal.data[begin : begin + size]
        stamps = offset + np.arange(begin, begin + len(samples)) / rate
        yield SamplePush(float(stamps[-1]), signal.format.modality, samples, stamps)


def _markers(piece: Piece, start: float, speed: float, person: str) -> Iterator[MarkerPush]:
    first = piece.segment.start

    def at(time: float, text: str, number: int | None = None, trial: Trial | None = None) -> MarkerPush:
        return MarkerPush(start + (time - first) / speed, text, number, trial)

    yield at(first, ANCHOR)
    for number, trial in zip(piece.numbers, piece.segment.trials, strict=True):
        for marker in trial_markers(person, trial, number):
            yield at(marker.time, marker.text, number, trial)
