"""Ratings → classes: the one place that knows what 'high' means."""

import numpy as np
from numpy.typing import NDArray

from memhacl.train.config import LabelConfig

SCALES = ("valence", "arousal")
UNRATED = -1

CLASSES: dict[str, tuple[str, ...]] = {
    "valence": ("low", "high"),
    "arousal": ("low", "high"),
    "quadrant": ("LVLA", "LVHA", "HVLA", "HVHA"),
}


def labels_from(
    valence: NDArray[np.float64], arousal: NDArray[np.float64], config: LabelConfig
) -> dict[str, NDArray[np.int64]]:
    """Class numbers (rows,) for each task of ``config``; -1 where a rating that the task needs is NaN."""
    scores = {"valence": valence - config.valence_threshold, "arousal": arousal - config.arousal_threshold}
    return classes_from(scores, config.tasks)


def classes_from(scores: dict[str, NDArray[np.float64]], tasks: tuple[str, ...]) -> dict[str, NDArray[np.int64]]:
    """Class numbers (rows,) for each task from signed scores (rows,): above zero is high, NaN is -1."""
    high = {scale: (scores[scale] > 0).astype(np.int64) for scale in SCALES}
    unknown = {scale: np.isnan(scores[scale]) for scale in SCALES}
    high["quadrant"] = 2 * high["valence"] + high["arousal"]
    unknown["quadrant"] = unknown["valence"] | unknown["arousal"]
    return {task: np.where(unknown[task], UNRATED, high[task]) for task in tasks}
