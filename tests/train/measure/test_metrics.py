import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, recall_score, roc_auc_score

from memhacl.train.measure.calibration import BINS
from memhacl.train.measure.metrics import MEASURES, balanced_accuracy, mean_by, measures, tally


def spelt_out(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """The measures of rows as scikit-learn has them, and the calibration error by its definition."""
    present, predicted, classes = np.unique(truth), probabilities.argmax(axis=1), probabilities.shape[1]
    options = {"labels": present, "average": "macro", "zero_division": 0}
    auroc = np.nan
    if len(present) == classes:
        auroc = np.mean([roc_auc_score(truth == number, probabilities[:, number]) for number in range(classes)])
    confidence, error = probabilities.max(axis=1), 0.0
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        rows = (confidence >= low) & ((confidence < high) | (number == BINS - 1))
        if rows.any():
            error += rows.mean() * abs((predicted == truth)[rows].mean() - confidence[rows].mean())
    return {
        "accuracy": float((predicted == truth).mean()),
        "balanced_accuracy": recall_score(truth, predicted, **options),
        "macro_f1": f1_score(truth, predicted, **options),
        "auroc": float(auroc),
        "ece": error,
    }


@st.composite
def weighted_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Trial, truth and probabilities of rows, several a trial and with ties, and how often each trial counts."""
    trials, classes = draw(st.integers(1, 7)), draw(st.integers(2, 4))
    trial = np.array([*range(trials), *draw(st.lists(st.integers(0, trials - 1), max_size=12))])
    truth = np.array(draw(st.lists(st.integers(0, classes - 1), min_size=trials, max_size=trials)))[trial]
    odds = draw(st.lists(st.lists(st.integers(1, 5), min_size=classes, max_size=classes), min_size=len(trial),
                         max_size=len(trial)))  # fmt: skip
    probabilities = np.array(odds, dtype=float)
    weights = draw(st.lists(st.integers(0, 3), min_size=trials, max_size=trials).filter(any))
    return trial, truth, probabilities / probabilities.sum(axis=1, keepdims=True), np.array(weights)


@settings(max_examples=60, deadline=None)
@given(weighted_rows())
def test_weights_of_trials_count_as_copies_of_their_rows(rows: tuple[np.ndarray, ...]) -> None:
    trial, truth, probabilities, weights = rows
    found = measures(tally(trial, truth, probabilities), weights[None].astype(float))
    copies = np.repeat(np.arange(len(trial)), weights[trial])
    expected = spelt_out(truth[copies], probabilities[copies])
    assert tuple(found) == MEASURES
    for name in MEASURES:
        np.testing.assert_allclose(found[name], [expected[name]], atol=1e-12, err_msg=name)


def test_measures_by_hand() -> None:
    truth = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])  # one of three low ones is wrong
    found = measures(tally(np.arange(4), truth, probabilities), np.ones((1, 4)))
    assert found["accuracy"] == pytest.approx([3 / 4])
    assert found["balanced_accuracy"] == pytest.approx([(2 / 3 + 1) / 2])
    assert found["macro_f1"] == pytest.approx([(2 * 2 / 5 + 2 * 1 / 3) / 2])
    assert found["auroc"] == pytest.approx([2 / 3])  # the high one stands above two of the three low ones
    assert found["ece"] == pytest.approx([(0.1 + 0.2 + 0.7 + 0.4) / 4])  # each is alone in its bin


def test_a_resample_that_lacks_a_class_has_no_balanced_accuracy_but_a_person_without_it_has() -> None:
    truth = np.array([0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]])
    found = tally(np.arange(3), truth, probabilities)
    without = np.array([[1.0, 1.0, 0.0]])
    alone = measures(found, without)
    assert alone["balanced_accuracy"] == pytest.approx([0.5])
    assert np.isnan(alone["auroc"]).all()
    resample = measures(found, without, must=np.array([True, True]))
    assert np.isnan(resample["balanced_accuracy"]).all()
    assert np.isnan(resample["macro_f1"]).all()
    assert resample["accuracy"] == pytest.approx([0.5])


def test_nothing_drawn_gives_nothing_and_no_warning() -> None:
    found = tally(np.arange(2), np.array([0, 1]), np.eye(2))
    assert all(np.isnan(values).all() for values in measures(found, np.zeros((1, 2))).values())


def test_rounded_ranks_hardly_move_auroc() -> None:
    random = np.random.default_rng(0)
    trial, truth = np.repeat(np.arange(100), 40), np.repeat(random.integers(0, 2, 100), 40)
    score = 1 / (1 + np.exp(-random.normal(0.5 * truth, 1)))
    probabilities = np.stack([1 - score, score], axis=1)
    weights = random.multinomial(100, np.full(100, 0.01), size=20).astype(float)
    exact, rounded = (measures(tally(trial, truth, probabilities, ranks), weights)["auroc"] for ranks in (0, 1000))
    assert len(np.unique(score)) > 1000
    assert 0 < np.abs(exact - rounded).max() < 5e-4


def test_the_majority_guess_has_a_balanced_accuracy_of_one_half() -> None:
    truth = np.array([0] * 90 + [1] * 10)
    assert balanced_accuracy(truth, np.zeros(100, dtype=np.int64)) == pytest.approx(0.5)


def test_mean_by_takes_groups_in_order_whatever_the_order_of_rows() -> None:
    found = mean_by(np.array([7, 2, 7]), np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]))
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_allclose(mean_by(np.array([1, 0]), np.array([[1.0], [2.0]])), [[2.0], [1.0]])
