from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from memhacl.train.baselines.situation import Situation, Unavailable
from memhacl.train.baselines.table import FeatureTable
from memhacl.train.config import LabelConfig, ProtocolConfig
from memhacl.train.loops.work import corpus_targets
from memhacl.train.measure.permutation import baseline_permutation, permutation_p
from memhacl.train.protocols import plan_folds


def test_the_real_order_counts_among_the_permutations() -> None:
    assert permutation_p(0.7, [0.5] * 99) == pytest.approx(0.01)
    assert permutation_p(0.7, [0.5, 0.7, 0.9]) == pytest.approx(3 / 4)
    assert permutation_p(0.7, []) == 1.0


@pytest.fixture
def told(made_up: Callable, full_grid: Callable) -> Callable[[float], list[Situation]]:
    """Folds over people of a corpus whose EEG is as loud as valence is high, times what is given."""

    def make(effect: float) -> list[Situation]:
        rows = full_grid(6, 8, 2)
        corpus = made_up(rows)
        latent = corpus.trials.planted["valence"][corpus.index["trial"]]
        corpus.windows[:, :2] *= np.exp(effect * latent)[:, None, None].astype(np.float32)
        classes = corpus_targets(corpus, LabelConfig(tasks=("valence",)))["valence"].values
        table = FeatureTable(corpus)
        splits = plan_folds(corpus, ProtocolConfig(name="subject", folds=3, validation=0.2))
        return [Situation(corpus, split, classes, 2, table) for split in splits]

    return make


def test_a_baseline_that_tells_something_is_told_from_its_refits(told: Callable[[float], list[Situation]]) -> None:
    real, permuted = baseline_permutation("lda", told(1.0), 19)
    assert real > 0.85
    assert np.mean(permuted) == pytest.approx(0.5, abs=0.06)
    assert permutation_p(real, permuted) == pytest.approx(1 / 20)
    _, among_stimuli = baseline_permutation("lda", told(1.0), 3, among="stimulus")
    assert among_stimuli != permuted[:3]


def test_a_baseline_that_tells_nothing_is_one_of_them(told: Callable[[float], list[Situation]]) -> None:
    real, permuted = baseline_permutation("lda", told(0.0), 9)
    assert permutation_p(real, permuted) > 0.1


def test_labels_that_were_not_used_stay_unused_and_what_cannot_predict_says_so(
    told: Callable[[float], list[Situation]],
) -> None:
    folds = told(1.0)
    hidden = folds[0].classes.copy()
    hidden[folds[0].corpus.index["trial"] % 5 == 0] = -1
    real, permuted = baseline_permutation("lda", [replace(fold, classes=hidden) for fold in folds], 2)
    assert 0 <= min(permuted) <= max(permuted) < real
    assert isinstance(baseline_permutation("person", folds, 2), Unavailable)
