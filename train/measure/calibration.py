"""Whether probabilities mean what they say, and the temperature that makes them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from memhacl.train.measure.predictions import Floats, Numbers, Tasks, per_seed

BINS = 15  # of confidence, equally wide, between 0 and 1


def fit_temperature(logits: Floats, truth: Numbers) -> float:
    """Return the T for which softmax(logits / T) of (rows, classes) has the least negative log-likelihood.

    T stays within 0.2 and 20, and is 1 where ``truth`` (rows,) holds one class only: few rows can prove nothing.
    """
    if len(np.unique(truth)) < 2:
        return 1.0

    def loss(log_temperature: float) -> float:
        chances = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-chances[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.2), np.log(20.0)), method="bounded").x))


def calibrated(logits: Floats, temperature: float) -> Floats:
    """Probabilities (rows, classes) of ``logits`` (rows, classes) at ``temperature``."""
    return np.asarray(softmax(logits / temperature, axis=1))


def out_of_fold_temperature(tasks: Tasks | Sequence[Tasks]) -> dict[str, float]:
    """Temperature of each task's model, fitted on the test windows of all folds (and of all seeds) together.

    Every window was told by a network that had not learnt from its person or stimulus (as the protocol has it),
    so this is how sure the procedure may be of new ones. It divides raw logits, such as those of a network that
    is refit on everybody and has no test windows of its own.
    """
    seeds, found = per_seed(tasks), {}
    for task in seeds[0]:
        logits = np.concatenate([said[task].logits for said in seeds])
        found[task] = fit_temperature(logits, np.concatenate([said[task].truth for said in seeds]))
    return found


def confidences(probabilities: Floats) -> tuple[Floats, Numbers]:
    """Probability (rows,) of the class that is predicted, and the number of its bin (rows,)."""
    confidence = probabilities.max(axis=1)
    return confidence, np.clip((confidence * BINS).astype(np.int64), 0, BINS - 1)


def reliability(truth: Numbers, probabilities: Floats) -> list[dict[str, float]]:
    """Mean confidence, accuracy and count of the rows in each bin of confidence that has any.

    ``truth`` is (rows,), ``probabilities`` (rows, classes). Where accuracy is below confidence the predictor is
    too sure of itself.
    """
    confidence, place = confidences(probabilities)
    right: NDArray[np.bool_] = probabilities.argmax(axis=1) == truth
    return [
        {
            "confidence": float(confidence[place == number].mean()),
            "accuracy": float(right[place == number].mean()),
            "count": int((place == number).sum()),
        }
        for number in np.unique(place)
    ]
