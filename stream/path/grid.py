"""The grid: slots at the model's rate on a clock that the reference stream disciplines."""

import numpy as np
from numpy.typing import NDArray

_KEEP = 1 << 16  # known points: a reference whose slots are never taken must not fill the memory


class Grid:
    """Times of slots, in seconds; slot 0 lies at the anchor and slots follow at ``rate`` Hz.

    Known points (slot, time) come from the reference stream; between them time is linear, and beyond the last
    one it runs on at the last known period: the grid is held over when the reference is lost.
    """

    def __init__(self, rate: float, anchor: float) -> None:
        self.period = 1 / rate
        self._slots = np.array([0.0])
        self._times = np.array([anchor])

    def discipline(self, slots: NDArray[np.float64], times: NDArray[np.float64], period: float) -> None:
        """Learn that the reference was at ``slots`` at ``times`` (s); ``period`` is its present s per slot."""
        fresh = slots > self._slots[-1]
        if self._slots.size == 1 and slots.size and slots[0] <= self._slots[0]:  # the anchor was a promise only
            self._slots, self._times = slots.astype(float), times.astype(float)
        else:
            self._slots = np.concatenate([self._slots, slots[fresh]])[-_KEEP:]
            self._times = np.concatenate([self._times, times[fresh]])[-_KEEP:]
        self.period = period

    def times(self, slots: NDArray[np.float64]) -> NDArray[np.float64]:
        """Times of ``slots`` in seconds, extrapolated beyond the known ones."""
        return _interpolate(slots, self._slots, self._times, self.period)

    def time(self, slot: float) -> float:
        """Time of one slot in seconds."""
        past = slot - self._slots[-1]
        if past >= 0:
            return float(self._times[-1] + past * self.period)
        after = int(np.searchsorted(self._slots, slot, side="right"))
        if after == 0:
            return float(self._times[0] + (slot - self._slots[0]) * self.period)
        (early, late), (start, end) = self._slots[after - 1 : after + 1], self._times[after - 1 : after + 1]
        return float(start + (slot - early) * (end - start) / (late - early))

    def slot_at(self, time: float) -> float:
        """Fractional slot at ``time`` (s)."""
        return float(_interpolate(np.array([time]), self._times, self._slots, 1 / self.period)[0])

    def forget(self, slot: float) -> None:
        """Drop known points that no slot from ``slot`` on needs."""
        keep = max(int(np.searchsorted(self._slots, slot)) - 1, 0)
        keep = min(keep, self._slots.size - 1)
        self._slots, self._times = self._slots[keep:], self._times[keep:]


def _interpolate(
    x: NDArray[np.float64], known: NDArray[np.float64], values: NDArray[np.float64], slope: float
) -> NDArray[np.float64]:
    inside = np.interp(x, known, values)
    beyond = values[-1] + (x - known[-1]) * slope
    before = values[0] + (x - known[0]) * slope
    return np.where(x > known[-1], beyond, np.where(x < known[0], before, inside))
