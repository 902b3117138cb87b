"""The crossed bootstrap against a slow one that really copies rows, and what it is for: honest widths."""

import numpy as np
import pytest
from plugins.said import said
from sklearn.metrics import roc_auc_score

from memhacl.train.measure.intervals import PEOPLE, STIMULI, draw
from memhacl.train.measure.levels import Scores, levels_of
from memhacl.train.measure.metrics import balanced_accuracy


@pytest.mark.parametrize("level", ["window", "trial"])
def test_a_resample_is_the_test_with_its_people_and_stimuli_copied(level: str) -> None:
    found = levels_of([said(people=5, stimuli=6, windows=4)])[level]
    trials = found.firsts
    draws = draw(trials.subject, trials.stimulus, trials.truth, 40, seed=1)
    values = Scores(found, "model").resampled(draws.weights)
    people, stimuli = np.unique(trials.subject), np.unique(trials.stimulus)
    rows, defined = found.rows, 0
    for number in range(40):
        copies = [
            row
            for person, often in zip(people, draws.people[number].astype(int), strict=True)
            for stimulus, again in zip(stimuli, draws.stimuli[number].astype(int), strict=True)
            for row in np.flatnonzero((rows.subject == person) & (rows.stimulus == stimulus)).tolist()
            * often
            * again
        ]
        truth, probabilities = rows.truth[copies], rows.probabilities["model"][copies]
        assert len(copies) == len(rows)  # everybody saw everything: as many people and stimuli as before
        if len(np.unique(truth)) == 2:
            defined += 1
            expected = balanced_accuracy(truth, probabilities.argmax(axis=1))
            assert values["balanced_accuracy"][number] == pytest.approx(expected)
            assert values["auroc"][number] == pytest.approx(roc_auc_score(truth, probabilities[:, 1]))
    assert defined > 30


def test_people_and_stimuli_are_drawn_with_replacement_and_alike_on_every_machine() -> None:
    trials = levels_of([said(people=4, stimuli=5)])["trial"].rows
    draws = draw(trials.subject, trials.stimulus, trials.truth, 500, seed=3)
    assert draws.factors == (PEOPLE, STIMULI)
    assert (draws.people.sum(axis=1) == 4).all()
    assert (draws.stimuli.sum(axis=1) == 5).all()
    assert abs(np.corrcoef(draws.people[:, 0], draws.stimuli[:, 0])[0, 1]) < 0.15
    again = draw(trials.subject, trials.stimulus, trials.truth, 500, seed=3)
    np.testing.assert_array_equal(draws.weights, again.weights)
    assert draws.people[:2].tolist() == [[1, 0, 1, 2], [2, 0, 1, 1]]


def factors(people: list[str], stimuli: list[str], truth: list[int]) -> tuple[str, ...]:
    return draw(np.array(people), np.array(stimuli), np.array(truth), 100, seed=0).factors


def test_what_is_one_alone_is_not_resampled() -> None:
    assert factors(["a", "a", "a", "a"], ["1", "2", "3", "4"], [0, 0, 1, 1]) == (STIMULI,)
    assert factors(["a", "b", "a", "b"], ["1", "1", "1", "1"], [0, 0, 1, 1]) == (PEOPLE,)
    assert factors(["a", "a"], ["1", "1"], [0, 1]) == ()
    # Conditions, of which each is a class: no sample of stimuli, and half of the resamples would lack a class.
    assert factors(["a", "a", "b", "b"], ["rest", "stress"] * 2, [0, 1, 0, 1]) == (PEOPLE,)
    assert factors(["a", "a", "a"], ["rest", "tsst", "stroop"], [0, 1, 1]) == ()


def test_a_rare_class_that_one_stimulus_got_is_no_condition() -> None:
    people, stimuli = list("aaabbb"), ["1", "2", "3"] * 2
    assert factors(people, stimuli, [0, 0, 1, 0, 0, 0]) == (PEOPLE, STIMULI)  # the third was also said to be 0
    assert factors(people, stimuli, [0, 0, 1, 0, 0, 1]) == (PEOPLE,)


def test_an_interval_is_of_the_resamples_that_define_the_measure_if_those_are_most() -> None:
    draws = draw(np.array(["a", "b"]), np.array(["1", "1"]), np.array([0, 1]), 1000, seed=0)
    values = np.linspace(0, 1, 1000)
    assert draws.interval(values) == pytest.approx([0.025, 0.975])
    assert draws.interval(np.where(values < 0.4, np.nan, values)) == pytest.approx([0.415, 0.985], abs=1e-3)
    assert draws.interval(np.where(values < 0.6, np.nan, values)) is None
    alone = draw(np.array(["a", "a"]), np.array(["1", "1"]), np.array([0, 1]), 1000, seed=0)
    assert alone.interval(values) is None


def test_an_interval_covers_what_other_people_and_stimuli_would_give_and_one_over_windows_does_not() -> None:
    random = np.random.default_rng(0)
    people, stimuli, worlds = 16, 16, 60
    subject = np.repeat([f"p{n}" for n in range(people)], stimuli)
    stimulus = np.tile([f"v{n}" for n in range(stimuli)], people)
    draws = draw(subject, stimulus, np.tile([0, 1], 128), 400, seed=0)
    covered = {"crossed": 0, "windows": 0}
    for _ in range(worlds):
        skill = random.normal(0, 0.12, (people, 1)) + random.normal(0, 0.12, (1, stimuli)) + 0.6
        right = random.binomial(20, np.clip(skill, 0, 1)) / 20  # of 20 windows a trial
        low, high = draws.interval(draws.weights @ right.ravel() / draws.weights.sum(axis=1))
        covered["crossed"] += low <= 0.6 <= high
        half = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / (20 * right.size))
        covered["windows"] += abs(right.mean() - 0.6) <= half
    assert covered["crossed"] >= 0.85 * worlds
    assert covered["windows"] <= 0.5 * worlds
