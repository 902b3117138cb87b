import numpy as np
import pytest
from plugins.said import said

from memhacl.train.measure.calibration import calibrated, fit_temperature, out_of_fold_temperature, reliability
from memhacl.train.measure.predictions import pool


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_temperature_finds_how_overconfident_logits_are(true_temperature: float) -> None:
    honest, truth = honest_logits(20000)
    assert fit_temperature(honest * true_temperature, truth) == pytest.approx(true_temperature, rel=0.05)


def honest_logits(rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    honest = random.normal(0, 1.5, (rows, 3))
    chances = calibrated(honest, 1.0)
    return honest, (chances.cumsum(axis=1) > random.uniform(size=(rows, 1))).argmax(axis=1)


def test_rows_of_one_class_cannot_make_a_model_more_sure() -> None:
    logits = np.array([[0.1, 0.0]] * 5)
    assert fit_temperature(logits, np.zeros(5, dtype=np.int64)) == 1.0
    assert fit_temperature(logits, np.array([0, 0, 0, 0, 1])) == pytest.approx(0.2, abs=0.15)


def test_the_temperature_of_all_folds_is_that_of_the_raw_logits_whatever_each_fold_had_divided_by() -> None:
    honest, truth = honest_logits(6000)
    raw = honest * 2.5  # too sure by that much
    whole = said(people=60, stimuli=100, windows=1, classes=("a", "b", "c"), truth=truth)
    folds = []
    for fold, temperature in enumerate((0.4, 1.0, 7.0)):
        rows = np.arange(6000) % 3 == fold
        part = whole.of(rows)
        folds.append(
            {
                "mood": said(
                    people=20, stimuli=100, windows=1, classes=("a", "b", "c"),
                    truth=truth[rows], subject=part.subject, trial=part.trial, stimulus=part.stimulus,
                    probabilities={"model": calibrated(raw[rows], temperature)},
                    temperature=np.full(2000, temperature),
                )
            }
        )  # fmt: skip
    found = out_of_fold_temperature(pool(folds))
    assert found == {"mood": pytest.approx(fit_temperature(raw, truth), rel=0.02)}
    assert out_of_fold_temperature([pool(folds), pool(folds[::-1])]) == {
        "mood": pytest.approx(found["mood"], rel=1e-4)
    }


def test_logits_are_found_again_where_a_probability_is_nearly_nothing() -> None:
    raw = np.array([[0.0, 300.0], [100.0, -20.0]])
    part = said(people=1, stimuli=2, windows=1, probabilities={"model": calibrated(raw, 0.5)},
                temperature=np.full(2, 0.5))  # fmt: skip
    np.testing.assert_allclose(np.diff(part.logits, axis=1), np.diff(raw, axis=1), rtol=1e-12)
    nothing = said(people=1, stimuli=1, windows=1, probabilities={"model": np.array([[1.0, 0.0]])})
    assert np.isfinite(nothing.logits).all()


def test_points_of_the_reliability_curve() -> None:
    truth = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.95, 0.05], [0.99, 0.01], [0.97, 0.03], [0.42, 0.58]])
    low, high = reliability(truth, probabilities)
    assert low == {"confidence": pytest.approx(0.58), "accuracy": 1.0, "count": 1}
    assert high == {"confidence": pytest.approx(0.97), "accuracy": pytest.approx(2 / 3), "count": 3}
    assert reliability(np.array([0]), np.array([[1.0, 0.0]]))[0]["confidence"] == 1.0  # the last bin has its end
