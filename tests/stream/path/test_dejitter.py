"""Steady times from jittered stamps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memhacl.stream.path.dejitter import Dejitter


def steady(rate: float, stamps: np.ndarray) -> np.ndarray:
    return np.concatenate([piece.times for piece in Dejitter(rate).push(stamps)])


def test_exact_stamps_stay_exact() -> None:
    stamps = 5000.0 + np.arange(10_000) / 128
    np.testing.assert_allclose(steady(128, stamps), stamps, atol=1e-9)


def test_jitter_is_smoothed_and_drift_is_followed() -> None:
    rng = np.random.default_rng(0)
    true = 100.0 + np.arange(128 * 120) / (128 * (1 + 100e-6))
    found = steady(128, true + rng.uniform(-4e-3, 4e-3, len(true)))
    assert len(found) == len(true)  # no jitter taken for a gap: one piece
    assert np.abs(found - true)[128 * 5 :].max() < 1e-3


def test_time_is_right_at_once_behind_a_gap() -> None:
    """The failure of liblsl's own dejitter: there the error is 972 ms at first and 223 ms 13 s later."""
    rng = np.random.default_rng(1)
    true = np.concatenate([np.arange(1280) / 128, 11 + np.arange(1280) / 128])
    pieces = Dejitter(128).push(true + rng.uniform(-1e-3, 1e-3, len(true)))
    assert [piece.continues for piece in pieces] == [False, False]
    assert (pieces[1].first, pieces[1].last) == (1280, 2560)
    assert np.abs(pieces[1].times - true[1280:]).max() < 1.5e-3


def test_a_slow_stream_keeps_its_jitter_without_breaking() -> None:
    rng = np.random.default_rng(2)
    true = np.arange(400) / 4
    assert len(Dejitter(4).push(true + rng.uniform(-0.01, 0.01, 400))) == 1


@settings(max_examples=50, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 600), max_size=8),
    gaps=st.lists(st.tuples(st.integers(1, 599), st.floats(0.05, 5)), max_size=3),
    seed=st.integers(0, 99),
)
def test_times_do_not_depend_on_how_stamps_are_chopped(
    cuts: list[int], gaps: list[tuple[int, float]], seed: int
) -> None:
    stamps = np.arange(600) / 128 + np.random.default_rng(seed).uniform(-1e-3, 1e-3, 600)
    for at, seconds in gaps:
        stamps[at:] += seconds
    whole = steady(128, stamps)
    chopped = Dejitter(128)
    parts = [piece.times for part in np.split(stamps, sorted(cuts)) for piece in chopped.push(part)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("lost", [1, 2, 50])
def test_lost_samples_begin_a_new_run(lost: int) -> None:
    stamps = np.delete(np.arange(600) / 128, slice(300, 300 + lost))
    pieces = Dejitter(128).push(stamps)
    assert [(piece.first, piece.last) for piece in pieces] == [(0, 300), (300, 600 - lost)]
