"""Features: differential entropy against known signals, and what skin and breath are known by."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import periodogram

from memhacl.stream.spec import ModalitySpec
from memhacl.train.baselines.eeg import BANDS, differential_entropy
from memhacl.train.baselines.peripheral import body_features, breathing, rises
from memhacl.train.baselines.table import FeatureTable
from memhacl.train.corpus.store import Corpus

GSR = ModalitySpec(modality="GSR", channels=("GSR",), unit="uS")


def entropy_of(variance: float) -> float:
    """Differential entropy of a Gaussian signal, in nats."""
    return 0.5 * float(np.log(2 * np.pi * np.e * variance))


@pytest.mark.parametrize(("hertz", "place"), [(6, 0), (10, 1), (20, 2), (38, 3)])
def test_a_wave_has_the_entropy_of_its_variance_in_its_band_and_little_elsewhere(hertz: float, place: int) -> None:
    time = np.arange(512) / 128
    wave = 3 * np.sin(2 * np.pi * hertz * time + 1)  # its variance is 9 / 2
    (found,) = differential_entropy(wave[None, None], 128.0)
    assert found.shape == (4,)
    assert found[place] == pytest.approx(entropy_of(4.5), abs=0.01)
    assert (np.delete(found, place) < found[place] - 4).all()


@settings(deadline=None, max_examples=20)
@given(st.sampled_from([64.0, 128.0, 200.0]), st.integers(1, 3), st.integers(0, 1000))
def test_it_is_the_spectrum_summed_over_each_band(rate: float, channels: int, seed: int) -> None:
    windows = np.random.default_rng(seed).standard_normal((2, channels, round(rate)))
    hertz, density = periodogram(windows, rate, window=np.hanning(round(rate) + 2)[1:-1], detrend=False)
    expected = [
        entropy_of(density[row, channel, (hertz >= low) & (hertz < high)].sum() * (hertz[1] - hertz[0]))
        for row in range(2)
        for low, high in BANDS.values()
        if low <= rate / 2
        for channel in range(channels)
    ]
    found = differential_entropy(windows, rate)
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-6)


def test_noise_twice_as_loud_has_the_logarithm_of_two_more() -> None:
    windows = np.random.default_rng(0).standard_normal((5, 3, 128))
    louder = differential_entropy(2 * windows, 128.0) - differential_entropy(windows, 128.0)
    np.testing.assert_allclose(louder, np.log(2), atol=1e-9)
    white = differential_entropy(np.random.default_rng(0).standard_normal((2000, 1, 128)), 128.0)
    spans = np.array([high - low for low, high in BANDS.values()])
    power = np.exp(2 * white).mean(axis=0) / (2 * np.pi * np.e)  # of 64 Hz in all the variance is 1
    np.testing.assert_allclose(power, spans / 64, rtol=0.05)


def test_windows_that_cannot_tell_bands_have_one() -> None:
    short = np.random.default_rng(0).standard_normal((2, 3, 6))
    assert differential_entropy(short, 12.0).shape == (2, 3)  # theta alone: 4 and 6 Hz
    assert differential_entropy(short, 6.0).shape == (2, 3)  # none: everything
    assert np.isfinite(differential_entropy(np.zeros((1, 2, 64)), 64.0)).all()


def saw(climbs: list[float], rate: float) -> np.ndarray:
    """Climbs of the given heights, each within 2 s, and the falls between them."""
    steps = np.linspace(0, 1, round(2 * rate))
    return np.concatenate([part for height in climbs for part in (height * steps, height * steps[::-1])])


@pytest.mark.parametrize("rate", [4.0, 32.0, 128.0])
def test_rises_of_skin_conductance_are_counted_and_added_up(rate: float) -> None:
    heights = [1.0, 0.5, 0.8, 0.01]  # the last is noise beside the others
    ((number, total),) = rises(saw(heights, rate)[None, None], rate)
    assert number == 3
    assert total == pytest.approx(sum(heights), rel=0.15)  # averaged to 4 Hz: tips are cut off


def test_a_fall_of_resistance_is_a_rise_of_conductance() -> None:
    windows = saw([1.0, 0.5], 4.0)[None, None]
    resistance = ModalitySpec(modality="GSR", channels=("GSR",), unit="kohm")
    np.testing.assert_allclose(
        body_features(-windows, resistance, 4.0)[:, 3:], body_features(windows, GSR, 4.0)[:, 3:]
    )
    falling = np.linspace(1, 0, 40)[None, None]
    assert body_features(falling, GSR, 4.0)[0, 3:].tolist() == [0, 0]


def test_level_slope_and_spread() -> None:
    line = 5 + np.linspace(-1, 1, 101)[None, None] * 3
    temperature = ModalitySpec(modality="Temp", channels=("Temp",), unit="degC")
    ((mean, slope, deviation),) = body_features(line, temperature, 4.0)
    assert (mean, slope) == (pytest.approx(5), pytest.approx(3))
    assert deviation == pytest.approx(np.log(line.std()))


@pytest.mark.parametrize("hertz", [0.15, 0.25, 0.4])
def test_the_rate_and_depth_of_breathing_are_found(hertz: float) -> None:
    time = np.arange(30 * 16) / 16
    breath = 100 + 2 * np.sin(2 * np.pi * hertz * time) + 0.2 * np.random.default_rng(0).standard_normal(len(time))
    ((rate, depth),) = breathing(breath[None, None], 16.0)
    assert rate == pytest.approx(hertz, abs=0.02)
    assert np.exp(depth) == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(("seconds", "columns"), [(1, 3), (9, 3), (10, 5)])
def test_breathing_is_looked_at_where_a_window_holds_breaths(seconds: int, columns: int) -> None:
    belt = ModalitySpec(modality="Resp", channels=("Resp",), unit="a.u.")
    windows = np.random.default_rng(0).standard_normal((2, 1, seconds * 16))
    assert body_features(windows, belt, 16.0).shape == (2, columns)


def test_a_window_has_the_same_features_whatever_stands_beside_it(
    made_up: Callable[..., Corpus], full_grid: Callable[..., list[object]]
) -> None:
    corpus = made_up(full_grid(6, 100, 4))  # more rows than are read at once
    few = made_up(full_grid(1, 1, 4), corpus.windows[-4:])
    together, alone = (FeatureTable(one).of("EEG", "GSR") for one in (corpus, few))
    assert together.shape == (2400, 2 * 2 + 5)  # theta and 8 Hz of two electrodes, and the skin's
    np.testing.assert_array_equal(together[-4:], alone)
    np.testing.assert_array_equal(FeatureTable(corpus).of("GSR"), together[:, 4:])
