"""The chance that labels which mean nothing would score as well: p from refits on labels that were exchanged."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from memhacl.train.baselines.registry import predict
from memhacl.train.baselines.situation import Situation, Unavailable
from memhacl.train.corpus.exchange import Among, exchange
from memhacl.train.corpus.labels import UNRATED
from memhacl.train.measure.metrics import balanced_accuracy, mean_by
from memhacl.train.measure.predictions import Floats, Numbers


def permutation_p(real: float, permuted: Sequence[float]) -> float:
    """Return the share of scores, the real one among them, that are at least ``real``.

    ``permuted`` are scores of the same procedure, refitted each time on exchanged labels and measured against them
    (see `memhacl.train.corpus.exchange`). As the real order is one that chance can give too, p is never below
    1 / (1 + how many there are).
    """
    reached = int(np.sum(np.asarray(permuted, dtype=np.float64) >= real - 1e-12))
    return (1 + reached) / (1 + len(permuted))


def baseline_permutation(
    name: str, folds: Sequence[Situation], permutations: int, among: Among = "person"
) -> tuple[float, list[float]] | Unavailable:
    """Balanced accuracy a trial of a baseline, and that of each refit on exchanged labels, for `permutation_p`.

    ``folds`` are one task under the splits of one corpus, all with the same labels; what they test is pooled.
    """
    corpus = folds[0].corpus
    trial = corpus.index["trial"].astype(np.int64)
    classes = np.full(len(corpus.trials), UNRATED, dtype=np.int64)
    classes[trial] = folds[0].classes
    real = _score(name, folds, folds[0].classes)
    if isinstance(real, Unavailable):
        return real
    scores = []
    for number in range(1, permutations + 1):
        order = exchange(corpus.trials, classes != UNRATED, among, number)
        score = _score(name, folds, classes[order][trial])
        if isinstance(score, Unavailable):
            return score
        scores.append(score)
    return real, scores


def _score(name: str, folds: Sequence[Situation], classes: Numbers) -> float | Unavailable:
    """Refit on ``classes`` (rows,) in every fold; return the balanced accuracy a trial over all of them."""
    said: list[Floats] = []
    tested: list[Numbers] = []
    for fold in folds:
        found = predict(name, replace(fold, classes=classes))
        if isinstance(found, Unavailable):
            return found
        rated = classes[fold.asked] != UNRATED
        said.append(found[rated])
        tested.append(fold.asked[rated])
    rows = np.concatenate(tested)
    trial = folds[0].corpus.index["trial"][rows].astype(np.int64)
    first = np.unique(trial, return_index=True)[1]
    predicted = mean_by(trial, np.concatenate(said)).argmax(axis=1)
    return balanced_accuracy(classes[rows][first], predicted)
