"""One modality from stream to rows of a window: match, track, condition, adapt, baseline."""

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.baseline import Running, of_past, template
from memhacl.stream.path.condition import Conditioner
from memhacl.stream.path.grid import Grid
from memhacl.stream.path.history import History
from memhacl.stream.path.match import Match, match
from memhacl.stream.path.quality import measure
from memhacl.stream.path.track import Need, Track
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import ModalitySpec, SignalSpec

_PILE = 120.0  # s of samples that may wait for a window


class Lane:
    """The state of one modality of ``spec``; without a stream its slots are missing."""

    def __init__(self, spec: SignalSpec, modality: ModalitySpec) -> None:
        self.spec, self.modality = spec, modality
        self.match: Match | None = None
        self.track: Track | None = None
        self.late = 0
        channels, hop = len(modality.channels), spec.hop_samples
        self._condition = self._conditioner(())
        self._history = History(channels, spec.baseline_samples + spec.window_samples + 2 * hop)
        self._running = Running(channels, hop, spec.adapt_seconds * spec.rate)
        self._rest_template: NDArray[np.float64] | None = None
        self._rest_scale: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def _conditioner(self, already_done: tuple[str, ...]) -> Conditioner:
        return Conditioner(
            self.modality, self.spec.rate, already_done, round(self.spec.reset_gap * self.spec.rate)
        )

    def open(self, found: StreamFormat) -> None:
        """Take the samples of stream ``found`` from now on.

        Raises
        ------
        StreamError
            The stream does not fit the modality.
        """
        fresh = match(self.modality, found)
        if self.match is None or fresh.already_done != self.match.already_done:
            self._condition = self._conditioner(found.already_done)
        if self.track is None or self.match is None or fresh.rate != self.match.rate:
            reference = self.modality.modality == self.spec.reference
            self.track = Track(found.rate, self.spec.rate, self.modality.look_ahead, reference)
        self.match = fresh

    def begin(self, grid: Grid) -> None:
        """Forget the past of the signal and lay what is buffered on a new ``grid``."""
        self._condition.reset()
        self._history.reset()
        self._running.reset()
        self._rest_template = self._rest_scale = None
        if self.track is not None:
            self.track.place(grid)

    def end(self) -> None:
        """Forget the samples that are still buffered."""
        if self.track is not None:
            self.track.runs.clear()

    def push(
        self, samples: NDArray[np.float32], stamps: NDArray[np.float64], now: float, grid: Grid | None
    ) -> None:
        """Take ``samples`` (n, stream channels) with ``stamps`` (n,) in s; what is not finite is missing."""
        if self.match is None or self.track is None:
            raise RuntimeError(f"{self.modality.modality}: push before open")
        values = self.match.read(samples)
        values[~np.isfinite(values)] = np.nan
        if grid is not None and self._history.end:
            self.late += int((stamps < grid.time(self._history.end) - grid.period).sum())
        self.track.push(values, stamps, now, grid)

    def trim(self) -> None:
        """Drop samples that pile up because no window takes them: before an anchor, or under another clock."""
        if self.track is not None:
            self.late += self.track.trim(_PILE)

    def skip(self, slot: int, grid: Grid) -> None:
        """Go on from ``slot`` with nothing of what lies before it."""
        self._condition.reset()
        self._history.reset(slot)
        self._running.reset()
        if self.track is not None:
            self.late += self.track.forget(slot, grid)

    def needed(self, slot: int, grid: Grid) -> Need:
        """Tell whether all that ``slot`` needs is here, and if not how long after it that may come."""
        return Need(False, None, 0.0) if self.track is None else self.track.needed(slot, grid)

    def process(self, slots: NDArray[np.float64], grid: Grid) -> None:
        """Bring the next hop of ``slots`` from the stream into the history."""
        channels = len(self.modality.channels)
        if self.track is None:
            raw = np.full((len(slots), channels), np.nan)
        else:
            raw = self.track.values(slots, grid, channels)
            self.track.forget(slots[-1] + 1, grid)
        cuts = self._condition.cuts
        conditioned, warming = self._condition.push(raw)
        if self._condition.cuts > cuts:
            self._running.reset()  # who comes back after a long gap may not be as they were
        self._history.push(raw, conditioned, warming)
        self._running.push(conditioned)

    def rest(self, first: int, last: int) -> None:
        """Learn the rest period ``first:last`` (slots), of which the newest ``baseline_seconds`` count."""
        past = self._history.conditioned(max(first, last - self.spec.baseline_samples), last)
        self._rest_template = template(past, self.spec.window_samples)
        resting = Running(past.shape[1], max(len(past), 1), np.inf)
        resting.push(past)
        self._rest_scale = resting.statistics() if resting.slots else None

    def cut(self, first: int) -> tuple[NDArray[np.float64], list[str], dict[str, float]]:
        """Rows (channels, samples) of the window from slot ``first``, its reasons to distrust, its quality."""
        last = first + self.spec.window_samples
        data = self._history.conditioned(first, last)
        quality = measure(self.modality.modality, self._history.raw(first, last))
        reasons = self._presence(quality["missing"])
        if self._history.warming(first, last):
            reasons.append("filter_warmup")
        past = self._history.conditioned(first - self.spec.baseline_samples, first)
        data = self._adapt(self._subtract(data, past, reasons), reasons)
        return data.T, [f"{reason}:{self.modality.modality}" for reason in reasons], quality

    def _presence(self, missing: float) -> list[str]:
        if missing == 1.0:
            return ["missing"]
        return ["gap"] if missing > 0 else []

    def _subtract(
        self, data: NDArray[np.float64], past: NDArray[np.float64], reasons: list[str]
    ) -> NDArray[np.float64]:
        kind = self.modality.baseline
        if kind == "none":
            return data
        window = self.spec.window_samples
        baseline = self._rest_template if kind == "rest" else of_past(kind, past, window)
        if baseline is None:
            reasons.append("baseline_warmup")
            return data
        return data - baseline

    def _adapt(self, data: NDArray[np.float64], reasons: list[str]) -> NDArray[np.float64]:
        kind = self.modality.adapt
        if kind == "none":
            return data
        ready = self._running.slots >= self.spec.adapt_warmup * self.spec.rate
        scale = self._running.statistics() if kind == "running" and ready else self._rest_scale
        if scale is None or (kind == "running" and not ready):
            reasons.append("adapt_warmup")
            return data
        mean, deviation = scale
        # A baseline has taken the level out already: then only the scale is adapted.
        return (data - mean if self.modality.baseline == "none" else data) / deviation
