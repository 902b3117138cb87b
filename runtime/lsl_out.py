"""The predictions as an LSL stream: the same numbers as on ZeroMQ, for recorders and stimulus programs."""

import math
import socket
from collections.abc import Sequence

from memhacl.export.card import ModelCard
from memhacl.runtime.messages import Message, PredictionMessage
from memhacl.stream.lsl.outlet import PredictionOutlet


class LslOut:
    """One LSL sample a window: `<task>.<label>` for every label of every task, then `valid` (1 or 0).

    Of a model that can do without modalities then `without.<modality>` for each of those (1 or 0). The stream is
    called ``memhacl-predictions-<participant>``, its type is Emotion; probabilities are NaN where the window is
    invalid.
    """

    def __init__(self, card: ModelCard, participant: str) -> None:
        self._tasks, self._spared = card.tasks, card.absent_ok
        labels = [f"{task}.{label}" for task, given in card.tasks.items() for label in given]
        name = f"memhacl-predictions-{participant}"
        self._outlet = PredictionOutlet(
            name,
            [*labels, "valid", *(f"without.{modality}" for modality in self._spared)],
            source_id=f"{name}@{socket.gethostname()}",
            simulated=card.training.simulated,
        )

    def publish(self, messages: Sequence[Message]) -> None:
        """Send what ``messages``, in order and whole windows, say."""
        values: list[float] = []
        for message in messages:
            if not isinstance(message, PredictionMessage):
                continue
            given = message.probabilities or {}
            values += [given.get(label, math.nan) for label in self._tasks[message.task]]
            if message.task == list(self._tasks)[-1]:
                without = [float(modality in message.absent) for modality in self._spared]
                self._outlet.push([*values, float(message.valid), *without], message.window_end)
                values = []

    def close(self) -> None:
        """End the stream."""
        self._outlet.close()
