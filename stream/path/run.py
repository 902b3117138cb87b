"""Samples of a stream, and such as have no gap among them."""

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.buffer import Buffer
from memhacl.stream.path.resample import Kernel, design

SNAP = 0.05  # of a sample: nearer than this to a slot a sample of the model's own rate takes it unchanged


class Samples:
    """``data`` (samples, channels) at ``times`` (s) that arrived at ``arrived`` (s).

    The arrays are views, valid until the next change.
    """

    def __init__(self, channels: int) -> None:
        self._times, self._data, self._arrived = Buffer(), Buffer(channels), Buffer()

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

    def next_time(self, after: float) -> float:
        """Time of the first sample later than ``after``, in seconds; infinite where there is none."""
        later = int(np.searchsorted(self.times, after, side="right"))
        return float(self.times[later]) if later < len(self) else np.inf

    def append(
        self, times: NDArray[np.float64], data: NDArray[np.float64], arrived: NDArray[np.float64] | float
    ) -> None:
        """Take further samples."""
        self._times.append(times, len(times))
        self._data.append(data, len(times))
        self._arrived.append(arrived, len(times))

    def drop(self, samples: int) -> None:
        """Forget the first ``samples``."""
        for buffer in (self._times, self._data, self._arrived):
            buffer.drop(samples)

    def between(self, start: float, end: float) -> NDArray[np.float64]:
        """Values (samples, channels) at ``start`` <= time < ``end`` (s)."""
        first, last = np.searchsorted(self.times, (start, end))
        return self.data[first:last]


class Reading:
    """How samples of ``rate`` Hz are read on a grid of ``grid_rate`` Hz, with ``look_ahead`` s of the future."""

    def __init__(self, rate: float, grid_rate: float, look_ahead: float) -> None:
        self.rate = rate
        self.slots_per_sample = grid_rate / rate
        self.same_rate = abs(rate - grid_rate) < 1e-6 * grid_rate
        self.kernel: Kernel = design(rate, grid_rate, look_ahead)

    @property
    def near(self) -> float:
        """How many samples from a run's ends a slot may lie: half a sample or half a slot, whichever is less."""
        return max(min(0.5, 0.5 / self.slots_per_sample), SNAP)

    @property
    def reach(self) -> float:
        """How many samples past its last one a run still speaks for."""
        return 1.0 if self.kernel.mode == "hold" else self.near


class Run(Samples):
    """Gapless samples, read on the grid by ``reading``.

    ``slot`` is the first sample's place on the grid where the run belongs to the reference, else None; ``period``
    (s) is that of the stream at the run's end.
    """

    def __init__(self, channels: int, reading: Reading) -> None:
        super().__init__(channels)
        self.reading = reading
        self.period = 1 / reading.rate
        self.slot: float | None = None

    def drop(self, samples: int) -> None:
        """Forget the first ``samples``."""
        super().drop(samples)
        if self.slot is not None:
            self.slot += samples * self.reading.slots_per_sample
