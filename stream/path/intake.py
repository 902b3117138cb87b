"""One modality's stream, from its stamped samples to values on the grid."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.grid import Grid
from memhacl.stream.path.guard import Guard
from memhacl.stream.path.history import Block
from memhacl.stream.path.match import Match, match
from memhacl.stream.path.quality import bad_channels
from memhacl.stream.path.repair import Repair
from memhacl.stream.path.sparse import Sparse
from memhacl.stream.path.track import Need, Track
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import ModalitySpec, SignalSpec

_PILE = 120.0  # s of samples that may wait for a window
_FULL = 0.9  # of a window's samples must be there to say that a channel is dead


class Intake:
    """The stream of one ``modality`` of ``spec``: matched, put on the common clock, in steady time, repaired.

    ``guards`` are those of all of the path's streams, this one's to be added; None: stamps are believed. Without
    a stream all values are missing.
    """

    def __init__(self, spec: SignalSpec, modality: ModalitySpec, guards: list[Guard] | None) -> None:
        self._spec, self._modality = spec, modality
        self._guarded = guards is not None
        self._guard = Guard([] if guards is None else guards)
        self.match: Match | None = None
        self.track: Track | Sparse | None = None
        self._counts: Counter[str] = Counter()  # of tracks before this one, and what was dropped unused
        share = modality.interpolate if modality.modality == "EEG" else 0.0
        self._looked = -spec.window_samples  # slot before which dead channels were looked for, and those found
        self._dead_seen = np.zeros(len(modality.channels), dtype=bool)
        self._repair = Repair(modality.channels, share, spec.rate)

    def open(self, found: StreamFormat, grid: Grid | None) -> None:
        """Take the samples of stream ``found`` from now on.

        Raises
        ------
        StreamError
            The stream does not fit the modality.
        """
        fresh = match(self._modality, found)
        if self.track is not None and self.match is not None and fresh.rate == self.match.rate:
            self.track.flush(grid)  # another connection's samples are not counted on from these
        else:
            self._counts = self._counted()
            self.track = self._tracked(fresh.rate)
        self._guard.restart(fresh.rate)
        self.match = fresh

    def _tracked(self, rate: float) -> Track | Sparse:
        m, channels = self._modality, len(self._modality.channels)
        if rate == 0:
            return Sparse(m.look_ahead, m.max_step, channels)
        return Track(rate, self._spec.rate, m.look_ahead, channels, m.modality == self._spec.reference)

    def _counted(self) -> Counter[str]:
        counts = Counter(self._counts)
        if self.track is not None:
            counts.update(gaps=self.track.gaps, disordered=self.track.disordered, late=self.track.late)
        return counts

    @property
    def rate(self) -> float:
        """Nominal rate of the stream in Hz; 0 where it is irregular or there is none."""
        return 0.0 if self.track is None else self.track.rate

    @property
    def health(self) -> dict[str, float]:
        """Gaps, samples not used (disordered, late, strays), clock jumps so far; jitter, delay, shift (s)."""
        counts = self._counted()
        return {
            "gaps": counts["gaps"],
            "disordered": counts["disordered"],
            "late": counts["late"],
            "jitter": self.track.jitter if self.track else 0.0,
            "strays": self._guard.strays,
            "delay": self.delay,
            "clock_jumps": self._guard.jumps,
            "clock_shift": self._guard.shift,
        }

    @property
    def assumed(self) -> tuple[str, ...]:
        """What had to be assumed about the stream."""
        if self.match is None:
            return ()
        said, name = list(self.match.assumed), self._modality.modality
        if self.rate != self.match.rate:
            said.append(f"{name}: the stream says {self.match.rate:g} Hz and sends {self.rate:.4g} Hz")
        if self._guard.shift:
            said.append(f"{name}: its stamps are not on the common clock; placed by arrival")
        return tuple(said)

    @property
    def delay(self) -> float:
        """Least time in seconds between a sample's stamp and its arrival of late; 0 where that is not known."""
        return self._guard.delay if self._guarded else 0.0

    @property
    def first_time(self) -> float | None:
        """Time of the oldest buffered sample, in seconds."""
        return self.track.first_time if self.track else None

    def next_time(self, after: float) -> float:
        """Time of the first buffered sample later than ``after``, in seconds; infinite where there is none."""
        return self.track.next_time(after) if self.track else np.inf

    @property
    def last_time(self) -> float | None:
        """Time of the newest sample, in seconds."""
        return self.track.last_time if self.track else None

    def push(
        self,
        samples: NDArray[np.float32],
        stamps: NDArray[np.float64],
        now: float,
        grid: Grid | None,
        gone: float,
    ) -> None:
        """Take ``samples`` (n, stream channels) with ``stamps`` (n,); windows before ``gone`` are out (all s)."""
        if self.match is None or self.track is None:
            raise RuntimeError(f"{self._modality.modality}: push before open")
        if self._guarded:
            stamps, take = self._guard.push(stamps, now)
        else:
            take = np.isfinite(stamps)
        if not take.all():
            samples, stamps = samples[take], stamps[take]
        if len(stamps):
            self.track.push(self.match.read(samples), stamps, now, grid, gone)

    def flush(self, grid: Grid | None) -> None:
        """Settle what waits for later samples: none will come."""
        if self.track is not None:
            self.track.flush(grid)

    def clear(self) -> None:
        """Forget the samples that are still buffered."""
        if self.track is not None:
            self.track.clear()

    def place(self, grid: Grid) -> None:
        """Lay what is buffered on a new ``grid``."""
        self._repair.reset()
        self._looked = -self._spec.window_samples
        if self.track is not None:
            self.track.place(grid)

    def trim(self) -> None:
        """Drop samples that pile up because no window takes them: before an anchor, or under another clock."""
        if self.track is not None:
            self._counts["late"] += self.track.trim(_PILE)

    def skip(self, slot: int, grid: Grid) -> None:
        """Drop what lies before ``slot`` unused."""
        if self.track is not None:
            self._counts["late"] += self.track.forget(slot, grid)

    def forget(self, slot: int, grid: Grid) -> None:
        """Drop the samples that nothing from ``slot`` on needs."""
        if self.track is not None:
            self.track.forget(slot, grid)

    def needed(self, slot: int, grid: Grid) -> Need:
        """Tell whether all that ``slot`` needs is here, and if not how long after it that may come."""
        return Need(False, None, 0.0) if self.track is None else self.track.needed(slot, grid)

    def samples(self, first: int, last: int, grid: Grid) -> NDArray[np.float64]:
        """The stream's own samples (samples, channels) in slots ``first:last``."""
        if self.track is None:
            return np.empty((0, len(self._modality.channels)))
        half = 0.5 / self._spec.rate
        return self.track.between(grid.time(first) - half, grid.time(last - 1) + half)

    def values(self, slots: NDArray[np.float64], grid: Grid) -> Block:
        """Values (slots, channels) on the grid; dead and missing EEG channels interpolated where they are few."""
        if self.track is None:
            return Block(np.full((len(slots), len(self._modality.channels)), np.nan))
        raw = self.track.values(slots, grid)
        if self._modality.modality != "EEG":
            return Block(raw)
        dead = self._dead(int(slots[-1]) + 1, grid)
        beyond = bool(dead.sum() > self._repair.limit)
        raw, replaced = self._repair.apply(raw, np.zeros_like(dead) if beyond else dead)
        return Block(raw, beyond, float(replaced.mean()))

    def _dead(self, end: int, grid: Grid) -> NDArray[np.bool_]:
        """Channels (channels,) that did nothing in a window's time before slot ``end``, seen twice a window.

        None are dead where that time is not full of samples.
        """
        if not 0 <= end - self._looked < self._spec.window_samples // 2:
            samples = self.samples(end - self._spec.window_samples, end, grid)
            self._looked = end
            self._dead_seen = np.zeros(len(self._modality.channels), dtype=bool)
            if len(samples) >= _FULL * self._spec.window * self.rate:
                self._dead_seen = bad_channels(self._modality.modality, samples, self._modality.unit)
        return self._dead_seen
