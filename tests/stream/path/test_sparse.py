"""Irregular streams on the grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memhacl.stream.path.grid import Grid
from memhacl.stream.path.path import SignalPath
from memhacl.stream.path.sparse import Sparse
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import ModalitySpec, SignalSpec

GRID = 128.0


def on_grid(stamps: list[float], values: list[float], slots: np.ndarray, look_ahead: float) -> np.ndarray:
    sparse = Sparse(look_ahead, 2.0, 1)
    sparse.push(np.array(values)[:, None], np.array(stamps), 0.0, None, -np.inf)
    return sparse.values(slots, Grid(GRID, 0.0))[:, 0]


def slow_reference(stamps: list[float], values: list[float], time: float, look_ahead: float) -> float:
    """One slot's value, sample by sample."""
    before = [k for k, stamp in enumerate(stamps) if stamp <= time + 1e-9]
    if not before or time - stamps[before[-1]] > 2.0:
        return np.nan
    k = before[-1]
    if k + 1 < len(stamps) and stamps[k + 1] - time <= look_ahead and stamps[k + 1] - stamps[k] <= 2.0:
        share = max((time - stamps[k]) / (stamps[k + 1] - stamps[k]), 0.0)
        return values[k] + share * (values[k + 1] - values[k])
    return values[k]


@settings(max_examples=80, deadline=None)
@given(steps=st.lists(st.floats(0.01, 4.0), min_size=1, max_size=12), look_ahead=st.sampled_from([0.0, 0.3, 2.0]))
def test_values_are_those_of_a_plain_transcription(steps: list[float], look_ahead: float) -> None:
    stamps = np.cumsum(steps).tolist()
    values = np.random.default_rng(len(steps)).normal(size=len(steps)).tolist()
    slots = np.arange(0, (stamps[-1] + 3) * GRID, 16.0)
    found = on_grid(stamps, values, slots, look_ahead)
    expected = [slow_reference(stamps, values, slot / GRID, look_ahead) for slot in slots]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_stamp_that_goes_back_is_left_out_and_counted() -> None:
    sparse = Sparse(0.0, 2.0, 1)
    sparse.push(np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0.0, 1.0, 0.5, 1.5]), 0.0, None, -np.inf)
    sparse.push(np.array([[5.0], [6.0]]), np.array([1.5, 2.0]), 0.0, None, -np.inf)
    np.testing.assert_array_equal(sparse.between(0.0, 9.0)[:, 0], [1, 2, 4, 6])
    assert sparse.disordered == 2


def spec(look_ahead: float) -> SignalSpec:
    eeg = ModalitySpec(modality="EEG", channels=("Cz", "Oz"), unit="uV", baseline="none")
    temp = ModalitySpec(modality="Temp", channels=("T",), unit="degC", baseline="none", look_ahead=look_ahead)
    return SignalSpec(modalities=(eeg, temp), rate=GRID)


def opened(look_ahead: float) -> SignalPath:
    path = SignalPath(spec(look_ahead), patience=0.5)
    path.open(StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", GRID))
    path.open(StreamFormat("patch", "Temp", ("T",), "degC", 0.0))
    return path


@pytest.mark.parametrize("delay", [0.0, 0.45])
def test_an_irregular_stream_joins_the_others_and_its_gaps_are_marked(delay: float) -> None:
    """Temperature that is its own time, every 0.1 to 0.4 s, with a gap of 3.5 s; on time or late."""
    rng = np.random.default_rng(0)
    stamps = 100.0 + np.cumsum(rng.uniform(0.1, 0.4, 80))
    stamps = stamps[(stamps < 106.0) | (stamps > 109.5)]
    path, windows, sent = opened(0.4), [], 0
    eeg = rng.normal(size=(128 * 16, 2)).astype(np.float32)
    for step in range(160):
        now = 100.0 + (step + 1) * 0.1
        part = slice(round(step * 12.8), round((step + 1) * 12.8))
        path.push("EEG", eeg[part], 100.0 + np.arange(2048)[part] / GRID, now)
        due = int(np.searchsorted(stamps, now - delay))
        path.push("Temp", stamps[sent:due, None].astype(np.float32) - 100, stamps[sent:due], now)
        sent = due
        windows += path.advance(now)
    assert len(windows) >= 14
    for window in windows:
        gap = window.end > 105.5 + 2.0 and window.start < 109.4
        assert window.valid == (not gap and window.index > 0), window
        if window.valid:
            times = window.start + np.arange(128) / GRID - 100
            held = 2.0 if 105.5 < window.end < 110.5 else 1e-4  # around the gap the last value stands for so long
            np.testing.assert_allclose(window.data[2], times, atol=held)
    assert path.health["Temp"]["gaps"] == 1
    assert path.health["Temp"]["late"] == 0


def test_any_chunking_of_an_irregular_stream_gives_the_same_windows() -> None:
    rng = np.random.default_rng(3)
    stamps = 100.0 + np.cumsum(rng.uniform(0.05, 0.6, 60))
    values = rng.normal(size=(60, 1)).astype(np.float32)
    eeg, times = rng.normal(size=(1280, 2)).astype(np.float32), 100.0 + np.arange(1280) / GRID
    found = []
    for pieces in (1, 7, 60):
        path = opened(0.3)
        path.push("EEG", eeg, times, 0.0)
        windows = []
        for part, stamped in zip(np.array_split(values, pieces), np.array_split(stamps, pieces), strict=True):
            path.push("Temp", part, stamped, 0.0)
            windows += path.advance(0.0)
        found.append(windows + path.finish())
    for other in found[1:]:
        assert [w.reasons for w in other] == [w.reasons for w in found[0]]
        for ours, theirs in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(ours.data, theirs.data)
