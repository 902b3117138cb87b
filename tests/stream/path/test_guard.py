"""Streams on another clock, or whose clock jumps, carried over by arrival."""

import numpy as np
import pytest

from memhacl.stream.path.guard import Guard

RATE, CHUNK = 128.0, 16


def opened(rate: float = RATE, others: list[Guard] | None = None) -> Guard:
    guard = Guard([] if others is None else others)
    guard.restart(rate)
    return guard


def carried(
    stamps: np.ndarray, arrivals: np.ndarray, guard: Guard | None = None, chunk: int = CHUNK
) -> np.ndarray:
    """Stamps after the guard, NaN where it leaves the sample out; ``arrivals`` (chunks,) of their chunks."""
    guard = guard or opened()
    out = []
    for part, now in zip(stamps.reshape(-1, chunk), arrivals, strict=True):
        shifted, take = guard.push(part, now)
        out.append(np.where(take, shifted, np.nan))
    return np.concatenate(out)


def taken(seconds: float, start: float = 1000.0) -> tuple[np.ndarray, np.ndarray]:
    """When samples were taken, and when their chunks came, 5 to 25 ms later."""
    times = start + np.arange(int(seconds * RATE)) / RATE
    delays = np.random.default_rng(0).uniform(5e-3, 25e-3, len(times) // CHUNK)
    return times, times[CHUNK - 1 :: CHUNK] + delays


def test_a_stream_on_the_common_clock_is_left_exactly_as_it_is() -> None:
    times, arrivals = taken(20)
    np.testing.assert_array_equal(carried(times, arrivals), times)


@pytest.mark.parametrize("offset", [1.7e9, -900.0, 3.0, 0.8], ids=["Unix time", "old", "future", "a little ahead"])
def test_another_clock_is_placed_by_arrival(offset: float) -> None:
    times, arrivals = taken(60)
    error = (carried(times + offset, arrivals) - times)[128:]
    assert np.abs(error).max() < 0.03  # the delay is not known
    assert np.ptp(error) < 0.03


def test_another_clocks_drift_is_followed() -> None:
    """300 ppm against the common clock would be half a second after half an hour."""
    times, arrivals = taken(1800)
    error = (carried(1.7e9 + times * (1 + 300e-6), arrivals) - times)[128:]
    assert np.abs(error).max() < 0.06


def test_two_streams_of_one_foreign_clock_stay_aligned() -> None:
    times, arrivals = taken(600)
    guards: list[Guard] = []
    stamps = 1.7e9 + times * (1 + 100e-6)
    one = carried(stamps, arrivals, opened(others=guards))
    # opened when the first has followed its clock for a while; its chunks come later
    other = carried(stamps[-640:], arrivals[-40:] + 0.2, opened(others=guards))
    np.testing.assert_allclose(other[-CHUNK:], one[-CHUNK:], atol=5e-3)


@pytest.mark.parametrize("jump", [-3600.0, -5.0, -0.3, 0.3, 5.0, 20.0])
def test_a_clock_that_jumps_while_samples_go_on_is_undone(jump: float) -> None:
    times, arrivals = taken(20)
    stamps = times.copy()
    stamps[1000:] += jump  # in the midst of a chunk
    guard = opened()
    got = carried(stamps, arrivals, guard)
    np.testing.assert_allclose(got[1000 + 64 :], times[1000 + 64 :], atol=2e-3)
    present = np.isfinite(got)
    np.testing.assert_allclose(got[present], times[present], atol=2e-3)  # none at a wrong time meanwhile
    assert guard.jumps == 1


def test_a_clock_that_comes_back_is_believed_again() -> None:
    times, arrivals = taken(20)
    stamps = times.copy()
    stamps[800:1600] += 7.0
    guard = opened()
    got = carried(stamps, arrivals, guard)
    np.testing.assert_array_equal(got[1700:], times[1700:])
    assert guard.shift == 0
    assert guard.jumps == 2


@pytest.mark.parametrize("pause", [0.15, 0.6, 1.5, 10.0, 600.0])
def test_a_true_pause_is_left_alone(pause: float) -> None:
    times, arrivals = taken(20)
    times[1024:] += pause
    arrivals[1024 // CHUNK :] += pause
    np.testing.assert_array_equal(carried(times, arrivals), times)


def test_a_clock_that_was_set_back_during_a_pause_is_placed_by_arrival() -> None:
    times, arrivals = taken(20)
    times[1024:] += 30.0
    arrivals[1024 // CHUNK :] += 30.0
    stamps = times.copy()
    stamps[1024:] -= 652_340.0  # the machine was started anew
    got = carried(stamps, arrivals)
    np.testing.assert_allclose(got[1024 + 64 :], times[1024 + 64 :], atol=0.03)


@pytest.mark.parametrize("lost", [0.0, 3.0])
@pytest.mark.parametrize("outage", [4.0, 6.0, 10.0])
def test_a_backlog_is_believed_though_something_is_missing_from_it(outage: float, lost: float) -> None:
    """A program stalls and sends what it kept, or a part of it: late stamps prove nothing about the clock."""
    times, arrivals = taken(40)
    kept = (times < 1010) | (times >= 1010 + lost)
    late = np.where((arrivals > 1010) & (arrivals < 1010 + outage), 1010 + outage + arrivals * 1e-6, arrivals)
    keep = kept.reshape(-1, CHUNK).all(axis=1)
    sent = times.reshape(-1, CHUNK)[keep].ravel()
    np.testing.assert_array_equal(carried(sent, late[keep]), sent)


@pytest.mark.parametrize("seed", range(5))
def test_losses_and_changing_delays_are_no_jumps(seed: int) -> None:
    """A queue fills, and drops what does not fit, again and again."""
    rng = np.random.default_rng(seed)
    times, arrivals = taken(120)
    rows, at = times.reshape(-1, CHUNK), arrivals + 0.2 * np.abs(np.sin(np.arange(len(arrivals)) / 7))
    keep = rng.random(len(rows)) > 0.05
    sent = rows[keep].ravel()
    np.testing.assert_array_equal(carried(sent, np.maximum.accumulate(at[keep])), sent)


def test_a_stray_stamp_is_left_out_alone() -> None:
    times, arrivals = taken(20)
    stamps = times.copy()
    stamps[[700, 900, 1100, 1300]] += [3600.0, -3600.0, np.nan, np.inf]
    got = carried(stamps, arrivals)
    assert np.isnan(got[[700, 900, 1100, 1300]]).all()
    rest = np.setdiff1d(np.arange(len(times)), [700, 900, 1100, 1300])
    np.testing.assert_array_equal(got[rest], times[rest])


def test_a_slow_or_irregular_stream_may_pause_and_be_late() -> None:
    rng = np.random.default_rng(1)
    times = 100.0 + np.cumsum(rng.uniform(0.2, 8.0, 200))
    delays = np.where(rng.random(200) < 0.1, 1.2, 0.01)
    arrivals = np.maximum.accumulate(times + delays)
    np.testing.assert_array_equal(carried(times, arrivals, opened(0.0), chunk=1), times)


def test_the_way_may_be_longer_at_first_or_later() -> None:
    times, arrivals = taken(60)
    for late in (arrivals <= 1002, arrivals > 1030):  # old samples first; a slower network in the end
        np.testing.assert_array_equal(carried(times, np.maximum.accumulate(arrivals + 1.5 * late)), times)
