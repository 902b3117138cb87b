"""One irregular stream's samples, evaluated at the slots of the grid: nothing to count, so each stamp stands."""

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.grid import Grid
from memhacl.stream.path.run import Samples
from memhacl.stream.path.track import Need

_BEFORE = 1e-9  # s; rounding must not make an exact stamp late


class Sparse:
    """The samples of a modality whose stream has no rate, buffered until the grid has passed them.

    A slot lies on the straight line between the samples around it where the later one is within ``look_ahead``
    (s); else it holds the earlier one's value, for up to ``max_step`` seconds. A sample whose stamp is not later
    than all before it is left out and counted as ``disordered``.
    """

    rate = 0.0
    jitter = 0.0

    def __init__(self, look_ahead: float, max_step: float, channels: int) -> None:
        self._look_ahead, self._max_step, self._channels = look_ahead, max_step, channels
        self._kept = Samples(channels)
        self._newest = -np.inf
        self.gaps = self.disordered = self.late = 0

    @property
    def first_time(self) -> float | None:
        """Time of the oldest buffered sample, in seconds."""
        return float(self._kept.times[0]) if len(self._kept) else None

    @property
    def last_time(self) -> float | None:
        """Time of the newest sample, in seconds."""
        return float(self._kept.times[-1]) if len(self._kept) else None

    def next_time(self, after: float) -> float:
        """Time of the first buffered sample later than ``after``, in seconds; infinite where there is none."""
        return self._kept.next_time(after)

    def push(
        self, samples: NDArray[np.float64], stamps: NDArray[np.float64], now: float, grid: Grid | None, gone: float
    ) -> None:
        """Take ``samples`` (n, channels) with ``stamps`` (n,) in seconds; count those before ``gone`` as late."""
        highest = np.maximum.accumulate(np.append(self._newest, stamps))
        fresh = stamps > highest[:-1]
        self.disordered += int((~fresh).sum())
        if fresh.any():
            known = highest[:-1][fresh]
            self.gaps += int(((stamps[fresh] - known > self._max_step) & np.isfinite(known)).sum())
            self._kept.append(stamps[fresh], samples[fresh], now)
            self.late += int((stamps[fresh] < gone).sum())
            self._newest = float(highest[-1])

    def flush(self, grid: Grid | None) -> None:
        """Nothing waits here."""

    def place(self, grid: Grid) -> None:
        """Nothing is counted from an anchor here."""

    def values(self, slots: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
        """Values (slots, channels) on the grid; NaN where the last sample is too long ago."""
        out = np.full((len(slots), self._channels), np.nan)
        known, data, times = self._kept.times, self._kept.data, grid.times(slots)
        if not len(known):
            return out
        left = np.searchsorted(known, times + _BEFORE, side="right") - 1
        held = (left >= 0) & (times - known[np.maximum(left, 0)] <= self._max_step)
        out[held] = data[left[held]]
        right = np.minimum(left + 1, len(known) - 1)
        step = known[right] - known[left]
        line = held & (right > left) & (known[right] - times <= self._look_ahead) & (step <= self._max_step)
        share = np.clip((times[line] - known[left[line]]) / step[line], 0, 1)[:, None]
        out[line] += share * (data[right[line]] - data[left[line]])
        return out

    def needed(self, slot: float, grid: Grid) -> Need:
        """Tell whether all that ``slot`` needs is here, and if not how long after it that may come."""
        known = self._kept.times
        if not len(known):
            return Need(False, None, self._look_ahead)
        place = int(np.searchsorted(known, grid.time(slot) - _BEFORE))
        here = place < len(known)
        return Need(here, float(self._kept.arrived[place if here else -1]), self._look_ahead)

    def between(self, start: float, end: float) -> NDArray[np.float64]:
        """The stream's own samples (samples, channels) at ``start`` <= time < ``end`` (s)."""
        return self._kept.between(start, end)

    def trim(self, seconds: float) -> int:
        """Keep the newest ``seconds`` of samples at most; return how many older ones were dropped."""
        return self._drop(self._newest - seconds)

    def forget(self, slot: float, grid: Grid) -> int:
        """Drop samples that no slot from ``slot`` on needs; return how many were dropped."""
        return self._drop(grid.time(slot))

    def _drop(self, time: float) -> int:
        spare = max(int(np.searchsorted(self._kept.times, time)) - 1, 0)
        self._kept.drop(spare)
        return spare

    def clear(self) -> None:
        """Forget all samples, and how far time has gone."""
        self._kept = Samples(self._channels)
        self._newest = -np.inf
