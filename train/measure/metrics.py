"""Measures of classification: of all trials, of each person's, or of thousands of resamples at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.metrics import recall_score

from memhacl.train.measure.calibration import BINS, confidences
from memhacl.train.measure.predictions import Floats, Numbers

MEASURES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece")


def balanced_accuracy(truth: Numbers, predicted: Numbers) -> float:
    """Mean recall over the classes that occur in ``truth`` (rows,)."""
    return float(recall_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0))


def mean_by(groups: Numbers, values: Floats) -> Floats:
    """Mean (groups, columns) of ``values`` (rows, columns) over the rows of each group, in ascending order."""
    _, place, count = np.unique(groups, return_inverse=True, return_counts=True)
    total = np.zeros((len(count), values.shape[1]))
    np.add.at(total, place.reshape(-1), values)
    return total / count[:, None]


@dataclass(frozen=True)
class Ranked:
    """Rows of one class, and the other rows, counted by the rank of their score: both (ranks, trials), sparse."""

    its: Any
    others: Any


@dataclass(frozen=True)
class Tally:
    """What one predictor's rows add up to within each trial: enough for any measure of any weighting of trials.

    ``confusion`` (trials, classes, classes) counts rows by true and predicted class; ``gaps`` (trials, bins) adds
    up right (0 or 1) less confidence; ``ranked`` serves AUROC, an entry for each class told from the rest.
    """

    confusion: Floats
    gaps: Floats
    ranked: tuple[Ranked, ...]


def tally(trial: Numbers, truth: Numbers, probabilities: Floats, ranks: int = 0) -> Tally:
    """Add up (rows, classes) ``probabilities`` within trials; ``trial`` (rows,) numbers them from 0 on.

    ``ranks`` > 0 rounds scores to so many ranks that hold equally many rows: AUROC of resamples then takes little
    memory, and is off by less than 1 / (2 ranks) or so.
    """
    trials, classes = int(trial.max()) + 1, probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    confusion = np.zeros((trials, classes, classes))
    np.add.at(confusion, (trial, truth, predicted), 1.0)
    confidence, place = confidences(probabilities)
    gaps = np.zeros((trials, BINS))
    np.add.at(gaps, (trial, place), (predicted == truth) - confidence)
    told = (1,) if classes == 2 else range(classes)
    ranked = []
    for number in told:
        rank = _rank(probabilities[:, number], ranks)
        its = truth == number
        ranked.append(Ranked(_count(rank, trial, its, trials), _count(rank, trial, ~its, trials)))
    return Tally(confusion, gaps, tuple(ranked))


def _rank(scores: Floats, ranks: int) -> Numbers:
    """Rank (rows,) of each score, equal where scores are; of ``ranks`` at most, where there is a limit."""
    _, rank, count = np.unique(scores, return_inverse=True, return_counts=True)
    if ranks and len(count) > ranks:
        return np.asarray((np.cumsum(count) - 1)[rank] * ranks // len(scores), dtype=np.int64)
    return np.asarray(rank, dtype=np.int64)


def _count(rank: Numbers, trial: Numbers, rows: NDArray[np.bool_], trials: int) -> Any:
    shape = (int(rank.max()) + 1, trials)
    return csr_array((np.ones(int(rows.sum())), (rank[rows], trial[rows])), shape=shape)


def measures(found: Tally, weights: Floats, must: NDArray[np.bool_] | None = None) -> dict[str, Floats]:
    """Each of `MEASURES` (n,) under n weightings of the trials, ``weights`` (n, trials); NaN where undefined.

    Balanced accuracy and F1 average over the classes that occur under the weighting; where ``must`` (classes,)
    is given they are undefined unless all those do. AUROC of several classes is the mean of one against the rest,
    undefined where a class does not occur. The expected calibration error (ece) is over `BINS` equally wide
    bins of confidence.
    """
    classes = found.confusion.shape[1]
    confusion = (weights @ found.confusion.reshape(len(found.confusion), -1)).reshape(-1, classes, classes)
    right = np.diagonal(confusion, axis1=1, axis2=2)  # (n, classes)
    true, said, total = confusion.sum(axis=2), confusion.sum(axis=1), confusion.sum(axis=(1, 2))
    there = true > 0
    lacks = np.zeros(len(weights), dtype=bool) if must is None else (must & ~there).any(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        averaged = {
            name: np.where(lacks, np.nan, np.where(there, each, 0).sum(axis=1) / there.sum(axis=1))
            for name, each in (("balanced_accuracy", right / true), ("macro_f1", 2 * right / (true + said)))
        }
        return {
            "accuracy": right.sum(axis=1) / total,
            **averaged,
            "auroc": np.mean([_auroc(ranked, weights) for ranked in found.ranked], axis=0),
            "ece": np.abs(weights @ found.gaps).sum(axis=1) / total,
        }


def _auroc(ranked: Ranked, weights: Floats) -> Floats:
    """Chance (n,) that a row of the class ranks above another row; NaN where either is missing."""
    its, others = ranked.its @ weights.T, ranked.others @ weights.T  # (ranks, n)
    below = np.cumsum(others, axis=0) - others / 2
    return np.asarray((its * below).sum(axis=0) / (its.sum(axis=0) * others.sum(axis=0)))
