"""The parts of the path against slow, obvious references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt, sosfilt_zi

from memhacl.stream.path.baseline import Running, rolling, template
from memhacl.stream.path.condition import Conditioner
from memhacl.stream.path.resample import design, evaluate
from memhacl.stream.spec import Conditioning, ModalitySpec


def eeg(**conditioning: object) -> ModalitySpec:
    wants = Conditioning(**conditioning)
    return ModalitySpec(modality="EEG", channels=("Cz", "Oz", "Pz"), unit="uV", conditioning=wants)


def noise(samples: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(samples, channels)) + 50


@pytest.mark.parametrize("rate", [256.0, 500.0, 1000.0, 2000.0])
def test_aliases_are_down_by_60_db(rate: float) -> None:
    """A tone above half the grid's rate leaves less than a thousandth of itself."""
    kernel = design(rate, 128.0, 0.2)
    times = np.arange(int(8 * rate)) / rate
    position = np.arange(256, 768) / 128 * rate
    for frequency in np.linspace(64.5, rate / 2 * 0.95, 12):
        tone = np.sin(2 * np.pi * frequency * times)[:, None]
        assert np.abs(evaluate(tone, position, kernel)).max() < 1e-3


@pytest.mark.parametrize(
    ("rate", "look_ahead", "mode"), [(4.0, 0.1, "hold"), (4.0, 0.3, "linear"), (100.0, 0.2, "fir")]
)
def test_the_look_ahead_decides_how_a_slow_stream_is_read(rate: float, look_ahead: float, mode: str) -> None:
    kernel = design(rate, 128.0, look_ahead)
    assert kernel.mode == mode
    assert kernel.half / rate <= look_ahead


def test_hold_and_linear_do_what_their_names_say() -> None:
    data, position = np.array([[0.0], [4.0], [8.0]]), np.array([0.0, 0.25, 1.0, 1.5])
    np.testing.assert_allclose(evaluate(data, position, design(4, 128, 0.0))[:, 0], [0, 0, 4, 4])
    np.testing.assert_allclose(evaluate(data, position, design(4, 128, 0.25))[:, 0], [0, 1, 4, 6])


def test_a_constant_stays_constant_to_the_edges() -> None:
    got = evaluate(np.full((40, 1), 7.0), np.linspace(0, 39, 100), design(256, 128, 0.2))
    np.testing.assert_allclose(got, 7.0, rtol=1e-12)


@pytest.mark.parametrize("rate", [100.0, 256.0, 1000.0])
def test_time_is_right_up_to_the_edges(rate: float) -> None:
    """A kernel cut off on one side would move a signal by milliseconds; a ramp is its own time."""
    position = np.linspace(0, 299, 1000)
    got = evaluate(np.arange(300.0)[:, None] / rate, position, design(rate, 128, 0.13))[:, 0]
    np.testing.assert_allclose(got, position / rate, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(1, 999), max_size=6))
def test_the_filter_is_scipys_whatever_the_blocks(cuts: list[int]) -> None:
    data = noise(1000)
    conditioner = Conditioner(eeg(band=(4, 45), reference="average"), 128, (), 128)
    blocks = [conditioner.push(part)[0] for part in np.split(data, sorted(set(cuts))) if len(part)]
    sos = butter(4, (4, 45), "bandpass", fs=128, output="sos")
    centred = data - data.mean(axis=1, keepdims=True)
    expected, _ = sosfilt(sos, centred, axis=0, zi=sosfilt_zi(sos)[:, :, None] * centred[0])
    np.testing.assert_allclose(np.concatenate(blocks), expected, atol=1e-12)


def test_what_the_owner_has_done_is_not_done_again() -> None:
    data = noise(200)
    spec = eeg(band=(4, 45), reference="average")
    out, warming = Conditioner(spec, 128, ("bandpass", "average-reference"), 128).push(data)
    np.testing.assert_array_equal(out, data)
    assert not warming.any()
    out, _ = Conditioner(spec, 128, ("bandpass",), 128).push(data)
    np.testing.assert_allclose(out, data - data.mean(axis=1, keepdims=True))


def test_a_short_gap_keeps_the_filters_state_and_a_long_one_begins_it_anew() -> None:
    spec = eeg(band=(1, 40))
    for lost, warms in ((10, False), (60, True)):
        data = noise(1000)
        data[500 : 500 + lost] = np.nan
        out, warming = Conditioner(spec, 128, (), 50).push(data)
        assert np.isnan(out[500 : 500 + lost]).all()
        assert warming[500 + lost :].any() == warms
        assert np.abs(out[500 + lost : 520 + lost]).max() < 10  # no step of the 50 uV offset


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 9), st.lists(st.booleans(), min_size=24, max_size=24))
def test_rolling_mean_leaves_missing_slots_out(seed: int, missing: list[bool]) -> None:
    past = noise(24, 2, seed)
    past[np.array(missing)] = np.nan
    got = rolling(past)
    if all(missing):
        assert got is None
        return
    for channel in range(2):
        kept = [value for value in past[:, channel] if value == value]
        assert got[0, channel] == pytest.approx(sum(kept) / len(kept))


def test_template_is_the_sample_by_sample_mean() -> None:
    past = noise(24, 2)
    got = template(past, 8)
    for sample in range(8):
        for channel in range(2):
            assert got[sample, channel] == pytest.approx(
                np.mean([past[8 * k + sample, channel] for k in range(3)])
            )
    assert template(past[:7], 8) is None


def test_running_statistics_forget() -> None:
    running = Running(1, hop=10, constant=100)
    rng = np.random.default_rng(0)
    for _ in range(100):
        running.push(rng.normal(1e6, 1, size=(10, 1)))
    mean, deviation = running.statistics()
    assert mean[0] == pytest.approx(1e6, abs=0.5)
    assert deviation[0] == pytest.approx(1, abs=0.2)
    for _ in range(100):
        running.push(rng.normal(0, 5, size=(10, 1)))
    mean, deviation = running.statistics()
    assert abs(mean[0]) < 60  # of a million, ten time constants ago


def test_rounding_in_the_stamps_does_not_show() -> None:
    """A position a hair below a sample once used another set of taps than one a hair above it."""
    data, at = noise(200), np.arange(60.0, 120.0)
    kernel = design(100, 128, 0.13)
    np.testing.assert_allclose(evaluate(data, at - 1e-9, kernel), evaluate(data, at + 1e-9, kernel), atol=1e-6)
