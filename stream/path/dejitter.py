"""From jittered time stamps to steady sample times, gap by gap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Gain at which the loop settles: an average over roughly 1/_GAIN samples.
_GAIN = 0.01
_TRUST = 256
_JITTER_GAIN = 1 / 64
_JITTER_START = 2e-3


@dataclass(frozen=True)
class Piece:
    """Samples ``first:last`` of a chunk without a gap between them; ``continues`` the run before it or not."""

    first: int
    last: int
    times: NDArray[np.float64]
    continues: bool


class Dejitter:
    """Steady sample times, in seconds, for one regular stream of nominal ``rate`` Hz.

    An alpha-beta loop predicts each sample's time from the ones before. Its gain falls as in a growing average
    and stays at a floor, and the period is then learnt too, so that it follows a clock that drifts. A stamp
    further from its prediction than half a period or six mean jitters, whichever is more, begins a new run.
    """

    def __init__(self, rate: float) -> None:
        self._nominal = 1 / rate
        self.period = self._nominal
        self._count = 0
        self._last = 0.0
        self._jitter = _JITTER_START if self._nominal < 0.1 else self._nominal / 8

    @property
    def tolerance(self) -> float:
        """How far from its prediction a stamp may be, in seconds, before it begins a new run."""
        return max(0.5 * self.period, 6 * self._jitter)

    def push(self, stamps: NDArray[np.float64]) -> list[Piece]:
        """Split the chunk ``stamps`` (samples,), in seconds, into gapless pieces with steady times."""
        pieces: list[Piece] = []
        times: list[float] = []
        first, continues = 0, self._count > 0
        for index, stamp in enumerate(stamps.tolist()):
            if self._count and abs(stamp - self._last - self.period) > self.tolerance:
                if times:
                    pieces.append(Piece(first, index, np.array(times), continues))
                first, times, continues = index, [], False
                self._count = 0
            times.append(self._step(stamp))
        if times:
            pieces.append(Piece(first, len(stamps), np.array(times), continues))
        return pieces

    def _step(self, stamp: float) -> float:
        self._count += 1
        if self._count == 1:
            self._last = stamp
            return stamp
        predicted = self._last + self.period
        error = stamp - predicted
        if self._count > _TRUST:  # until then the nominal period is better than what few stamps say
            self.period += 0.5 * _GAIN**2 * error
        self.period = min(max(self.period, 0.98 * self._nominal), 1.02 * self._nominal)
        self._jitter += _JITTER_GAIN * (abs(error) - self._jitter)
        self._last = predicted + max(_GAIN, 1 / self._count) * error
        return self._last
