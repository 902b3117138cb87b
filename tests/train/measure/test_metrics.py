import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from memhacl.train.measure.metrics import balanced_accuracy, calibrated, fit_temperature, mean_by, measure


def test_measures_by_hand() -> None:
    truth = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])  # one of three low ones is wrong
    found = measure(truth, probabilities)
    assert found["accuracy"] == pytest.approx(3 / 4)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["macro_f1"] == pytest.approx((2 * 2 / 5 + 2 * 1 / 3) / 2)
    assert found["auroc"] == pytest.approx(2 / 3)  # the high one stands above two of the three low ones


def test_measures_agree_with_sklearn_on_four_classes() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, 200)
    probabilities = random.dirichlet(np.ones(4), 200)
    predicted = probabilities.argmax(axis=1)
    found = measure(truth, probabilities)
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert found["macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert found["auroc"] == pytest.approx(roc_auc_score(truth, probabilities, multi_class="ovr"))


def test_a_class_that_is_missing_gives_no_auroc_and_no_warning() -> None:
    found = measure(np.zeros(4, dtype=np.int64), np.array([[0.9, 0.1]] * 3 + [[0.1, 0.9]]))
    assert found["auroc"] is None
    assert found["balanced_accuracy"] == pytest.approx(0.75)


def test_the_majority_guess_has_a_balanced_accuracy_of_one_half() -> None:
    truth = np.array([0] * 90 + [1] * 10)
    assert balanced_accuracy(truth, np.zeros(100, dtype=np.int64)) == pytest.approx(0.5)


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_temperature_finds_how_overconfident_logits_are(true_temperature: float) -> None:
    random = np.random.default_rng(0)
    honest = random.normal(0, 1.5, (20000, 3))
    chances = calibrated(honest, 1.0)
    truth = (chances.cumsum(axis=1) > random.uniform(size=(20000, 1))).argmax(axis=1)
    assert fit_temperature(honest * true_temperature, truth) == pytest.approx(true_temperature, rel=0.05)


def test_rows_of_one_class_cannot_make_a_model_more_sure() -> None:
    logits = np.array([[0.1, 0.0]] * 5)
    assert fit_temperature(logits, np.zeros(5, dtype=np.int64)) == 1.0
    assert fit_temperature(logits, np.array([0, 0, 0, 0, 1])) == pytest.approx(0.2, abs=0.15)


def test_mean_by_takes_groups_in_order_whatever_the_order_of_rows() -> None:
    found = mean_by(np.array([7, 2, 7]), np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]))
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_allclose(mean_by(np.array([1, 0]), np.array([[1.0], [2.0]])), [[2.0], [1.0]])
