"""From a window and what the model says of it to messages, with the warnings that belong beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.export.card import ModelCard
from memhacl.runtime.messages import MarkerRecord, Message, ModelRecord, PredictionMessage, QualityMessage
from memhacl.stream.path.window import Window
from memhacl.stream.signals import StreamFormat

MARKERS_MOST = 64  # in a prediction; more are a trigger line's chatter, and a message of hundreds serves nobody


@dataclass(frozen=True)
class Said:
    """What is said of one window: its number, end in Unix time (s), answers by task (None: invalid), latency (ms).

    ``reasons`` say why it is invalid, or why the modalities in ``absent`` are.
    """

    seq: int
    wall: float | None
    reasons: tuple[str, ...]
    absent: tuple[str, ...]
    probabilities: Mapping[str, NDArray[np.float32]] | None
    latency: Mapping[str, float]
    warnings: list[str]


class Reporter:
    """Writes the messages of one participant's windows."""

    def __init__(self, card: ModelCard, sha256: str, participant: str) -> None:
        self.record = ModelRecord(name=card.name, sha256=sha256, simulated=card.training.simulated)
        self._tasks, self._participant = card.tasks, participant

    def messages(self, window: Window, said: Said) -> list[Message]:
        """Quality, then the prediction of each task."""
        common: dict[str, Any] = {
            "seq": said.seq,
            "participant": self._participant,
            "index": window.index,
            "t_lsl": window.end,
            "t_wall": said.wall,
            "window_start": window.start,
            "window_end": window.end,
            "valid": said.probabilities is not None,
            "reasons": list(said.reasons),
            "absent": list(said.absent),
            "quality": {name: dict(measures) for name, measures in window.quality.items()},
        }
        markers = [MarkerRecord(time=marker.time, text=marker.text) for marker in window.markers]
        return [
            QualityMessage(**common),
            *(self._prediction(task, said, common, markers) for task in self._tasks),
        ]

    def _prediction(
        self, task: str, said: Said, common: dict[str, Any], markers: list[MarkerRecord]
    ) -> PredictionMessage:
        given = None
        if said.probabilities is not None:
            given = dict(zip(self._tasks[task], map(float, said.probabilities[task]), strict=True))
        return PredictionMessage(
            task=task,
            probabilities=given,
            label=None if given is None else max(given, key=given.__getitem__),
            markers=markers,
            model=self.record,
            warnings=said.warnings,
            latency=dict(said.latency),
            **common,
        )


def bounded(messages: Sequence[Message]) -> tuple[list[Message], int]:
    """Return ``messages`` with the newest markers of each window, and how many were left out."""
    kept: list[Message] = []
    left_out: dict[int, int] = {}  # by window: its tasks have the same markers
    for message in messages:
        if isinstance(message, PredictionMessage) and len(message.markers) > MARKERS_MOST:
            left_out[message.seq] = len(message.markers) - MARKERS_MOST
            message = message.model_copy(update={"markers": message.markers[-MARKERS_MOST:]})
        kept.append(message)
    return kept, sum(left_out.values())


def model_warnings(card: ModelCard) -> tuple[str, ...]:
    """Say what every reader of a model's predictions must know."""
    said = card.training.warnings
    if card.training.simulated and not any("simulated" in text for text in said):
        return ("trained on simulated people: its predictions say nothing about real emotion", *said)
    return said


def processing_warnings(found: StreamFormat, trained: set[str]) -> tuple[str, ...]:
    """Say where a stream was processed otherwise than the recordings that the model learnt from."""
    texts = []
    if lacking := sorted(trained - set(found.already_done)):
        texts.append(
            f"{found.modality}: the model learnt from recordings that their owners had processed "
            f"({', '.join(lacking)}); stream '{found.name}' is not"
        )
    if beyond := sorted(set(found.already_done) - trained):
        texts.append(f"{found.modality}: stream '{found.name}' is already processed ({', '.join(beyond)})")
    return tuple(texts)
