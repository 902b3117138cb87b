"""Streams on another clock, or whose clock jumps, carried over by arrival."""

import numpy as np
import pytest

from memhacl.stream.path.guard import Guard

RATE, CHUNK = 128.0, 16


def opened(rate: float = RATE, others: list[Guard] | None = None) -> Guard:
    guard = Guard([] if others is None else others)
    guard.restart(rate)
    return guard


def carried(stamps: np.ndarray, arrivals: np.ndarray, guard: Guard | None = None) -> np.ndarray:
    """Stamps after the guard; ``arrivals`` (chunks,) of chunks of 16 samples."""
    guard = guard or opened()
    chunks = stamps.reshape(-1, CHUNK)
    return np.concatenate([guard.push(part, now) for part, now in zip(chunks, arrivals, strict=True)])


def taken(seconds: float, start: float = 1000.0) -> tuple[np.ndarray, np.ndarray]:
    """When samples were taken, and when their chunks came, 5 to 25 ms later."""
    times = start + np.arange(int(seconds * RATE)) / RATE
    delays = np.random.default_rng(0).uniform(5e-3, 25e-3, len(times) // CHUNK)
    return times, times[CHUNK - 1 :: CHUNK] + delays


def test_a_stream_on_the_common_clock_is_left_exactly_as_it_is() -> None:
    times, arrivals = taken(20)
    np.testing.assert_array_equal(carried(times, arrivals), times)


@pytest.mark.parametrize("offset", [1.7e9, -900.0, 3.0], ids=["Unix time", "old", "future"])
def test_another_clock_is_placed_by_arrival(offset: float) -> None:
    times, arrivals = taken(60)
    error = carried(times + offset, arrivals) - times
    assert np.abs(error).max() < 0.03  # the delay of the first chunk is not known
    assert np.ptp(error) < 0.03


def test_another_clocks_drift_is_followed() -> None:
    """300 ppm against the common clock would be half a second after half an hour."""
    times, arrivals = taken(1800)
    error = carried(1.7e9 + times * (1 + 300e-6), arrivals) - times
    assert np.abs(error).max() < 0.06


def test_two_streams_of_one_foreign_clock_stay_aligned() -> None:
    times, arrivals = taken(600)
    guards: list[Guard] = []
    stamps = 1.7e9 + times * (1 + 100e-6)
    one = carried(stamps, arrivals, opened(others=guards))
    later = opened(
        others=guards
    )  # opened when the first has followed its clock for a while; its chunks come later
    other = later.push(stamps[-CHUNK:], arrivals[-1] + 0.2)
    np.testing.assert_allclose(other, one[-CHUNK:], atol=1e-3)


@pytest.mark.parametrize("jump", [-3600.0, -5.0, 5.0, 20.0])
def test_a_clock_that_jumps_while_samples_go_on_is_undone(jump: float) -> None:
    times, arrivals = taken(20)
    stamps = times.copy()
    stamps[1000:] += jump  # in the midst of a chunk
    guard = opened()
    assert np.abs(carried(stamps, arrivals, guard) - times).max() < 0.03
    assert guard.jumps == 1


@pytest.mark.parametrize("jump", [-0.6, -0.15, 0.15, 0.6])
def test_a_small_jump_is_undone_after_a_second(jump: float) -> None:
    times, arrivals = taken(20)
    stamps = times.copy()
    stamps[1000:] += jump
    guard = opened()
    error = np.abs(carried(stamps, arrivals, guard) - times)
    assert error[1000 + int(1.3 * RATE) :].max() < 5e-3
    assert guard.jumps == 1
    back = np.abs(carried(times + 20, arrivals + 20, guard) - times - 20)  # and back again
    assert back[int(1.3 * RATE) :].max() < 5e-3


@pytest.mark.parametrize("lost", [0.15, 0.6])
def test_a_small_loss_or_a_longer_way_is_no_jump(lost: float) -> None:
    times, arrivals = taken(20)
    times[1024:] += lost
    arrivals[64:] += lost
    arrivals[100:] += 0.3  # from here on the network is slower
    np.testing.assert_array_equal(carried(times, arrivals), times)


def test_a_clock_that_comes_back_is_believed_again() -> None:
    times, arrivals = taken(20)
    stamps = times.copy()
    stamps[800:1600] += 7.0
    guard = opened()
    got = carried(stamps, arrivals, guard)
    np.testing.assert_array_equal(got[1600:], times[1600:])
    assert guard.shift == 0
    assert guard.jumps == 2


@pytest.mark.parametrize("pause", [1.5, 10.0, 600.0])
def test_a_true_pause_is_left_alone(pause: float) -> None:
    times, arrivals = taken(20)
    times[1024:] += pause
    arrivals[1024 // CHUNK :] += pause
    np.testing.assert_array_equal(carried(times, arrivals), times)


def test_a_clock_that_jumped_during_a_pause_is_placed_by_arrival() -> None:
    times, arrivals = taken(20)
    times[1024:] += 30.0
    arrivals[1024 // CHUNK :] += 30.0
    stamps = times.copy()
    stamps[1024:] -= 652_340.0  # the machine was started anew
    assert np.abs(carried(stamps, arrivals) - times).max() < 0.03


def test_a_stalled_program_that_sends_what_it_kept_is_left_alone() -> None:
    times, arrivals = taken(20)
    late = arrivals.copy()
    late[40:60] = arrivals[60]  # 2.5 s come at once
    np.testing.assert_array_equal(carried(times, late), times)


def test_a_slow_or_irregular_stream_may_pause_between_samples() -> None:
    times = 100.0 + np.cumsum(np.random.default_rng(1).uniform(0.2, 8.0, 200))
    guard = opened(0.0)
    for time in times:
        np.testing.assert_array_equal(guard.push(np.array([time]), time + 0.01), [time])
