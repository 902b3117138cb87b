"""The signal path: any streams of a montage in, aligned windows out; no thread, socket or clock inside."""

from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.grid import Grid
from memhacl.stream.path.guard import Guard
from memhacl.stream.path.lane import Lane
from memhacl.stream.path.track import Need
from memhacl.stream.path.window import Window
from memhacl.stream.signals import ANCHOR, REST_END, REST_START, Marker, StreamFormat
from memhacl.stream.spec import SignalSpec

Anchor = Literal["marker", "first", "clock"]

SILENCE = 3600.0  # s of a recording without a sample, of which no windows are made
_MARKERS = 4096  # that are kept for windows to come
CATCH_UP = 60.0  # s that windows may be overdue; what is older is left out and counted

__all__ = ["Anchor", "SignalPath", "Window"]


class SignalPath:
    """Windows of ``spec`` from stamped samples.

    Windows start at the anchor and follow every hop. ``anchor`` says where that is: at the newest
    ``memhacl:anchor`` marker and nowhere else (``marker``); at the first sample of the reference until a marker
    comes (``first``); at whole multiples of the hop on the streams' clock (``clock``, markers ignored). A window
    is given out as soon as all its samples are here, at the latest ``patience`` seconds after the last sample
    that it needs was taken (its end, plus the look-ahead of streams at other rates): what is missing then stays
    missing. ``rest`` makes the first seconds after each anchor the rest period, as markers would. With
    ``arrivals`` the times of arrival are real ones on the streams' clock, and streams that stamp with another
    clock, or whose clock jumps, are placed by them. Without ``assessed``, windows come without measures of their
    quality, which none of their samples depends on. All times are seconds on the streams' clock.
    """

    def __init__(
        self,
        spec: SignalSpec,
        *,
        patience: float = 0.5,
        anchor: Anchor = "first",
        rest: float | None = None,
        arrivals: bool = False,
        assessed: bool = True,
    ) -> None:
        self.spec, self.patience, self.anchor, self.rest = spec, patience, anchor, rest
        guards: list[Guard] | None = [] if arrivals else None
        self.lanes = {modality.modality: Lane(spec, modality, guards, assessed) for modality in spec.modalities}
        self._grid: Grid | None = None
        self._next = 0  # first slot that is not yet processed
        self._anchors: list[float] = []
        self._rests: list[tuple[float, float]] = []
        self._timed: list[tuple[float, float]] = []  # rests that no marker told
        self._resting: float | None = None
        self._markers: deque[Marker] = deque(maxlen=_MARKERS)
        self.skipped = 0  # hops left out because they were too long ago

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the montage."""
        return tuple(self.lanes)

    def open(self, found: StreamFormat) -> tuple[str, ...]:
        """Take modality ``found.modality`` from stream ``found``; return what had to be assumed.

        Raises
        ------
        StreamError
            The stream does not fit the montage.
        """
        lane = self.lanes[found.modality]
        lane.open(found, self._grid)
        return lane.intake.assumed

    def push(self, modality: str, samples: NDArray[np.float32], stamps: NDArray[np.float64], now: float) -> None:
        """Take ``samples`` (n, channels) with ``stamps`` (n,) that arrived at ``now``."""
        if len(stamps):
            self.lanes[modality].push(samples, stamps, now, self._grid)

    @property
    def due(self) -> float | None:
        """Time (s) of the last slot of the awaited hop: nothing comes out before; None before the anchor."""
        return None if self._grid is None else self._grid.time(self._next + self.spec.hop_samples - 1)

    @property
    def health(self) -> dict[str, dict[str, float]]:
        """How each modality's stream has done: see `Intake.health`."""
        return {name: lane.intake.health for name, lane in self.lanes.items()}

    @property
    def assumed(self) -> tuple[str, ...]:
        """What had to be assumed about the streams."""
        said = [text for lane in self.lanes.values() for text in lane.intake.assumed]
        for name, lane in self.lanes.items():
            if (delay := lane.intake.delay) > self.patience:
                said.append(f"{name}: samples come {delay:.1f} s late, past the patience of {self.patience:g} s")
        return tuple(said)

    def mark(self, marker: Marker) -> None:
        """Take a marker; ``memhacl:anchor`` and the rest markers act on the path."""
        self._markers.append(marker)
        if marker.text == ANCHOR and self.anchor != "clock":
            # One stamped in the future by mistake must not stand before those that come after it.
            self._anchors = [*(time for time in self._anchors if time < marker.time), marker.time]
        elif marker.text == REST_START:
            self._resting = marker.time
        elif marker.text == REST_END and self._resting is not None:
            earlier = (rest for rest in self._rests if rest[1] < marker.time)
            self._rests = [*earlier, (self._resting, marker.time)]
            self._resting = None

    def advance(self, now: float) -> list[Window]:
        """Return the windows that are complete, or overdue, at ``now``, in order."""
        windows = self._collect(now, np.inf)
        if np.isfinite(now):  # live: what no window takes must not pile up
            for lane in self.lanes.values():
                lane.intake.trim()
        return windows

    def finish(self) -> list[Window]:
        """Return the windows that the data so far still hold; what comes after begins anew, at its own anchor."""
        for lane in self.lanes.values():
            lane.intake.flush(self._grid)
        ends = [lane.intake.last_time for lane in self.lanes.values()]
        last = max((end for end in ends if end is not None), default=-np.inf)
        windows = self._collect(np.inf, last)
        self._grid = None
        for lane in self.lanes.values():
            lane.intake.clear()
        return windows

    def _collect(self, now: float, last: float) -> list[Window]:
        windows: list[Window] = []
        while self._begun(now):
            grid = self._grid
            assert grid is not None
            end = self._next + self.spec.hop_samples - 1
            due = grid.time(end)
            if self._anchors and due > self._anchors[0] - grid.period / 2:
                self._begin(self._anchors.pop(0))
                continue
            if np.isfinite(now) and now - due - self.patience > CATCH_UP:
                self._skip(grid, int((now - due - self.patience) / self.spec.hop))
                continue
            if not np.isfinite(now) and SILENCE < (silence := self._silence(due, last)) < np.inf:
                self._skip(grid, int((silence - self.spec.window) / self.spec.hop))
                continue
            needs = self._needs(end, due, now)
            if due > last + grid.period / 2 or needs is None:
                break
            windows += self._process(grid, max((n.arrived for n in needs if n.arrived is not None), default=None))
        return windows

    def _silence(self, due: float, last: float) -> float:
        """Seconds after ``due`` in which no stream has a sample, the last being at ``last`` (s); 0: not long."""
        if last - due <= SILENCE:
            return 0.0
        return min(lane.intake.next_time(due) for lane in self.lanes.values()) - due

    def _needs(self, end: int, due: float, now: float) -> list[Need] | None:
        """What the hop up to slot ``end`` needs of each modality; None while it is worth waiting for one."""
        assert self._grid is not None
        needs: list[Need] = []
        for lane in self.lanes.values():
            need = lane.intake.needed(end, self._grid)
            if not need.here and now < due + need.ahead + self.patience:
                return None
            needs.append(need)
        return needs

    def _begun(self, now: float) -> bool:
        if self._grid is not None:
            return True
        if self._anchors:
            self._begin(self._anchors.pop(0))
        elif self.anchor != "marker" and (first := self._first_sample(now)) is not None:
            self._begin(first if self.anchor == "first" else np.ceil(first / self.spec.hop) * self.spec.hop)
        return self._grid is not None

    def _first_sample(self, now: float) -> float | None:
        """Time of the reference's first sample; without a reference, in the end, of anything's."""
        firsts = {name: lane.intake.first_time for name, lane in self.lanes.items()}
        reference = firsts.get(self.spec.reference)
        if reference is not None:
            return reference
        others = [first for first in firsts.values() if first is not None]
        return min(others) if others and now >= min(others) + self.spec.window + self.patience else None

    def _begin(self, anchor: float) -> None:
        out = anchor if self._grid is None else self._grid.time(self._next - 1)
        self._grid = Grid(self.spec.rate, anchor)
        # An anchor may come late. Windows that are out stay out: they go on from the next hop.
        late = int(np.ceil((out - anchor) / self.spec.hop + 1e-6)) if out > anchor else 0
        self._next = late * self.spec.hop_samples
        self._rests = [rest for rest in self._rests if rest[1] > anchor and rest not in self._timed]
        if self.rest is not None:
            self._timed = [(anchor, anchor + self.rest)]
            self._rests = [*self._timed, *self._rests]
        for lane in self.lanes.values():
            lane.begin(self._grid, self._next)

    def _skip(self, grid: Grid, hops: int) -> None:
        """Leave out ``hops`` that nobody awaits: the machine slept, or stamps come from another clock."""
        self.skipped += hops
        self._next += hops * self.spec.hop_samples
        grid.forget(self._next)
        for lane in self.lanes.values():
            lane.skip(self._next, grid)

    def _process(self, grid: Grid, arrival: float | None) -> list[Window]:
        slots = np.arange(self._next, self._next + self.spec.hop_samples, dtype=float)
        for lane in self.lanes.values():
            lane.process(slots, grid)
        self._next += self.spec.hop_samples
        self._learn_rest(grid)
        first = self._next - self.spec.window_samples
        # Windows start at multiples of the hop; one that is no multiple of it waits for the block that ends it.
        first -= first % self.spec.hop_samples
        windows = [] if first < 0 else [self._cut(grid, first, arrival)]
        keep = self._next - self.spec.window_samples - self.spec.hop_samples
        grid.forget(keep)
        for lane in self.lanes.values():
            lane.intake.forget(keep, grid)
        return windows

    def _learn_rest(self, grid: Grid) -> None:
        while self._rests and round(grid.slot_at(self._rests[0][1])) <= self._next:
            first, last = (round(grid.slot_at(time)) for time in self._rests.pop(0))
            for lane in self.lanes.values():
                lane.rest(max(first, 0), last)

    def _cut(self, grid: Grid, first: int, arrival: float | None) -> Window:
        data = np.empty(self.spec.shape, dtype=np.float32)
        reasons: list[str] = []
        quality = {}
        for name, rows in self.spec.rows.items():
            data[rows], found, quality[name] = self.lanes[name].cut(first, grid)
            reasons += found
        # not the next slot's time, which is known only if its sample is here
        start, end = grid.time(first), grid.time(first + self.spec.window_samples - 1) + 1 / self.spec.rate
        seen = tuple(marker for marker in self._markers if start <= marker.time < end)
        while self._markers and self._markers[0].time < start:
            self._markers.popleft()
        index = first // self.spec.hop_samples
        return Window(data, index, start, end, tuple(reasons), quality, arrival, seen)
