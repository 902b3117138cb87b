"""One modality from stream to rows of a window: take in, condition, adapt, subtract a baseline."""

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.baseline import Running, of_past, template
from memhacl.stream.path.condition import Conditioner
from memhacl.stream.path.grid import Grid
from memhacl.stream.path.guard import Guard
from memhacl.stream.path.history import History
from memhacl.stream.path.intake import Intake
from memhacl.stream.path.quality import assess, score
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import ModalitySpec, SignalSpec


class Lane:
    """The state of one modality of ``spec``; without a stream its slots are missing.

    ``guards`` is `Intake`'s. Without ``assessed``, windows come without measures of their quality.
    """

    def __init__(
        self, spec: SignalSpec, modality: ModalitySpec, guards: list[Guard] | None, assessed: bool = True
    ) -> None:
        self.spec, self.modality, self.assessed = spec, modality, assessed
        self.intake = Intake(spec, modality, guards)
        channels, hop = len(modality.channels), spec.hop_samples
        self._already_done: tuple[str, ...] = ()
        self._gone = -np.inf  # time up to which slots have been processed, s
        self._assessed = -spec.window_samples  # the window whose samples were assessed last, and what was found
        self._found: dict[str, float] = {}
        self._condition = self._conditioner()
        self._history = History(channels, spec.baseline_samples + spec.window_samples + 2 * hop)
        self._running = Running(channels, hop, spec.adapt_seconds * spec.rate)
        self._rest_template: NDArray[np.float64] | None = None
        self._rest_scale: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def _conditioner(self) -> Conditioner:
        reset_slots = round(self.spec.reset_gap * self.spec.rate)
        return Conditioner(self.modality, self.spec.rate, self._already_done, reset_slots)

    def open(self, found: StreamFormat, grid: Grid | None) -> None:
        """Take the samples of stream ``found`` from now on.

        Raises
        ------
        StreamError
            The stream does not fit the modality.
        """
        self.intake.open(found, grid)
        if found.already_done != self._already_done:
            self._already_done = found.already_done
            self._condition = self._conditioner()

    def begin(self, grid: Grid, slot: int) -> None:
        """Forget the past of the signal and lay what is buffered on a new ``grid``, to be used from ``slot``."""
        self._condition.reset()
        self._history.reset(slot)
        self._running.reset()
        self._rest_template = self._rest_scale = None
        self._gone, self._assessed = -np.inf, -self.spec.window_samples
        self.intake.place(grid)

    def push(
        self, samples: NDArray[np.float32], stamps: NDArray[np.float64], now: float, grid: Grid | None
    ) -> None:
        """Take ``samples`` (n, stream channels) with ``stamps`` (n,) in s; what is not finite is missing."""
        self.intake.push(samples, stamps, now, grid, self._gone)

    def skip(self, slot: int, grid: Grid) -> None:
        """Go on from ``slot`` with nothing of what lies before it."""
        self._condition.reset()
        self._history.reset(slot)
        self._running.reset()
        self.intake.skip(slot, grid)

    def process(self, slots: NDArray[np.float64], grid: Grid) -> None:
        """Bring the next hop of ``slots`` from the stream into the history."""
        block = self.intake.values(slots, grid)
        cuts = self._condition.cuts
        conditioned, warming = self._condition.push(block.values)
        if self._condition.cuts > cuts:
            self._running.reset()  # who comes back after a long gap may not be as they were
        self._history.push(block, conditioned, warming)
        self._gone = grid.time(self._history.end) - grid.period
        self._running.push(conditioned)

    def rest(self, first: int, last: int) -> None:
        """Learn the rest period ``first:last`` (slots), of which the newest ``baseline_seconds`` count.

        One of which nothing is left, or was ever there, changes nothing.
        """
        past = self._history.conditioned(max(first, last - self.spec.baseline_samples), last)
        self._rest_template = _or(template(past, self.spec.window_samples), self._rest_template)
        resting = Running(past.shape[1], max(len(past), 1), np.inf)
        resting.push(past)
        self._rest_scale = resting.statistics() if resting.slots else self._rest_scale

    def cut(self, first: int, grid: Grid) -> tuple[NDArray[np.float64], list[str], dict[str, float]]:
        """Rows (channels, samples) of the window from slot ``first``, its reasons to distrust, its quality."""
        last = first + self.spec.window_samples
        data = self._history.conditioned(first, last)
        missing = float(np.isnan(self._history.raw(first, last)).any(axis=1).mean())
        quality = self._quality(first, last, missing, grid) if self.assessed else {}
        reasons = self._presence(missing)
        if self._history.dead(first, last):
            reasons.append("dead")
        if self._history.warming(first, last):
            reasons.append("filter_warmup")
        past = self._history.conditioned(first - self.spec.baseline_samples, first)
        data = self._adapt(self._subtract(data, past, reasons), reasons)
        return data.T, [f"{reason}:{self.modality.modality}" for reason in reasons], quality

    def _quality(self, first: int, last: int, missing: float, grid: Grid) -> dict[str, float]:
        """Quality of the slots ``first:last``; where windows overlap, of the stream's samples twice a window."""
        if not 0 <= first - self._assessed < self.spec.window_samples // 2:
            self._assessed, self._found = first, self._assess(first, last, missing, grid)
        found = {**self._found, "missing": missing, "interpolated": self._history.interpolated(first, last)}
        return {**found, "score": score(self.modality.modality, found)}

    def _assess(self, first: int, last: int, missing: float, grid: Grid) -> dict[str, float]:
        m = self.modality
        samples, rate = self.intake.samples(first, last, grid), 0.0
        if (found := self.intake.match) is not None:
            samples, rate = samples[:, found.columns >= 0], found.rate  # what the stream lacks has no quality
        return assess(m.modality, samples, rate, self.spec.window, missing, m.unit)

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


def _or(fresh: NDArray[np.float64] | None, known: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    return known if fresh is None else fresh
