from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.said import said
from scipy.stats import rankdata, wilcoxon

from memhacl.train.measure.intervals import draw
from memhacl.train.measure.levels import Scores, levels_of
from memhacl.train.measure.paired import differences, mean_difference, paired_tests, sign_flip_p, wilcoxon_p

DIFFERENCES = st.lists(st.integers(-4, 4), min_size=1, max_size=9)


def tried(values: np.ndarray, statistic) -> np.ndarray:
    """The statistic under every pattern of signs."""
    return np.array([statistic(np.abs(values) * signs) for signs in product((-1, 1), repeat=len(values))])


@settings(max_examples=60, deadline=None)
@given(DIFFERENCES)
def test_wilcoxon_with_ties_is_what_all_patterns_of_signs_give(values: list[int]) -> None:
    given_ = np.array([value for value in values if value], dtype=float)

    def positive(signed: np.ndarray) -> float:
        return float(rankdata(np.abs(signed))[signed > 0].sum())

    every = tried(given_, positive)
    real = positive(given_) if len(given_) else 0.0
    expected = min(1.0, 2 * min(np.mean(every <= real), np.mean(every >= real)))
    assert wilcoxon_p(np.array(values) / 10) == pytest.approx(expected)


@pytest.mark.parametrize("people", [6, 15, 40])
def test_wilcoxon_without_ties_is_scipys_exact_one(people: int) -> None:
    values = np.random.default_rng(people).normal(0.3, 1, people)
    assert wilcoxon_p(values) == pytest.approx(wilcoxon(values, method="exact").pvalue)


@settings(max_examples=60, deadline=None)
@given(DIFFERENCES)
def test_sign_flips_of_few_people_are_all_tried(values: list[int]) -> None:
    given_ = np.array(values, dtype=float)
    every = tried(given_, np.sum)
    assert sign_flip_p(given_ / 10, 0) == pytest.approx(np.mean(np.abs(every) >= abs(given_.sum())))


def test_sign_flips_of_many_people_are_drawn_and_never_give_nothing() -> None:
    assert sign_flip_p(np.ones(40), 0) == pytest.approx(1 / 20001)
    values = np.random.default_rng(0).normal(0.2, 1, 30)
    assert sign_flip_p(values, 0) == pytest.approx(sign_flip_p(values, 1), abs=0.02)
    assert sign_flip_p(values, 0) == sign_flip_p(values, 0)


def test_nothing_can_be_said_of_nobody_and_no_difference_is_no_evidence() -> None:
    assert paired_tests({}, 0) == {"people": 0, "mean": None, "wilcoxon_p": None, "sign_flip_p": None}
    same = paired_tests({"a": 0.0, "b": 0.0}, 0)
    assert (same["mean"], same["wilcoxon_p"], same["sign_flip_p"]) == (0.0, 1.0, 1.0)


def scores(**changes) -> tuple[Scores, Scores]:
    level = levels_of([said(people=5, stimuli=6, predictors={"model": 1.0, "lda": 0.2}, **changes)])["trial"]
    return Scores(level, "model"), Scores(level, "lda")


def test_a_person_in_whom_a_measure_is_undefined_does_not_count() -> None:
    labels = np.arange(30) % 2
    labels[:6] = 1  # all that p0 said
    one, other = scores(windows=1, truth=labels)
    assert "p0" not in differences(one, other, "auroc")
    assert len(differences(one, other, "auroc")) == 4
    assert len(differences(one, other, "balanced_accuracy")) == 5


def test_a_mean_difference_is_resampled_over_people_and_within_them_over_stimuli() -> None:
    one, other = scores()
    trials = one.level.rows
    draws = draw(trials.subject, trials.stimulus, trials.truth, 25, seed=2)
    found = mean_difference(draws, one, other, "accuracy")
    names, films = np.unique(trials.subject), np.unique(trials.stimulus)
    right = {who: trials.probabilities[who].argmax(axis=1) == trials.truth for who in ("model", "lda")}
    for number in range(25):
        gaps = []
        for place, person in enumerate(names):
            rows = [
                np.flatnonzero((trials.subject == person) & (trials.stimulus == film))[0]
                for film, often in zip(films, draws.stimuli[number].astype(int), strict=True)
                for _ in range(often)
            ]
            gaps += [right["model"][rows].mean() - right["lda"][rows].mean()] * int(draws.people[number, place])
        if not np.isnan(found[number]):
            assert found[number] == pytest.approx(np.mean(gaps))
    assert np.isfinite(found).all()
    assert found.std() > 0
