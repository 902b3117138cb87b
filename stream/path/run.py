"""Samples of a stream without a gap among them."""

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.buffer import Buffer


class Run:
    """Gapless samples: ``data`` (samples, channels) at ``times`` (s), arrived at ``arrived`` (s).

    ``slot`` is the first sample's place on the grid where the run belongs to the reference, else None; ``period``
    (s) is that of the stream at the run's end. The arrays are views, valid until the next change.
    """

    def __init__(self, channels: int) -> None:
        self._times, self._data, self._arrived = Buffer(), Buffer(channels), Buffer()
        self.period = 0.0
        self.slot: float | None = None

    def __len__(self) -> int:
        return len(self._times)

    @property
    def times(self) -> NDArray[np.float64]:
        """Times (samples,) in seconds."""
        return self._times.rows

    @property
    def data(self) -> NDArray[np.float64]:
        """Values (samples, channels)."""
        return self._data.rows

    @property
    def arrived(self) -> NDArray[np.float64]:
        """Times of arrival (samples,) in seconds."""
        return self._arrived.rows

    def append(
        self, times: NDArray[np.float64], data: NDArray[np.float64], arrived: NDArray[np.float64] | float
    ) -> None:
        """Take further samples."""
        self._times.append(times, len(times))
        self._data.append(data, len(times))
        self._arrived.append(arrived, len(times))

    def drop(self, samples: int, slots_per_sample: float = 0.0) -> None:
        """Forget the first ``samples``; each is ``slots_per_sample`` slots of the grid."""
        for buffer in (self._times, self._data, self._arrived):
            buffer.drop(samples)
        if self.slot is not None:
            self.slot += samples * slots_per_sample

    def between(self, start: float, end: float) -> NDArray[np.float64]:
        """Values (samples, channels) at ``start`` <= time < ``end`` (s)."""
        first, last = np.searchsorted(self.times, (start, end))
        return self.data[first:last]
