"""One regular stream's samples in steady time, evaluated at the slots of the grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.dejitter import Dejitter, Piece
from memhacl.stream.path.grid import Grid
from memhacl.stream.path.resample import evaluate, reach
from memhacl.stream.path.run import SNAP, Reading, Run, Samples

_DOUBT = 0.1  # s at most that are left out where time went back
_GAP = 1.5  # periods from one run to the next that are a gap, and not only a new connection


@dataclass(frozen=True)
class Need:
    """Whether all is ``here``, when its last sample ``arrived`` (s), how far ``ahead`` of the slot it is (s)."""

    here: bool
    arrived: float | None
    ahead: float


class Track:
    """The samples of one modality, buffered until the grid has passed them.

    The reference's samples lie on the grid by count and discipline it, those of any other stream lie by time.
    """

    def __init__(self, rate: float, grid_rate: float, look_ahead: float, channels: int, reference: bool) -> None:
        self.gaps = self.disordered = self.late = 0
        self._reference, self._channels = reference, channels
        self._grid_rate, self._look_ahead = grid_rate, look_ahead
        self._reading = Reading(rate, grid_rate, look_ahead)
        self._clock = Dejitter(rate)
        self._broken = False  # the next sample begins a run
        self._doubted = 0  # samples still to be left out
        self._held = Samples(channels)  # samples of which the dejitter cannot tell the time yet
        self._newest = self._gone = -np.inf
        self.runs: list[Run] = []

    @property
    def jitter(self) -> float:
        """Mean distance of the stamps from steady time, in seconds."""
        return self._clock.jitter

    @property
    def rate(self) -> float:
        """Rate in Hz that samples are counted by: the nominal one, or the measured where that is far from it."""
        return self._clock.rate

    @property
    def first_time(self) -> float | None:
        """Time of the oldest buffered sample, in seconds."""
        return float(self.runs[0].times[0]) if self.runs else None

    @property
    def last_time(self) -> float | None:
        """Time of the newest sample, in seconds."""
        return float(self.runs[-1].times[-1]) if self.runs else None

    def next_time(self, after: float) -> float:
        """Time of the first buffered sample later than ``after``, in seconds; infinite where there is none."""
        return min((run.next_time(after) for run in self.runs), default=np.inf)

    def push(
        self, samples: NDArray[np.float64], stamps: NDArray[np.float64], now: float, grid: Grid | None, gone: float
    ) -> None:
        """Take ``samples`` (n, channels) with ``stamps`` (n,) in seconds; the reference disciplines ``grid``.

        What turns out to belong before ``gone`` (s), where windows are out already, is counted as ``late``.
        """
        self._gone = gone
        pieces = self._clock.push(stamps)
        if len(self._held) or self._clock.held:
            self._held.append(stamps, samples, now)
            self._settle(pieces, grid)
        else:  # nothing waits: the usual case
            self._take(pieces, samples, np.full(len(stamps), now), grid)

    def flush(self, grid: Grid | None) -> None:
        """Settle what waits for its time: nothing more comes, or what comes is another connection's."""
        self._settle(self._clock.flush(), grid)

    def _settle(self, pieces: list[Piece], grid: Grid | None) -> None:
        """Take the samples in ``pieces`` from those that wait."""
        self._take(pieces, self._held.data, self._held.arrived, grid)
        self._held.drop(sum(len(piece.times) for piece in pieces))

    def _take(
        self, pieces: list[Piece], data: NDArray[np.float64], arrived: NDArray[np.float64], grid: Grid | None
    ) -> None:
        """Take the samples that lie at the times of ``pieces``: ``data`` (samples, channels), and what follows."""
        first = 0
        for piece in pieces:
            last = first + len(piece.times)
            if not piece.continues:
                self._broken = True
                self.gaps += self._newest > -np.inf
            stale = self._stale(piece.times)
            self.disordered += stale
            if first + stale < last:
                run = self._current(piece.rate)
                run.append(piece.times[stale:], data[first + stale : last], arrived[first + stale : last])
                run.period = piece.period
                self.late += int(np.searchsorted(piece.times[stale:], self._gone))
                self._newest = float(piece.times[-1])
                if grid is not None and self._reference:
                    self._discipline(grid, run, last - first - stale)
            first = last

    def _stale(self, times: NDArray[np.float64]) -> int:
        """How many samples at the head of ``times`` have no place any more, behind a clock set back or sent twice.

        Two runs then claimed one time. Which is right cannot be told, so some more go, and leave a gap to see.
        """
        past = int(np.searchsorted(times, self._newest, side="right"))
        if past and self._broken:
            self._doubted = min(self._doubted + past + 1, max(int(_DOUBT * self.rate), 2))
        doubted = min(self._doubted, len(times) - past) if self._broken else 0
        self._doubted -= doubted
        return past + doubted

    def _current(self, rate: float) -> Run:
        """The run that samples counted by ``rate`` (Hz) belong to."""
        if rate != self._reading.rate:
            self._reading = Reading(rate, self._grid_rate, self._look_ahead)
        if self._broken or not self.runs:
            self.runs.append(Run(self._channels, self._reading))
            self._broken = False
        return self.runs[-1]

    def place(self, grid: Grid) -> None:
        """Lay the buffered samples on a new ``grid``, from the sample nearest to its anchor."""
        anchor = grid.time(0)
        for run in self.runs:
            run.slot = None
            if self._reference:
                self._discipline(grid, run, len(run), int(np.abs(run.times - anchor).argmin()))

    def _discipline(self, grid: Grid, run: Run, samples: int, sample: int = 0) -> None:
        """Tell ``grid`` the newest ``samples``; a run not yet on it takes its place by ``sample``'s time."""
        if run.slot is None:
            slot = grid.slot_at(float(run.times[sample]))
            near = round(slot)
            on_grid = run.reading.same_rate or abs(slot - near) < SNAP * run.reading.slots_per_sample
            run.slot = (near if on_grid else slot) - sample * run.reading.slots_per_sample
        numbers = np.arange(len(run) - samples, len(run), dtype=np.float64)
        places = run.slot + numbers * run.reading.slots_per_sample
        grid.discipline(places, run.times[-samples:], run.period / run.reading.slots_per_sample)

    def positions(self, run: Run, slots: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
        """Fractional sample numbers in ``run`` at ``slots``."""
        if run.slot is not None:
            return (slots - run.slot) / run.reading.slots_per_sample
        times, known, count = grid.times(slots), run.times, len(run)
        position = np.interp(times, known, np.arange(count))
        late, early = times > known[-1], times < known[0]
        position[late] = count - 1 + (times[late] - known[-1]) * run.reading.rate
        position[early] = (times[early] - known[0]) * run.reading.rate
        return position

    def _position(self, run: Run, slot: float, grid: Grid) -> float:
        """`positions` of one slot, asked at every turn."""
        if run.slot is not None:
            return (slot - run.slot) / run.reading.slots_per_sample
        time, known = grid.time(slot), run.times
        if time <= known[0]:
            return float((time - known[0]) * run.reading.rate)
        if time >= known[-1]:
            return float(len(known) - 1 + (time - known[-1]) * run.reading.rate)
        right = int(np.searchsorted(known, time, side="right"))
        before, after = known[right - 1], known[right]
        return float(right - 1 + (time - before) / (after - before))

    def values(self, slots: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
        """Values (slots, channels) on the grid; NaN where no sample is near, and at each gap once at least."""
        out = np.full((len(slots), self._channels), np.nan)
        before: Run | None = None
        for run in self.runs:
            position = self.positions(run, slots, grid)
            inside = (position >= -run.reading.near) & (position < len(run) - 1 + run.reading.reach)
            if inside.any():
                out[inside] = self._at(run, position[inside])
            if before is not None and run.times[0] - before.times[-1] > _GAP / run.reading.rate:
                out[self._hidden(before, run, position, slots, grid)] = np.nan
            before = run
        return out

    def _hidden(
        self, before: Run, run: Run, position: NDArray[np.float64], slots: NDArray[np.float64], grid: Grid
    ) -> slice:
        """The first slot of ``run`` (at ``position`` of it) where the gap ``before`` it lies between two slots."""
        first = int(np.searchsorted(position, 0.0))
        if first == len(slots) or position[first] >= 1 / run.reading.slots_per_sample:
            return slice(0)  # the run does not begin here
        last = self._position(before, float(slots[first]) - 1, grid)
        return slice(first, first + 1) if last < len(before) - 1 + before.reading.reach else slice(0)

    def _at(self, run: Run, position: NDArray[np.float64]) -> NDArray[np.float64]:
        data, kernel = run.data, run.reading.kernel
        if not run.reading.same_rate:
            return evaluate(data, position, kernel)
        near = np.clip(np.rint(position).astype(int), 0, len(data) - 1)
        out = np.asarray(data[near])  # a copy
        off = np.abs(position - near) > SNAP
        if off.any():
            out[off] = evaluate(data, position[off], kernel)
        return out

    def needed(self, slot: float, grid: Grid) -> Need:
        """Tell whether all that ``slot`` needs is here, and if not how long after it that may come."""
        if not self.runs:
            return Need(False, None, 0.0)
        run = self.runs[-1]
        position = self._position(run, slot, grid)
        if position < 0:  # the newest run begins after the slot: whatever the slot can have is here
            return Need(True, float(run.arrived[0]), 0.0)
        index = _last_index(position, run.reading)
        here = index < len(run)
        return Need(here, float(run.arrived[index if here else -1]), max(index - position, 0.0) / run.reading.rate)

    def between(self, start: float, end: float) -> NDArray[np.float64]:
        """The stream's own samples (samples, channels) at ``start`` <= time < ``end`` (s)."""
        parts = [part for run in self.runs if len(part := run.between(start, end))]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self._channels))

    def trim(self, seconds: float) -> int:
        """Keep the newest ``seconds`` of samples at most; return how many older ones were dropped."""
        excess = sum(map(len, self.runs)) - int(seconds * self.rate)
        dropped = 0
        while dropped < excess:
            run = self.runs[0]
            step = min(excess - dropped, len(run))
            if step == len(run):
                self.runs.pop(0)
            else:
                run.drop(step)
            dropped += step
        return dropped

    def forget(self, slot: float, grid: Grid) -> int:
        """Drop samples that no slot from ``slot`` on needs; return how many were dropped."""
        dropped = 0
        for run in list(self.runs):
            position = self._position(run, slot, grid)
            spare = min(max(int(position) - run.reading.kernel.half - 2, 0), len(run))
            if spare == len(run) and run is not self.runs[-1]:
                self.runs.remove(run)
            elif spare > 0:
                run.drop(min(spare, len(run) - 1))
            dropped += spare
        return dropped

    def clear(self) -> None:
        """Forget all samples, and how far time has gone."""
        self.runs.clear()
        self._newest = -np.inf


def _last_index(position: float, reading: Reading) -> int:
    """Number of the last sample that is looked at for ``position``."""
    near = round(position)
    if reading.same_rate and abs(position - near) <= SNAP:
        return near
    return reach(position, reading.kernel)
