"""Measures of classification, and the temperature that makes probabilities mean what they say."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score


def measure(truth: NDArray[np.int64], probabilities: NDArray[np.float64]) -> dict[str, float | None]:
    """Accuracy, balanced accuracy, macro F1 and AUROC of ``probabilities`` (rows, classes); ``truth`` is (rows,).

    Balanced accuracy and F1 average over the classes that occur in ``truth``. AUROC of several classes is the
    mean of one against the rest; it is None where ``truth`` does not hold every class.
    """
    predicted = probabilities.argmax(axis=1)
    return {**measure_classes(truth, predicted), "auroc": _auroc(truth, probabilities)}


def measure_classes(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, float | None]:
    """Accuracy, balanced accuracy and macro F1 of predicted classes (rows,); AUROC None: there are no scores."""
    present = np.unique(truth)
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "balanced_accuracy": balanced_accuracy(truth, predicted),
        "macro_f1": float(f1_score(truth, predicted, labels=present, average="macro", zero_division=0)),
        "auroc": None,
    }


def balanced_accuracy(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Mean recall over the classes that occur in ``truth`` (rows,)."""
    return float(recall_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0))


def _auroc(truth: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float | None:
    classes = probabilities.shape[1]
    if len(np.unique(truth)) < classes:
        return None
    if classes == 2:
        return float(roc_auc_score(truth, probabilities[:, 1]))
    return float(roc_auc_score(truth, probabilities, multi_class="ovr", average="macro"))


def fit_temperature(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Return the T for which softmax(logits / T) of (rows, classes) has the least negative log-likelihood.

    T stays within 0.2 and 20, and is 1 where ``truth`` (rows,) holds one class only: few rows can prove nothing.
    """
    if len(np.unique(truth)) < 2:
        return 1.0

    def loss(log_temperature: float) -> float:
        chances = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-chances[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.2), np.log(20.0)), method="bounded").x))


def calibrated(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities (rows, classes) of ``logits`` (rows, classes) at ``temperature``."""
    return np.asarray(softmax(logits / temperature, axis=1))


def mean_by(groups: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean (groups, columns) of ``values`` (rows, columns) over the rows of each group, in ascending order."""
    _, place, count = np.unique(groups, return_inverse=True, return_counts=True)
    total = np.zeros((len(count), values.shape[1]))
    np.add.at(total, place.reshape(-1), values)
    return total / count[:, None]
