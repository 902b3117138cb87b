"""The rate at which a stream really sends, where it is far from what the stream says."""

from collections import deque

import numpy as np

LEAST, MOST = 256, 2048  # stamps that a rate is measured over
_OFF = 0.03  # how far, as a share, it must be from what is counted by
_AGREE = 0.01  # as a share: how well typical and mean step must agree, and be known
_LOST = 2.5  # typical steps from which one is a gap
_WHOLE = 0.95  # share of steps at least that are none: packets and bursts tell nothing
_MEDIAN = 1.86  # standard error of a median, in median deviations, times the root of the number


class Pace:
    """Remembers the newest stamps of a stream, in seconds."""

    def __init__(self) -> None:
        self._heard: deque[float] = deque(maxlen=MOST)
        self.hear = self._heard.append  # once a sample

    def measured(self, rate: float) -> float | None:
        """Return the stream's rate in Hz if it is plainly not ``rate``; None if it is, or is not known.

        Lost samples make the mean step long, and jitter makes the typical one uncertain: they must agree.
        """
        heard = self._heard
        if len(heard) < LEAST or abs((heard[-1] - heard[0]) * rate / (len(heard) - 1) - 1) < _OFF:
            return None  # the usual case, without a look at each
        steps = np.diff(heard)
        typical = float(np.median(steps))
        whole = (steps >= 0) & (steps < _LOST * typical)
        if whole.mean() < _WHOLE:
            return None
        mean = float(steps[whole].mean())
        unsure = _MEDIAN * float(np.median(np.abs(steps - typical))) / len(steps) ** 0.5
        agreed = max(unsure, abs(typical - mean)) < _AGREE * mean
        return 1 / mean if agreed and abs(mean * rate - 1) > _OFF else None
