"""Steady times from jittered stamps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memhacl.stream.path.dejitter import HOLD, Dejitter, Piece


def pieces(rate: float, stamps: np.ndarray) -> list[Piece]:
    clock = Dejitter(rate)
    return clock.push(stamps) + clock.flush()


def steady(rate: float, stamps: np.ndarray) -> np.ndarray:
    return np.concatenate([piece.times for piece in pieces(rate, stamps)])


def begins(found: list[Piece]) -> list[int]:
    """Numbers of the samples with which runs begin."""
    starts = np.cumsum([0, *(len(piece.times) for piece in found)])
    return [int(start) for start, piece in zip(starts, found, strict=False) if not piece.continues]


def strayed(true: np.ndarray, jitter: float, backward: float, seed: int) -> np.ndarray:
    """Stamps as laboratories record them: jitter all along, and a share of stamps far behind."""
    rng = np.random.default_rng(seed)
    stamps = true + rng.uniform(-jitter, jitter, len(true))
    back = rng.random(len(true)) < backward
    back[[0, -1]] = False  # nothing tells whether the first or the last stamp is astray
    return stamps - back * rng.uniform(5e-3, 29e-3, len(true))


def test_exact_stamps_stay_exact() -> None:
    stamps = 5000.0 + np.arange(10_000) / 128
    np.testing.assert_allclose(steady(128, stamps), stamps, atol=1e-9)


@pytest.mark.parametrize("ppm", [-100e-6, 0.0, 100e-6])
@pytest.mark.parametrize(("rate", "within"), [(4.0, 3.5e-3), (128.0, 2.5e-3), (1000.0, 1.5e-3)])
def test_a_laboratorys_stamps_give_times_within_half_a_slot(rate: float, within: float, ppm: float) -> None:
    """+-8 ms of jitter, 4 % of stamps up to 29 ms behind, a clock that drifts: half a slot is 3.9 ms."""
    true = 100.0 + np.arange(int(rate * 300)) / (rate * (1 + ppm))
    found = pieces(rate, strayed(true, 8e-3, 0.04, seed=3))
    assert begins(found) == [0]  # nothing was taken for a gap
    times = np.concatenate([piece.times for piece in found])
    assert np.abs(times - true)[int(5 * rate) :].max() < within
    assert (np.diff(times) > 0).all()


def test_a_rate_half_a_percent_off_is_learnt_and_no_gap() -> None:
    true = np.arange(128 * 60) / (128 * 1.005)
    found = pieces(128, true + np.random.default_rng(0).uniform(-2e-3, 2e-3, len(true)))
    assert begins(found) == [0]
    assert np.abs(np.concatenate([piece.times for piece in found]) - true)[256:].max() < 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_time_is_right_at_once_behind_a_gap(seed: int) -> None:
    """The failure of liblsl's own dejitter: there the error is 972 ms at first and 223 ms 13 s later."""
    true = np.concatenate([np.arange(12_800) / 128, 101 + np.arange(1280) / 128])
    found = pieces(128, strayed(true, 4e-3, 0.0, seed))
    assert begins(found) == [0, 12_800]
    error = np.abs(np.concatenate([piece.times for piece in found]) - true)[12_800:]
    assert error.max() < 2.5e-3
    assert error[128:].max() < 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_a_slow_stream_goes_on_in_step_behind_a_gap(seed: int) -> None:
    """At 4 Hz there is no time to average the first stamps, which are off by up to 8 ms."""
    true = np.delete(np.arange(1200), slice(800, 820)) / 4
    times = steady(4, strayed(true, 8e-3, 0.0, seed))
    assert np.abs(times - true)[800:].max() < 3.9e-3


def test_a_slow_stream_that_began_anew_is_not_forced_into_step() -> None:
    true = np.arange(1200) / 4
    true[800:] += 5.1
    times = steady(4, strayed(true, 8e-3, 0.0, 0))
    assert np.abs(times - true)[800:].max() < 9e-3


def test_a_slow_stream_keeps_its_jitter_without_breaking() -> None:
    assert begins(pieces(4, strayed(np.arange(400) / 4, 0.01, 0.0, seed=2))) == [0]


@pytest.mark.parametrize("lost", [1, 2, 50])
def test_lost_samples_begin_a_new_run(lost: int) -> None:
    stamps = np.delete(np.arange(600) / 128, slice(300, 300 + lost))
    assert begins(pieces(128, stamps)) == [0, 300]
    np.testing.assert_allclose(steady(128, stamps), stamps, atol=1e-9)


