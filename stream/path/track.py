"""One stream's samples in steady time, evaluated at the slots of the grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.dejitter import Dejitter
from memhacl.stream.path.grid import Grid
from memhacl.stream.path.resample import Kernel, design, evaluate, reach

_SNAP = 0.05  # of a sample: nearer than this to a slot a sample of the model's own rate takes it unchanged


@dataclass
class Run:
    """Gapless samples: ``data`` (samples, channels) at ``times`` (s), arrived at ``arrived`` (s).

    ``slot`` is the first sample's place on the grid where the run belongs to the reference, else None.
    """

    times: NDArray[np.float64]
    data: NDArray[np.float64]
    arrived: NDArray[np.float64]
    slot: float | None = None

    def extend(self, times: NDArray[np.float64], data: NDArray[np.float64], arrived: float) -> None:
        """Append samples that arrived at ``arrived``."""
        self.times = np.concatenate([self.times, times])
        self.data = np.concatenate([self.data, data])
        self.arrived = np.concatenate([self.arrived, np.full(len(times), arrived)])

    def drop(self, samples: int, slots_per_sample: float) -> None:
        """Forget the first ``samples``."""
        self.times, self.data = self.times[samples:], self.data[samples:]
        self.arrived = self.arrived[samples:]
        if self.slot is not None:
            self.slot += samples * slots_per_sample


@dataclass(frozen=True)
class Need:
    """Whether all is ``here``, when its last sample ``arrived`` (s), how far ``ahead`` of the slot it is (s)."""

    here: bool
    arrived: float | None
    ahead: float


class Track:
    """The samples of one modality, buffered until the grid has passed them.

    The reference's samples lie on the grid by count (``disciplines``), those of any other stream by time.
    """

    def __init__(self, rate: float, grid_rate: float, look_ahead: float, reference: bool) -> None:
        self.rate = rate
        self.kernel: Kernel = design(rate, grid_rate, look_ahead)
        self.same_rate = abs(rate - grid_rate) < 1e-6 * grid_rate
        self._reference = reference
        self._slots_per_sample = grid_rate / rate
        self._clock = Dejitter(rate)
        self.runs: list[Run] = []

    @property
    def first_time(self) -> float | None:
        """Time of the oldest buffered sample, in seconds."""
        return float(self.runs[0].times[0]) if self.runs else None

    @property
    def last_time(self) -> float | None:
        """Time of the newest sample, in seconds."""
        return float(self.runs[-1].times[-1]) if self.runs else None

    def push(
        self, samples: NDArray[np.float64], stamps: NDArray[np.float64], now: float, grid: Grid | None
    ) -> None:
        """Take ``samples`` (n, channels) with ``stamps`` (n,) in seconds; the reference disciplines ``grid``."""
        for piece in self._clock.push(stamps):
            data = samples[piece.first : piece.last]
            if piece.continues and self.runs:
                run = self.runs[-1]
                run.extend(piece.times, data, now)
            else:
                run = Run(piece.times, data, np.full(len(data), now))
                self.runs.append(run)
            if grid is not None and self._reference:
                self._discipline(grid, run, len(data))

    def place(self, grid: Grid) -> None:
        """Lay the buffered samples on a new ``grid``, from the sample nearest to its anchor."""
        anchor = grid.time(0)
        for run in self.runs:
            run.slot = None
            if self._reference:
                self._discipline(grid, run, len(run.times), int(np.abs(run.times - anchor).argmin()))

    def _discipline(self, grid: Grid, run: Run, samples: int, sample: int = 0) -> None:
        """Tell ``grid`` the newest ``samples``; a run not yet on it takes its place by ``sample``'s time."""
        if run.slot is None:
            slot = grid.slot_at(float(run.times[sample]))
            near = round(slot)
            on_grid = self.same_rate or abs(slot - near) < _SNAP * self._slots_per_sample
            run.slot = (near if on_grid else slot) - sample * self._slots_per_sample
        numbers = np.arange(len(run.times) - samples, len(run.times), dtype=np.float64)
        places = run.slot + numbers * self._slots_per_sample
        grid.discipline(places, run.times[-samples:], self._clock.period / self._slots_per_sample)

    def positions(self, run: Run, slots: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
        """Fractional sample numbers in ``run`` at ``slots``."""
        if run.slot is not None:
            return (slots - run.slot) / self._slots_per_sample
        times, count = grid.times(slots), len(run.times)
        position = np.interp(times, run.times, np.arange(count))
        late, early = times > run.times[-1], times < run.times[0]
        position[late] = count - 1 + (times[late] - run.times[-1]) / self._clock.period
        position[early] = (times[early] - run.times[0]) / self._clock.period
        return position

    def values(self, slots: NDArray[np.float64], grid: Grid, channels: int) -> NDArray[np.float64]:
        """Values (slots, channels) on the grid; NaN where no sample is near."""
        out = np.full((len(slots), channels), np.nan)
        for run in self.runs:
            position = self.positions(run, slots, grid)
            inside = (position >= -0.5) & (position < len(run.data) - 1 + self._reach)
            if inside.any():
                out[inside] = self._at(run, position[inside])
        return out

    @property
    def _reach(self) -> float:
        """How many samples past its last one a run still speaks for."""
        return 1.0 if self.kernel.mode == "hold" else 0.5

    def _at(self, run: Run, position: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.same_rate:
            return evaluate(run.data, position, self.kernel)
        near = np.clip(np.rint(position).astype(int), 0, len(run.data) - 1)
        out = np.asarray(run.data[near])
        off = np.abs(position - near) > _SNAP
        if off.any():
            out = out.copy()
            out[off] = evaluate(run.data, position[off], self.kernel)
        return out

    def needed(self, slot: float, grid: Grid) -> Need:
        """Tell whether all that ``slot`` needs is here, and if not how long after it that may come."""
        if not self.runs:
            return Need(False, None, 0.0)
        run = self.runs[-1]
        position = float(self.positions(run, np.array([slot]), grid)[0])
        if position < 0:  # the newest run begins after the slot: whatever the slot can have is here
            return Need(True, float(run.arrived[0]), 0.0)
        index = self._last_index(position)
        here = index < len(run.arrived)
        return Need(here, float(run.arrived[index if here else -1]), max(index - position, 0.0) / self.rate)

    def _last_index(self, position: float) -> int:
        near = round(position)
        if self.same_rate and abs(position - near) <= _SNAP:
            return near
        return reach(position, self.kernel)

    def trim(self, seconds: float) -> int:
        """Keep the newest ``seconds`` of samples at most; return how many older ones were dropped."""
        excess = sum(len(run.data) for run in self.runs) - int(seconds * self.rate)
        dropped = 0
        while dropped < excess:
            run = self.runs[0]
            step = min(excess - dropped, len(run.data))
            if step == len(run.data):
                self.runs.pop(0)
            else:
                run.drop(step, self._slots_per_sample)
            dropped += step
        return dropped

    def forget(self, slot: float, grid: Grid) -> int:
        """Drop samples that no slot from ``slot`` on needs; return how many were dropped."""
        dropped = 0
        for run in list(self.runs):
            position = float(self.positions(run, np.array([slot]), grid)[0])
            spare = int(position) - self.kernel.half - 2
            spare = min(max(spare, 0), len(run.data))
            if spare == len(run.data) and run is not self.runs[-1]:
                self.runs.remove(run)
            elif spare > 0:
                run.drop(min(spare, len(run.data) - 1), self._slots_per_sample)
            dropped += spare
        return dropped
