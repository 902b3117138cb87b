"""Whether one of two predictors is better, person by person: every person is tested by both."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from memhacl.train.measure.intervals import Draws
from memhacl.train.measure.levels import Scores
from memhacl.train.measure.predictions import Floats

_EXACT = 14  # people, at most, of whom all patterns of signs are tried
_FLIPS = 20_000  # tried of more
_DIGITS = 12  # differences that differ by less are ties
_ROUNDING = 1e-9  # of sums


def differences(one: Scores, other: Scores, measure: str) -> dict[str, float]:
    """By how much ``one`` has more of a measure in each person of whom it is defined for both."""
    found = {person: one.people[person][measure] - other.people[person][measure] for person in one.people}
    return {person: gap for person, gap in found.items() if not np.isnan(gap)}


def mean_difference(draws: Draws, one: Scores, other: Scores, measure: str) -> Floats:
    """Mean over people (n,) of what ``one`` has more of a measure than ``other``, in each resample.

    Both are of the same trials in the same order. Within a person stimuli are resampled, and people among each
    other; a person of whom a resample leaves the measure undefined does not count in it.
    """
    total, count = np.zeros(len(draws.people)), np.zeros(len(draws.people))
    subject = one.level.firsts.subject
    for place, person in enumerate(np.unique(subject).tolist()):
        weights = draws.stimuli[:, draws.stimulus[subject == person]]  # (n, person's trials)
        mine, theirs = (_of_person(scores, person).resampled(weights)[measure] for scores in (one, other))
        drawn = np.where(np.isnan(mine - theirs), 0.0, draws.people[:, place])
        total += drawn * np.nan_to_num(mine - theirs)
        count += drawn
    with np.errstate(invalid="ignore"):
        return np.asarray(total / count)


def _of_person(scores: Scores, person: str) -> Scores:
    return Scores(scores.level.of(scores.level.rows.subject == person), scores.who)


def paired_tests(found: Mapping[str, float], seed: int) -> dict[str, Any]:
    """Mean of people's differences, how many there are, and two-sided p by both tests; None where nobody is."""
    values = np.array(list(found.values()))
    if not len(values):
        return {"people": 0, "mean": None, "wilcoxon_p": None, "sign_flip_p": None}
    return {
        "people": len(values),
        "mean": float(values.mean()),
        "wilcoxon_p": wilcoxon_p(values),
        "sign_flip_p": sign_flip_p(values, seed),
    }


def wilcoxon_p(values: Floats) -> float:
    """Two-sided p of Wilcoxon's signed-rank test of (people,) differences, exact whatever their number and ties.

    Differences of 0 are left out, as Wilcoxon did; ties share their mean rank, and the distribution over all
    patterns of signs is that of the ranks so shared. p is 1 where all are 0.
    """
    values = np.round(values, _DIGITS)
    values = values[values != 0]
    _, place, count = np.unique(np.abs(values), return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    doubled = (2 * last - count + 1)[place]  # twice the mean rank, a whole number
    chance = np.ones(1)
    for rank in doubled.tolist():
        chance = (np.pad(chance, (0, rank)) + np.pad(chance, (rank, 0))) / 2  # of each sum of positive ranks
    found = int(doubled[values > 0].sum())
    lower, upper = chance[: found + 1].sum(), chance[found:].sum()
    return float(min(1.0, 2 * min(lower, upper)))


def sign_flip_p(values: Floats, seed: int) -> float:
    """Two-sided p of the mean of (people,) differences, were each as likely to have the other sign.

    All patterns of signs are tried for few people; of more, 20000 random ones, among which the real one counts.
    """
    values = np.round(values, _DIGITS)
    real = abs(values.sum()) - _ROUNDING
    if len(values) <= _EXACT:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(values))))
        return float(np.mean(np.abs(signs @ values) >= real))
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(_FLIPS, len(values)))
    return float((1 + np.sum(np.abs(signs @ values) >= real)) / (1 + _FLIPS))
