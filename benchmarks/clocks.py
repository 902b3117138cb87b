"""Streams whose clocks are wrong: when each sample was taken, what its stamp says, when it came."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP = 5.0  # s between LSL's measurements of a clock's offset
STEP_ERROR = 5e-5  # s, uniform, by which each is wrong
OFFSET = 5.0  # s, uniform, between the machines' clocks
STRAY = (5e-3, 29e-3)  # s by which a stamp may lie behind
IRREGULAR = (0.1, 0.3)  # s, uniform, between the samples of an irregular stream
TRANSPORT = 0.01  # s from the sending of a chunk to its arrival
LOSS_EVERY = 300.0  # s

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """One stream: its ``rate`` in Hz (0: irregular) on a clock that is ``ppm`` fast, sent every ``chunk`` s.

    Stamps are off by up to ``jitter`` s either way, and a share ``astray`` of them lies far behind. At some moment
    of every `LOSS_EVERY` seconds the samples of ``lost`` seconds are lost.
    """

    modality: str
    rate: float
    ppm: float
    chunk: float
    jitter: float = 8e-3
    astray: float = 0.04
    lost: float = 0.0


@dataclass(frozen=True)
class Record:
    """Samples of ``source``: ``true`` time, ``stamps`` as LSL corrects them, when each ``arrived``; all in s."""

    source: Source
    true: Floats
    stamps: Floats
    arrived: Floats


def record(source: Source, seconds: float, seed: int) -> Record:
    """``seconds`` of ``source``."""
    rng = np.random.default_rng(seed)
    true = _taken(source, seconds, rng)
    count = len(true)
    arrived = (np.floor(true / source.chunk) + 1) * source.chunk + TRANSPORT
    own = true * (1 + 1e-6 * source.ppm) + rng.uniform(-OFFSET, OFFSET)  # what the stream's own clock says
    astray = rng.random(count) < source.astray
    written = own + rng.uniform(-source.jitter, source.jitter, count) - astray * rng.uniform(*STRAY, count)
    return Record(source, true, written - _measured(own - true, arrived, rng), arrived)


def _taken(source: Source, seconds: float, rng: np.random.Generator) -> Floats:
    """Times (samples,) in s at which samples were taken that were not lost."""
    if source.rate:
        true = (
            (np.arange(int(1.001 * seconds * source.rate)) + rng.random()) / source.rate / (1 + 1e-6 * source.ppm)
        )
    else:
        true = np.cumsum(rng.uniform(*IRREGULAR, int(1.2 * seconds / np.mean(IRREGULAR))))
    true = true[true < seconds]
    periods = (true // LOSS_EVERY).astype(int)
    begins = rng.uniform(0.1, 0.9, periods[-1] + 1) * LOSS_EVERY
    since = true % LOSS_EVERY - begins[periods]
    return np.asarray(true[(since < 0) | (since >= source.lost)])


def _measured(offset: Floats, arrived: Floats, rng: np.random.Generator) -> Floats:
    """The clock's ``offset`` as it was last measured when each sample ``arrived``; all (samples,) in s."""
    period = np.floor(arrived / STEP).astype(int)
    first = np.searchsorted(period, period)  # the sample at whose time it was measured
    error = rng.uniform(-STEP_ERROR, STEP_ERROR, int(period[-1]) + 1)
    return np.asarray(offset[first] + error[period])
