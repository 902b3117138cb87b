"""The grid: slots at the model's rate on a clock that the reference stream disciplines."""

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.buffer import Buffer

_KEEP = 1 << 16  # known points: a reference whose slots are never taken must not fill the memory


class Grid:
    """Times of slots, in seconds; slot 0 lies at the anchor and slots follow at ``rate`` Hz.

    Known points (slot, time) come from the reference stream; between them time is linear, and beyond the last
    one it runs on at the last known period: the grid is held over when the reference is lost.
    """

    def __init__(self, rate: float, anchor: float) -> None:
        self.period = 1 / rate
        self._slots, self._times = Buffer(), Buffer()
        self._learn(np.array([0.0]), np.array([anchor]))
        self._promised = True  # the only point is the anchor

    def _learn(self, slots: NDArray[np.float64], times: NDArray[np.float64]) -> None:
        for buffer, rows in ((self._slots, slots), (self._times, times)):
            buffer.append(rows, len(rows))
            buffer.drop(len(buffer) - _KEEP)

    def discipline(self, slots: NDArray[np.float64], times: NDArray[np.float64], period: float) -> None:
        """Learn that the reference was at ``slots`` at ``times`` (s); ``period`` is its present s per slot."""
        if self._promised and slots[0] <= 0.0:
            self._slots.drop(1)
            self._times.drop(1)
        elif slots[0] <= self._slots.rows[-1]:
            fresh = slots > self._slots.rows[-1]
            slots, times = slots[fresh], times[fresh]
        self._promised = False
        self._learn(slots, times)
        self.period = period

    def times(self, slots: NDArray[np.float64]) -> NDArray[np.float64]:
        """Times of ``slots`` in seconds, extrapolated beyond the known ones."""
        return _interpolate(slots, self._slots.rows, self._times.rows, self.period)

    def time(self, slot: float) -> float:
        """Time of one slot in seconds."""
        slots, times = self._slots.rows, self._times.rows
        if slot >= slots[-1]:
            return float(times[-1] + (slot - slots[-1]) * self.period)
        after = int(np.searchsorted(slots, slot, side="right"))
        if after == 0:
            return float(times[0] + (slot - slots[0]) * self.period)
        share = (slot - slots[after - 1]) / (slots[after] - slots[after - 1])
        return float(times[after - 1] + share * (times[after] - times[after - 1]))

    def slot_at(self, time: float) -> float:
        """Fractional slot at ``time`` (s)."""
        return float(_interpolate(np.array([time]), self._times.rows, self._slots.rows, 1 / self.period)[0])

    def forget(self, slot: float) -> None:
        """Drop known points that no slot from ``slot`` on needs."""
        spare = min(int(np.searchsorted(self._slots.rows, slot)) - 1, len(self._slots) - 1)
        self._slots.drop(spare)
        self._times.drop(spare)


def _interpolate(
    x: NDArray[np.float64], known: NDArray[np.float64], values: NDArray[np.float64], slope: float
) -> NDArray[np.float64]:
    inside = np.interp(x, known, values)
    beyond = values[-1] + (x - known[-1]) * slope
    before = values[0] + (x - known[0]) * slope
    return np.where(x > known[-1], beyond, np.where(x < known[0], before, inside))