def test_two_gaps_within_a_moment_are_two() -> None:
    stamps = np.delete(np.arange(600) / 128, [*range(300, 350), *range(354, 400)])
    assert begins(pieces(128, stamps)) == [0, 300, 304]
    np.testing.assert_allclose(steady(128, stamps), stamps, atol=1e-9)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_loss_that_jitter_hides_is_found_by_its_lasting(lost: int) -> None:
    """8 ms a sample lost, under +-8 ms of jitter: within a second a run begins at the right time."""
    true = np.delete(np.arange(6000), slice(3000, 3000 + lost)) / 128
    found = pieces(128, strayed(true, 8e-3, 0.0, seed=1))
    first, second = begins(found)
    assert first == 0
    assert 3000 <= second <= 3128
    times = np.concatenate([piece.times for piece in found])
    assert np.abs(times - true)[second + 64 :].max() < 3e-3


def test_a_stamp_astray_is_neither_gap_nor_wrong_time() -> None:
    true = np.arange(1280) / 128
    stamps = true.copy()
    stamps[[300, 500, 501, 700]] += [-0.029, 0.2, -0.1, 40.0]
    found = pieces(128, stamps)
    assert begins(found) == [0]
    np.testing.assert_allclose(np.concatenate([piece.times for piece in found]), true, atol=1e-6)


@pytest.mark.parametrize("spread", [0.0, 1e-4], ids=["one stamp", "a burst"])
def test_a_packet_has_its_last_samples_time(spread: float) -> None:
    """16 samples arrive at once and are stamped then: only the last one has just been taken."""
    true = np.arange(16 * 200) / 128
    stamps = true[15::16].repeat(16) - np.tile(np.arange(16)[::-1] * spread, 200)
    found = pieces(128, stamps)
    assert begins(found) == [0]
    assert np.abs(np.concatenate([piece.times for piece in found]) - true).max() < 2e-3


@pytest.mark.parametrize("jump", [-5.0, 5.0, -0.1, 1.7e9])
def test_a_jump_begins_a_run_at_the_new_time(jump: float) -> None:
    stamps = np.arange(600) / 128
    stamps[300:] += jump
    assert begins(pieces(128, stamps)) == [0, 300]
    np.testing.assert_allclose(steady(128, stamps), stamps, atol=1e-6)


def test_no_sample_waits_longer_than_said() -> None:
    clock = Dejitter(128)
    stamps = np.arange(300) / 128
    clock.push(stamps)
    assert clock.held == 0
    for held in range(1, 13):
        clock.push(stamps[held - 1 : held] + 60)
        assert clock.held == held
    assert held + 1 == np.ceil(HOLD * 128)
    (piece,) = clock.push(stamps[12:13] + 60)
    assert len(piece.times) == 13
    assert not piece.continues


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 600), max_size=8),
    gaps=st.lists(st.tuples(st.integers(1, 599), st.floats(-1, 5)), max_size=3),
    jitter=st.sampled_from([0.0, 1e-3, 8e-3]),
    packet=st.sampled_from([1, 5, 16]),
    seed=st.integers(0, 99),
)
def test_times_do_not_depend_on_how_stamps_are_chopped(
    cuts: list[int], gaps: list[tuple[int, float]], jitter: float, packet: int, seed: int
) -> None:
    stamps = strayed(np.arange(600) / 128, jitter, 0.04, seed)
    stamps = stamps[packet - 1 :: packet].repeat(packet)[:600]
    for at, seconds in gaps:
        stamps[at:] += seconds
    whole = pieces(128, stamps)
    chopped = Dejitter(128)
    parts = [piece for part in np.split(stamps, sorted(cuts)) for piece in chopped.push(part)] + chopped.flush()
    assert begins(parts) == begins(whole)
    times = np.concatenate([piece.times for piece in whole])
    assert len(times) == len(stamps)
    np.testing.assert_array_equal(np.concatenate([piece.times for piece in parts]), times)
    assert all((np.diff(piece.times) > 0).all() for piece in whole)


@pytest.mark.parametrize("deviation", [0.2e-3, 0.4e-3])
def test_single_losses_are_found_at_ordinary_jitter(deviation: float) -> None:
    """At 256 Hz, one of 200 samples lost: a stamp that fits by chance must not make losses into strays."""
    rng = np.random.default_rng(0)
    kept = np.flatnonzero(rng.random(256 * 120) > 0.005)
    true = kept / 256
    found = pieces(256, true + rng.normal(scale=deviation, size=len(true)))
    error = np.abs(np.concatenate([piece.times for piece in found]) - true)
    assert (error[512:] > 2e-3).mean() < 0.002
    apart = np.diff(np.flatnonzero(np.diff(kept) > 1)) > 64  # losses that stand alone
    assert len(begins(found)) > 0.9 * apart.sum()
