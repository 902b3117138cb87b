"""Classifiers on features: what they may learn from, what may choose, and whether they know how sure they are."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from memhacl.stream.errors import ConfigError
from memhacl.stream.spec import SignalSpec
from memhacl.train.baselines.registry import BASELINES, predict
from memhacl.train.baselines.situation import Situation, Unavailable
from memhacl.train.baselines.table import FeatureTable
from memhacl.train.config import EvaluateConfig
from memhacl.train.corpus.store import Corpus
from memhacl.train.measure.metrics import balanced_accuracy

Make = Callable[..., Situation]
FITTED = ("time", "lda", "svm", "peripheral")
ON_SIGNALS = ("lda", "svm", "peripheral")
ROWS, CHANNELS, SAMPLES = 256, 3, 16


def told(name: str, situation: Situation) -> NDArray[np.float64]:
    said = predict(name, situation)
    assert not isinstance(said, Unavailable), said
    assert said.shape == (len(situation.asked), situation.count)
    np.testing.assert_allclose(said.sum(axis=1), 1)
    return said


def telling(classes: NDArray[np.int64], effect: float, seed: int = 0) -> NDArray[np.float32]:
    """Windows whose every channel is louder, and whose skin is higher, in higher classes."""
    windows = np.random.default_rng(seed).standard_normal((ROWS, CHANNELS, SAMPLES))
    windows *= np.exp(effect * classes)[:, None, None]
    windows[:, 2] += 2 * effect * classes[:, None]
    return windows.astype(np.float32)


def drawn(count: int = 2, seed: int = 1) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, count, 64).repeat(4)


@pytest.mark.parametrize("name", ON_SIGNALS)
@pytest.mark.parametrize("count", [2, 4])
def test_what_signals_tell_is_found_in_people_and_stimuli_never_seen(
    situation_of: Make, name: str, count: int
) -> None:
    classes = drawn(count)
    situation = situation_of("subject+stimulus", classes, telling(classes, 2.0), count)
    said = told(name, situation).argmax(axis=1)
    assert balanced_accuracy(classes[situation.asked], said) > 0.9


def changed(situation: Situation, rows: NDArray[np.int64]) -> Situation:
    """The same with other signals, labels and times in ``rows``."""
    windows, classes = situation.corpus.windows.copy(), situation.classes.copy()
    windows[rows] = windows[rows] * 7 + 100
    classes[rows] = (classes[rows] + 1) % situation.count
    corpus = replace(situation.corpus, windows=windows)
    return replace(situation, corpus=corpus, classes=classes, features=FeatureTable(corpus))


@pytest.mark.parametrize(
    ("name", "protocol"),
    [pair for pair in product(BASELINES, ("subject", "trial")) if pair != ("person", "subject")],
)
def test_what_stands_in_test_rows_changes_nothing_that_is_fitted(
    situation_of: Make, name: str, protocol: str
) -> None:
    classes = drawn()
    before = situation_of(protocol, classes, telling(classes, 0.3))
    marked, others = np.split(before.asked, [len(before.asked) // 2])
    first, then = (told(name, one)[len(marked) :] for one in (before, changed(before, marked)))
    np.testing.assert_array_equal(first, then)
    assert len(others) > 10


@pytest.mark.parametrize("name", FITTED)
def test_training_rows_whose_label_is_not_used_train_nothing(situation_of: Make, name: str) -> None:
    classes = drawn()
    situation = situation_of("subject", classes, telling(classes, 0.3))
    hidden = situation.split.train[::2]
    some = replace(situation, classes=np.where(np.isin(np.arange(ROWS), hidden), -1, classes))
    other = changed(some, hidden)
    assert np.array_equal(told(name, some), told(name, replace(other, classes=some.classes)))
    assert not np.array_equal(told(name, some), told(name, situation))


def test_validation_rows_choose_and_calibrate_but_draw_no_boundary(situation_of: Make) -> None:
    classes = drawn()
    situation = situation_of("subject", classes, telling(classes, 0.3))
    contrary = replace(situation, classes=classes.copy())
    contrary.classes[situation.split.validation] = 1 - classes[situation.split.validation]
    first, other = told("lda", situation), told("lda", contrary)
    assert np.array_equal(first.argmax(axis=1), other.argmax(axis=1))
    assert other.max(axis=1).mean() < first.max(axis=1).mean()  # proven wrong, it is less sure


@pytest.mark.parametrize("name", ON_SIGNALS)
def test_a_row_is_predicted_alike_whatever_else_is_asked(situation_of: Make, name: str) -> None:
    classes = drawn()
    situation = situation_of("subject", classes, telling(classes, 0.3))
    few = replace(situation, split=replace(situation.split, test=situation.asked[:5]))
    np.testing.assert_allclose(told(name, few), told(name, situation)[:5], rtol=1e-9)


@pytest.mark.parametrize("name", ON_SIGNALS)
def test_they_know_that_they_know_nothing(situation_of: Make, name: str) -> None:
    classes = drawn()
    blind = told(name, situation_of("subject", classes, telling(classes, 0.0)))
    seeing = told(name, situation_of("subject", classes, telling(classes, 2.0)))
    assert blind.max(axis=1).mean() < 0.65
    assert seeing.max(axis=1).mean() > 0.9


@pytest.mark.parametrize("name", ON_SIGNALS)
def test_balanced_classes_weigh_the_same_as_in_the_models_training(situation_of: Make, name: str) -> None:
    classes = (np.random.default_rng(3).random(64) < 0.2).astype(np.int64).repeat(4)
    plain, balanced = (
        situation_of("subject", classes, telling(classes, 0.1), balance=balance) for balance in (False, True)
    )
    rare = [told(name, situation).argmax(axis=1).mean() for situation in (plain, balanced)]
    assert rare[0] < 0.15
    assert rare[1] > 0.25


def test_a_class_that_training_lacks_is_never_predicted(situation_of: Make) -> None:
    classes = drawn(3)
    situation = situation_of("subject", classes, telling(classes, 1.0), 3)
    known = np.isin(np.arange(ROWS), situation.split.train)
    classes[known & (classes == 1)] = -1
    for name in FITTED:
        assert told(name, situation)[:, 1].max() < 1e-6


@pytest.mark.parametrize("name", FITTED)
def test_without_validation_labels_they_do_without(situation_of: Make, name: str) -> None:
    classes = drawn()
    situation = situation_of("subject", classes, telling(classes, 2.0))
    classes[situation.split.validation] = -1
    told(name, situation)


def test_what_cannot_be_fitted_says_why(situation_of: Make) -> None:
    one = situation_of("trial", np.zeros(ROWS, dtype=np.int64))
    none = situation_of("trial", np.full(ROWS, -1))
    for name in BASELINES:
        nothing, single = predict(name, none), predict(name, one)
        assert isinstance(nothing, Unavailable)
        assert nothing.why == "no training row has a label"
        if name in FITTED:
            assert isinstance(single, Unavailable)
            assert single.why == "the labelled training rows hold one class only"
    eeg = only(one, "EEG")
    said = predict("peripheral", eeg)
    assert isinstance(said, Unavailable)
    assert said.why == "the montage has no signal but EEG"


def only(situation: Situation, modality: str) -> Situation:
    """The same with one modality's rows alone."""
    corpus: Corpus = situation.corpus
    spec = corpus.spec
    signals = SignalSpec(modalities=(spec.of(modality),), rate=spec.rate)
    manifest = corpus.manifest.model_copy(update={"signals": signals})
    less = replace(corpus, windows=corpus.windows[:, spec.rows[modality]], manifest=manifest)
    return replace(situation, corpus=less, features=FeatureTable(less))


def test_without_eeg_the_other_signals_are_classified(situation_of: Make) -> None:
    classes = drawn()
    situation = only(situation_of("subject", classes, telling(classes, 2.0)), "GSR")
    for name in ON_SIGNALS:
        assert balanced_accuracy(classes[situation.asked], told(name, situation).argmax(axis=1)) > 0.9


def test_a_config_knows_all_of_them_and_refuses_others_in_one_line() -> None:
    assert EvaluateConfig().baselines == tuple(BASELINES)
    with pytest.raises(ConfigError, match=r"baselines\.0: .*'majority'.*'peripheral'.*'xgboost'"):
        EvaluateConfig.parse({"baselines": ["xgboost"]}, "evaluate")
