"""Pairs of windows against the definition, spelt out; and what the measure is for: drift must not raise it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from memhacl.train.measure.pairs import pair_auroc, pair_auroc_by_person

WITHIN = 300.0


def spelt_out(scores, positive, start, within):
    won = pairs = 0.0
    for i in range(len(scores)):
        for j in range(len(scores)):
            if positive[i] and not positive[j] and abs(start[i] - start[j]) <= within:
                pairs += 1
                won += 1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0
    return won / pairs if pairs else None


WINDOWS = st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 40)), max_size=25)


def columns(windows):
    scores, positive, start = zip(*windows, strict=True) if windows else ((), (), ())
    return np.array(scores, dtype=float), np.array(positive, dtype=bool), np.array(start, dtype=float)


@given(WINDOWS, st.integers(0, 40))
def test_it_is_the_share_of_close_pairs_that_are_ordered_rightly(windows, within):
    scores, positive, start = columns(windows)
    found, expected = pair_auroc(scores, positive, start, within), spelt_out(scores, positive, start, within)
    assert found == (None if expected is None else pytest.approx(expected))


@given(WINDOWS)
def test_with_all_pairs_it_is_the_plain_auroc(windows):
    scores, positive, start = columns(windows)
    if len(set(positive)) == 2:
        assert pair_auroc(scores, positive, start, np.inf) == pytest.approx(roc_auc_score(positive, scores))


def test_a_pair_as_far_apart_as_allowed_counts_and_one_farther_does_not():
    positive = np.array([True, False, False])
    start = np.array([0.0, WITHIN, WITHIN + 0.25])
    assert pair_auroc(np.array([1.0, 0.0, 9.0]), positive, start, WITHIN) == 1.0


def windows_of(*minutes):
    """Rest, task, rest, ... of so many minutes: whether each window is of a task, and when it starts."""
    ends = np.cumsum(minutes) * 60.0
    start = np.arange(0.0, ends[-1], 10.0)
    return np.searchsorted(ends, start, side="right") % 2 == 1, start


def test_drift_that_raises_the_plain_auroc_is_worth_nothing_between_neighbours():
    positive, start = windows_of(30, 5, 5)  # most of the rest came before the task
    assert roc_auc_score(positive, start) > 0.8
    assert pair_auroc(start, positive, start, WITHIN) == pytest.approx(0.5, abs=0.02)


def test_drift_on_top_of_a_reaction_hides_it_from_the_plain_auroc_only():
    positive, start = windows_of(5, 5, 5, 5, 5, 5, 5)
    reaction = positive + 0.3 * np.random.default_rng(0).standard_normal(len(start))
    drifted = reaction + start / 300.0
    assert roc_auc_score(positive, reaction) > 0.95
    assert roc_auc_score(positive, drifted) < 0.7
    assert pair_auroc(drifted, positive, start, WITHIN) > 0.8


def test_people_are_measured_apart_and_who_has_no_pair_is_not_counted():
    scores = np.array([2.0, 1.0, 10.0, 20.0, 5.0])
    positive = np.array([True, False, True, False, True])
    person = np.array(["a", "a", "b", "b", "c"])
    found = pair_auroc_by_person(scores, positive, np.zeros(5), person, WITHIN)
    assert found == {"a": 1.0, "b": 0.0}
