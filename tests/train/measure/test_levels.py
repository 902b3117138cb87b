import numpy as np
import pytest
from plugins.said import said

from memhacl.stream.errors import DataError
from memhacl.train.measure.levels import Scores, by_trial, levels_of


def test_a_trial_is_told_by_the_mean_of_its_windows() -> None:
    one = said(people=1, stimuli=2, windows=2, truth=np.array([1, 1, 0, 0]), probabilities={
        "model": np.array([[0.9, 0.1], [0.3, 0.7], [0.45, 0.55], [0.8, 0.2]])
    })  # fmt: skip
    trials = by_trial(one)
    np.testing.assert_allclose(trials.probabilities["model"], [[0.6, 0.4], [0.625, 0.375]])
    assert trials.truth.tolist() == [1, 0]
    assert trials.stimulus.tolist() == ["v0", "v1"]


def test_the_order_of_windows_changes_nothing() -> None:
    one = said()
    shuffled = one.of(np.random.default_rng(0).permutation(len(one)))
    for level in ("window", "trial"):
        first, other = (levels_of([found])[level] for found in (one, shuffled))
        np.testing.assert_array_equal(first.rows.truth, other.rows.truth)
        np.testing.assert_allclose(first.rows.probabilities["model"], other.rows.probabilities["model"])
        people = Scores(other, "model").people
        for person, measured in Scores(first, "model").people.items():
            assert measured == pytest.approx(people[person], nan_ok=True)


def test_seeds_are_measured_each_and_then_averaged() -> None:
    seeds = [said(seed=number, predictors={"model": 0.5}) for number in range(3)]
    level = levels_of(seeds)["trial"]
    weights = np.ones((1, 48))
    each = [Scores(levels_of([one])["trial"], "model").measured(weights) for one in seeds]
    both = Scores(level, "model").measured(weights)
    for name in both:
        assert both[name] == pytest.approx(np.mean([one[name] for one in each], axis=0))
    ensemble = np.mean([found.probabilities["model"] for found in level.seeds], axis=0).argmax(axis=1)
    assert both["accuracy"] != pytest.approx(np.mean(ensemble == level.rows.truth))  # which is another model


def test_seeds_that_were_tested_on_other_windows_are_refused() -> None:
    one = said()
    with pytest.raises(DataError, match="the same test windows for every seed"):
        levels_of([one, one.of(np.arange(len(one) - 1))])


def test_each_person_is_measured_alone() -> None:
    level = levels_of([said(people=11, stimuli=4)])["window"]
    people = Scores(level, "model").people
    assert list(people) == [f"p{number}" for number in range(11)]  # p10 after p9
    for person, measured in people.items():
        rows = level.rows.subject == person
        right = level.rows.probabilities["model"].argmax(axis=1) == level.rows.truth
        assert measured["accuracy"] == pytest.approx(right[rows].mean())
        assert np.isnan(measured["auroc"]) == (len(np.unique(level.rows.truth[rows])) < 2)
