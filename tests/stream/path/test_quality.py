"""Quality of a window as numbers: each fault is seen, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memhacl.stream.path.quality import POOR, assess, bad_channels, score
from memhacl.stream.path.thresholds import LIMITS
from memhacl.stream.signals import MODALITIES

KEYS = {"score", "missing", "nan", "flat", "railed", "line", "range", "slope", "out_of_range", "steep"}
FAULTS = ("missing", "nan", "flat", "railed", "line", "out_of_range", "steep")


def eeg(channels: int = 4, rate: float = 500.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 20, (int(rate), channels))


def seconds(rate: float) -> np.ndarray:
    return np.arange(int(rate)) / rate


def of_eeg(samples: np.ndarray, rate: float = 500.0, missing: float = 0.0, unit: str = "uV") -> dict[str, float]:
    return assess("EEG", samples, rate, 1.0, missing, unit)


def of_gsr(*values: float, unit: str = "uS", rate: float = 4.0) -> dict[str, float]:
    return assess("GSR", np.array(values)[:, None], rate, 1.0, 0.0, unit)


def test_every_modality_has_limits() -> None:
    assert set(LIMITS) == set(MODALITIES)


@settings(deadline=None, max_examples=200)
@given(
    modality=st.sampled_from(MODALITIES),
    unit=st.sampled_from(("uV", "mV", "uS", "kohm", "ohm", "degF", "degC", "arbitrary", "a.u.", "furlong")),
    shape=st.tuples(st.sampled_from((0, 1, 2, 4, 15, 16, 17, 128)), st.integers(1, 14)),
    rate=st.sampled_from((0.0, 1.0, 4.0, 100.0, 128.0, 500.0)),
    holes=st.sampled_from((0.0, 0.1, 0.9, 1.0)),
    size=st.sampled_from((0.0, 1e-6, 1.0, 1e6)),
    missing=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_whatever_comes_gives_finite_numbers_and_changes_no_sample(
    modality: str,
    unit: str,
    shape: tuple[int, int],
    rate: float,
    holes: float,
    size: float,
    missing: float,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, size, shape).round(1)  # with equal neighbours, zeros and negative values
    samples[rng.random(shape) < holes] = np.nan
    before = samples.copy()
    found = assess(modality, samples, rate, 1.0, missing, unit)
    assert set(found) == KEYS
    assert all(type(value) is float and np.isfinite(value) for value in found.values())
    assert all(0 <= found[name] <= 1 for name in ("score", *FAULTS))
    assert bad_channels(modality, samples, unit).shape == shape[1:]
    np.testing.assert_array_equal(samples, before)


@given(
    modality=st.sampled_from(MODALITIES),
    faults=st.lists(st.floats(0, 1), min_size=len(FAULTS), max_size=len(FAULTS)),
    worse=st.sampled_from(FAULTS),
    by=st.floats(0, 1),
)
def test_a_worse_fault_never_gives_a_better_score(
    modality: str, faults: list[float], worse: str, by: float
) -> None:
    found = dict(zip(FAULTS, faults, strict=True))
    then = {**found, worse: found[worse] + by * (1 - found[worse])}
    assert 0 <= score(modality, then) <= score(modality, found) <= 1


def test_clean_eeg_scores_one_at_any_electrode_offset() -> None:
    found = of_eeg(eeg() + np.array([-180_000.0, 0.0, 30.0, 250_000.0]))
    assert found["score"] > 0.98
    assert found["out_of_range"] == found["flat"] == found["railed"] == found["steep"] == 0
    assert found["range"] == pytest.approx(np.median(np.ptp(eeg(), axis=0)))


@pytest.mark.parametrize("level", [0.0, 0.1, 187_500.0])
def test_a_flat_channel_counts_by_its_share_and_is_dead(level: float) -> None:
    samples = eeg(30)  # more than are worked on at once
    samples[:, 17] = level
    found = of_eeg(samples)
    assert found["flat"] == pytest.approx(1 / 30)
    assert found["score"] == pytest.approx(29 / 30, abs=0.01)
    np.testing.assert_array_equal(np.flatnonzero(bad_channels("EEG", samples, "uV")), [17])


def test_less_than_a_microvolt_is_no_scalp_but_only_where_the_unit_is_known() -> None:
    faint = eeg(1) / 200  # 0.6 uV peak to peak
    assert of_eeg(faint)["flat"] == 1
    assert of_eeg(faint / 1e6, unit="V")["flat"] == 1
    assert bad_channels("EEG", faint, "uV").all()
    assert of_eeg(faint, unit="arbitrary")["flat"] == 0
    assert not bad_channels("EEG", faint, "arbitrary").any()


@pytest.mark.parametrize(("modality", "unit", "level"), [("GSR", "uS", 2.0), ("Temp", "degC", 33.1)])
@pytest.mark.parametrize("rate", [1.0, 4.0, 128.0])
def test_skin_that_stands_still_is_no_fault(modality: str, unit: str, level: float, rate: float) -> None:
    samples = np.full((int(rate), 1), level)
    assert assess(modality, samples, rate, 1.0, 0.0, unit)["score"] == 1
    assert not bad_channels(modality, samples, unit).any()


def test_a_breathing_belt_that_keeps_one_value_is_a_fault_where_there_are_samples_enough() -> None:
    assert assess("Resp", np.full((100, 1), 2.5), 100.0, 1.0, 0.0, "a.u.")["score"] == 0
    assert assess("Resp", np.full((4, 1), 2.5), 4.0, 1.0, 0.0, "a.u.")["score"] == 1


def test_railed_is_the_share_of_time_at_the_extremes() -> None:
    sine = 150 * np.sin(2 * np.pi * 3 * seconds(500))[:, None]
    assert of_eeg(sine)["railed"] < 0.01
    clipped = sine.clip(-75, 75)  # two thirds of a sine lie beyond half its amplitude
    found = of_eeg(clipped)
    assert found["railed"] == pytest.approx(2 / 3, abs=0.02)
    assert found["score"] == pytest.approx(1 / 3, abs=0.03)
    assert not bad_channels("EEG", clipped, "uV").any()


def test_a_channel_that_jumps_from_rail_to_rail_is_dead() -> None:
    samples = np.where(seconds(500) % 0.4 < 0.2, -3200.0, 3200.0)[:, None]
    assert bad_channels("EEG", samples, "uV").all()
    assert of_eeg(samples)["score"] < POOR


@pytest.mark.parametrize("rate", [128.0, 250.0, 1000.0, 2000.0])
@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_line_is_the_share_of_the_variance_at_the_mains(mains: float, rate: float) -> None:
    rng = np.random.default_rng(1)
    tone = np.sqrt(2) * 30 * np.sin(2 * np.pi * mains * seconds(rate) + 0.7)[:, None]
    other = rng.normal(0, 30, (int(rate), 1))
    trend = 100 * seconds(rate)[:, None] - 5000
    found = of_eeg(tone + other + trend, rate)
    visible = rate >= 2.5 * mains
    assert found["line"] == pytest.approx(0.5 if visible else 0.0, abs=0.08)


def test_line_is_not_looked_for_where_the_rate_is_too_low() -> None:
    assert of_eeg(eeg(rate=100.0), 100.0)["line"] == 0
    assert of_eeg(eeg(rate=500.0), 0.0)["line"] == 0  # irregular: no spectrum


def test_mains_in_skin_conductance_are_reported_but_no_fault() -> None:
    hum = 5 + 1e-3 * np.sin(2 * np.pi * 50 * seconds(1000))[:, None]
    found = assess("GSR", hum, 1000.0, 1.0, 0.0, "uS")
    assert found["line"] > 0.99
    assert found["score"] == 1


@pytest.mark.parametrize(
    "values", [(0.05, 0.2, 0.2, 0.2), (0.0, 0.0, 0.0, 0.0), (0.2, 0.2, 0.2, 60.0), (0.2, -1.0, 0.2, 0.2)]
)
def test_one_conductance_of_four_out_of_range_makes_the_window_poor(values: tuple[float, ...]) -> None:
    assert of_gsr(*values)["score"] < POOR


def test_conductance_in_range_is_not_poor() -> None:
    assert of_gsr(0.06, 0.07, 0.06, 0.06)["score"] == 1
    assert of_gsr(58.0, 58.5, 59.0, 59.9)["score"] == 1


def test_conductance_that_changes_by_more_than_10_us_a_second_is_steep_at_any_rate() -> None:
    for rate in (4.0, 100.0, 2000.0):
        rise = seconds(rate)
        assert of_gsr(*(5 + 9 * rise), rate=rate)["score"] == 1
        found = of_gsr(*(5 + 11 * rise), rate=rate)
        assert (found["steep"], found["score"]) == (1, 0)
        assert found["slope"] == pytest.approx(11)
    noisy = 5 + np.random.default_rng(0).normal(0, 0.02, 2000)  # 100 uS/s from sample to sample
    assert of_gsr(*noisy, rate=2000.0)["steep"] == 0


def test_limits_hold_in_related_units_and_not_in_unknown_ones() -> None:
    assert of_gsr(*(1e6 / np.array([0.04, 0.04, 0.05, 0.05])), unit="ohm")["out_of_range"] == 1
    assert of_gsr(0.0, 0.0, 0.0, 0.0, unit="kohm")["score"] == 0  # no resistance: shorted
    assert of_gsr(*[500.0] * 4, unit="kohm")["score"] == 1
    assert of_gsr(0.0, 900.0, 0.0, 900.0, unit="arbitrary")["score"] == 1
    for value, unit in ((20.0, "degC"), (68.0, "degF"), (293.15, "K")):
        assert assess("Temp", np.full((4, 1), value), 4.0, 1.0, 0.0, unit)["out_of_range"] == 1
    ecg = np.zeros((250, 1))
    ecg[100:110] = 1.2
    assert assess("ECG", ecg, 250.0, 1.0, 0.0, "mV")["out_of_range"] == 0
    assert assess("ECG", 10 * ecg, 250.0, 1.0, 0.0, "mV")["out_of_range"] == pytest.approx(10 / 250)


def test_range_and_slope_are_in_the_models_unit() -> None:
    found = of_gsr(200.0, 250.0, 200.0, 200.0, unit="kohm")
    assert (found["range"], found["slope"]) == (50.0, 200.0)


def test_an_electrode_that_pops_is_steep() -> None:
    samples = eeg()
    samples[200:, 2] += 900  # in one sample of 2 ms
    found = of_eeg(samples)
    assert found["steep"] == 0.25
    assert found["out_of_range"] == pytest.approx(0.25, abs=0.01)
    assert found["score"] < POOR


def test_a_few_values_missing_change_nothing_but_their_share() -> None:
    samples = eeg(3)
    whole = of_eeg(samples)
    samples[[5, 50, 51, 300], 1] = np.nan
    found = of_eeg(samples)
    assert found["nan"] == pytest.approx(4 / 1500)
    assert found["score"] == pytest.approx(whole["score"] * (1 - found["nan"]), abs=1e-3)
    assert found["range"] == pytest.approx(whole["range"], rel=0.2)


def test_a_channel_without_values_lowers_the_score_but_is_not_dead() -> None:
    samples = eeg(4)
    samples[:, 0] = np.nan
    found = of_eeg(samples, missing=0.1)
    assert (found["nan"], found["flat"]) == (0.25, 0)
    assert found["score"] == pytest.approx(0.75, abs=0.02)
    assert not bad_channels("EEG", samples, "uV").any()


def test_too_few_values_cannot_tell_that_a_channel_is_dead() -> None:
    samples = eeg(2)
    samples[:, 0] = 3.0
    assert bad_channels("EEG", samples, "uV").tolist() == [True, False]
    samples[15:, 0] = np.nan
    assert not bad_channels("EEG", samples, "uV").any()


def test_nothing_there_scores_what_is_not_missing() -> None:
    for missing in (0.0, 0.3, 1.0):
        found = assess("Temp", np.empty((0, 1)), 1.0, 1.0, missing, "degC")
        assert found["score"] == pytest.approx(1 - missing)
        assert all(found[name] == 0 for name in KEYS - {"score", "missing"})
