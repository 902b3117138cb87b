"""The live engine: stamped samples in, messages out; no thread, socket or clock inside."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memhacl.export.card import ModelCard
from memhacl.runtime.absent import Input, input_of
from memhacl.runtime.messages import Message, ModelRecord, check_participant
from memhacl.runtime.report import Reporter, Said, model_warnings, processing_warnings
from memhacl.stream.path.path import Anchor, SignalPath
from memhacl.stream.path.window import Window
from memhacl.stream.signals import Marker, StreamFormat

Probabilities = Mapping[str, NDArray[np.float32]]


class Predictor(Protocol):
    """A model: ``predict`` maps windows (batch, channels, samples) to (batch, classes) for each task."""

    @property
    def card(self) -> ModelCard:
        """What the model expects and gives."""

    @property
    def sha256(self) -> str:
        """Hash of the model's file."""

    def predict(self, batch: NDArray[np.float32]) -> Probabilities:
        """Class probabilities (batch, classes) of each task."""


class Engine:
    """Predictions for one participant.

    ``patience``, ``anchor``, ``rest`` and ``arrivals`` are those of `SignalPath`. When more than ``backlog``
    windows are complete at once the oldest are not predicted (reason ``shed``); None predicts all. A window for
    which the model gives anything but finite numbers is invalid (reason ``model_output``). Of a window with bad
    modalities a model that has learnt to do without them predicts from the others; else it is invalid.
    ``wall_offset`` is Unix time minus the streams' clock, in seconds (None: unknown). ``timer`` times the
    inference; without it that stage is not reported. All other times are seconds on the streams' clock.
    """

    def __init__(
        self,
        model: Predictor,
        participant: str = "p1",
        *,
        patience: float = 0.5,
        anchor: Anchor = "first",
        rest: float | None = None,
        arrivals: bool = False,
        backlog: int | None = None,
        timer: Callable[[], float] | None = None,
    ) -> None:
        self.participant = check_participant(participant)
        self.wall_offset: float | None = None
        self.counters: Counter[str] = Counter()
        self._model, self._backlog, self._timer = model, backlog, timer
        self._spec = model.card.spec
        self._path = SignalPath(self._spec, patience=patience, anchor=anchor, rest=rest, arrivals=arrivals)
        self._reporter = Reporter(model.card, model.sha256, self.participant)
        self._warnings: dict[str, tuple[str, ...]] = {"model": model_warnings(model.card)}
        self._seq = 0

    @property
    def record(self) -> ModelRecord:
        """Which model predicts."""
        return self._reporter.record

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities that the model wants."""
        return self._path.modalities

    @property
    def warnings(self) -> list[str]:
        """What a reader of the predictions must know about model and streams."""
        return [text for texts in self._warnings.values() for text in texts]

    @property
    def assumed(self) -> list[str]:
        """What had to be assumed about the streams."""
        return list(self._path.assumed)

    @property
    def due(self) -> float | None:
        """Time (s) before which `advance` has nothing new to say; None before the anchor."""
        return self._path.due

    @property
    def health(self) -> dict[str, dict[str, float]]:
        """How each modality's stream has done: counts of gaps and unused samples, jitter, clock (see `Intake`)."""
        return self._path.health

    def open(self, found: StreamFormat) -> tuple[str, ...]:
        """Take modality ``found.modality`` from stream ``found``; return what had to be assumed.

        Raises
        ------
        StreamError
            The stream does not fit the model.
        """
        assumed = self._path.open(found)
        trained = set(self._spec.of(found.modality).already_done)
        self._warnings[found.modality] = processing_warnings(found, trained)
        return assumed

    def push(self, modality: str, samples: NDArray[np.float32], stamps: NDArray[np.float64], now: float) -> None:
        """Take ``samples`` (n, channels) with ``stamps`` (n,) that arrived at ``now``."""
        self._path.push(modality, samples, stamps, now)

    def mark(self, marker: Marker) -> None:
        """Take a marker."""
        self._path.mark(marker)

    def advance(self, now: float) -> list[Message]:
        """Messages of the windows that are complete, or overdue, at ``now``: quality, then each task."""
        return self._messages(self._path.advance(now), now)

    def finish(self) -> list[Message]:
        """Messages of the windows that the data still hold: nothing more will come."""
        return self._messages(self._path.finish(), None)

    def _messages(self, windows: Sequence[Window], now: float | None) -> list[Message]:
        if not windows:
            return []
        excess = 0 if self._backlog is None else max(len(windows) - self._backlog, 0)
        inputs = [input_of(window, self._model.card, shed=place < excess) for place, window in enumerate(windows)]
        started = self._timer() if self._timer else None
        predicted = self._predict([given.data for given in inputs if given.data is not None])
        spent = None if started is None or self._timer is None else self._timer() - started
        messages: list[Message] = []
        for window, given in zip(windows, inputs, strict=True):
            probabilities = None
            if given.data is not None:
                probabilities = {task: rows.pop(0) for task, rows in predicted.items()}
            said = self._judged(window, given, probabilities, self._latency(window, now, spent))
            messages += self._reporter.messages(window, said)
            self._seq += 1
        return messages

    def _judged(
        self, window: Window, given: Input, probabilities: Probabilities | None, latency: Mapping[str, float]
    ) -> Said:
        """What is said of ``window``, and counted."""
        reasons, absent = given.reasons, given.absent
        if probabilities is not None and not all(np.isfinite(row).all() for row in probabilities.values()):
            reasons, absent, probabilities = (*reasons, "model_output"), (), None
        self.counters.update(["windows", "invalid" if probabilities is None else "valid"])
        self.counters.update(f"reason:{reason}" for reason in reasons)
        wall = None if self.wall_offset is None else window.end + self.wall_offset
        return Said(self._seq, wall, reasons, absent, probabilities, latency, self.warnings)

    def _predict(self, data: Sequence[NDArray[np.float32]]) -> dict[str, list[NDArray[np.float32]]]:
        if not data:
            return {}
        found = self._model.predict(np.stack(data))
        return {task: list(rows) for task, rows in found.items()}

    def _latency(self, window: Window, now: float | None, spent: float | None) -> dict[str, float]:
        """Milliseconds from the last sample that the window needs, by stage."""
        if now is None or window.arrival is None:
            return {}
        last = window.end - 1 / self._spec.rate
        stages = {"transport": window.arrival - last, "wait": now - window.arrival}
        if spent is not None:
            stages["inference"] = spent
        return {stage: round(1e3 * seconds, 3) for stage, seconds in stages.items()}

    @property
    def skipped(self) -> int:
        """Hops left out because they were too long ago when they could have been predicted."""
        return self._path.skipped
