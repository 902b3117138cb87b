"""Baselines that look at no signal: how often each class was, in all, of a person and of a stimulus."""

import numpy as np

from memhacl.train.baselines.situation import Floats, Numbers, Said, Situation, Unavailable


def majority(situation: Situation) -> Said:
    """Probabilities (asked, classes): the share of each class among the training windows."""
    return np.tile(_shares(situation), (len(situation.asked), 1))


def person(situation: Situation) -> Said:
    """Probabilities (asked, classes): the same among the person's own training windows.

    Of a person without any it is the majority's, which also decides a tie.
    """
    subject = situation.corpus.index["subject"]
    counts = _count(subject, situation)
    if not counts[subject[situation.asked]].any():
        return Unavailable("people are unseen under this protocol: nobody who is tested has ratings in training")
    return _with_prior(counts[subject[situation.asked]], _shares(situation))


def stimulus(situation: Situation) -> Said:
    """Probabilities (asked, classes): the same among other people's training windows of the stimulus.

    Of a stimulus that nobody else has rated in training it is the majority's, which also decides a tie.
    """
    index = situation.corpus.index
    counts = _count(index["stimulus"], situation)
    pairs = np.stack([index["stimulus"], index["subject"]])  # (2, rows)
    pair = np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1)
    others = counts[index["stimulus"]] - _count(pair, situation)[pair]  # (rows, classes), less one's own ratings
    others = others[situation.asked]
    if not others.any():
        return Unavailable("stimuli are unseen under this protocol: nobody has rated a tested one in training")
    return _with_prior(others, _shares(situation))


def _shares(situation: Situation) -> Floats:
    """Share of each class among the training windows, (classes,)."""
    counts = np.bincount(situation.classes[situation.known], minlength=situation.count)
    return np.asarray(counts / counts.sum())


def _count(group: Numbers, situation: Situation) -> Floats:
    """Training windows (groups, classes) of each class in each group; ``group`` (rows,) numbers them from 0."""
    counts = np.zeros((int(group.max()) + 1, situation.count))
    np.add.at(counts, (group[situation.known], situation.classes[situation.known]), 1)
    return counts


def _with_prior(counts: Floats, prior: Floats) -> Floats:
    """Shares (n, classes) of ``counts`` (n, classes), to which ``prior`` (classes,) adds next to nothing."""
    weighed = counts + 1e-6 * prior
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))
