"""Which rating belongs to which video of DEAP's original files: whatever is lost, never a wrong one in silence."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.bdf import words

from memhacl.stream.errors import DataError
from memhacl.stream.sources.deap.presentations import Rated
from memhacl.stream.sources.deap.trials import Video, match, videos

FILE = Path("s01.bdf")


def shown(times: Sequence[float]) -> list[Video]:
    return [Video(time, time, time + 60) for time in times]


def rated(times: Sequence[float], unit: float = 1e-4, drift: float = 0.0) -> list[Rated]:
    return [Rated(i + 1, f"{i}", (t * (1 + drift) + 300) / unit, {}) for i, t in enumerate(times)]


def without(items: Sequence, *lost: int) -> list:  # type: ignore[type-arg]
    return [item for index, item in enumerate(items) if index not in lost]


def self_paced(seed: int, count: int) -> list[float]:
    """Onsets of videos: after each, rating takes as long as it takes."""
    return np.cumsum(65 + np.random.default_rng(seed).uniform(5, 40, count)).tolist()


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    count=st.sampled_from([10, 25, 40]),
    unit=st.sampled_from([1e-4, 1e-6, 1e-3, 1.0]),
    drift=st.floats(-50e-6, 50e-6),
    no_marker=st.sets(st.integers(0, 39), max_size=3),
    no_row=st.sets(st.integers(0, 39), max_size=3),
)
def test_what_is_matched_belongs_together(
    seed: int, count: int, unit: float, drift: float, no_marker: set[int], no_row: set[int]
) -> None:
    """Whatever markers and rows are lost, a pair is never a wrong one: rather none at all."""
    times = self_paced(seed, count)
    found = shown(without(times, *no_marker))
    rows = without(rated(times, unit, drift), *no_row)
    try:
        pairs = match(FILE, found, rows)
    except DataError:
        lost_both = no_marker & set(range(count)) and no_row & set(range(count))
        assert lost_both  # of one kind alone, nobody is refused
        return
    assert all(times[rows[row].trial - 1] == found[video].onset for video, row in pairs)
    assert len(pairs) == min(len(found), len(rows))


@pytest.mark.parametrize("no_row", [9, 6, 2])
def test_as_many_markers_as_rows_are_no_proof_that_they_belong_together(no_row: int) -> None:
    times = self_paced(3, 10)
    with pytest.raises(
        DataError, match=r"s01\.bdf: expected a video marker .* 9 rated trials, found 9, and Start"
    ):
        match(FILE, shown(without(times, 4)), without(rated(times), no_row))


def test_a_marker_too_many_and_one_lost_are_no_proof_either() -> None:
    times = self_paced(4, 40)
    found = shown(sorted([*without(times, 12), times[30] + 80]))
    with pytest.raises(DataError, match="40 rated trials, found 40, and Start_time does not tell"):
        match(FILE, found, rated(times))
    assert len(match(FILE, shown(times), rated(times))) == 40


@pytest.mark.parametrize(
    ("markers", "lost", "pairs"),
    [(40, (), 40), (40, (3, 39), 38), (12, (), 12), (12, (3,), None), (12, (11,), None), (11, (3,), None)],
)
def test_without_start_times_only_complete_counts_are_trusted(
    markers: int, lost: tuple[int, ...], pairs: int | None
) -> None:
    count = 40 if markers == 40 else 12
    rows = [Rated(i + 1, f"{i}", math.nan, {}) for i in range(count) if i not in lost]
    found = shown(self_paced(5, count)[:markers])
    if pairs is None:
        with pytest.raises(DataError, match="Start_time does not tell"):
            match(FILE, found, rows)
    else:
        assert match(FILE, found, rows) == [(row.trial - 1, index) for index, row in enumerate(rows)]
        assert len(rows) == pairs


def test_some_start_times_speak_for_their_trials_only() -> None:
    times = self_paced(6, 12)
    rows = [row if row.trial % 3 else Rated(row.trial, row.stimulus, math.nan, {}) for row in rated(times)]
    assert match(FILE, shown(times), rows) == [(index, index) for index in range(12)]
    with pytest.raises(DataError, match="Start_time does not tell"):  # they agree, the counts do not tell
        match(FILE, shown(times[1:]), rows[1:])
    with pytest.raises(DataError, match="Start_time does not tell"):  # the counts fit, they do not agree
        match(FILE, shown(without(times, 4)), rows[:11])


def test_videos_without_fixations_have_no_rest_and_last_a_minute() -> None:
    status = words(64 * 200, {64 * 5: 4, 64 * 90: 3, 64 * 95: 4, 64 * 100: 1, 64 * 140: 3, 64 * 145: 4}, 0).astype(
        "u4"
    )
    assert videos(status, 64.0) == [Video(5, 5, 65), Video(90, 95, 140), Video(140, 145, 205)]
    stale = words(64 * 200, {64: 3, 64 * 2: 7, 64 * 50: 4, 64 * 60: 5}).astype("u4")
    assert videos(stale, 64.0) == [Video(50, 50, 60)]


@pytest.mark.parametrize("other", [0, 5, 6])
def test_a_glitch_within_a_code_is_no_video(other: int) -> None:
    whole = words(64 * 100, {64 * 5: 3, 64 * 10: 4, 64 * 70: 5}, 0).astype("u4")
    expected = [Video(5, 10, 70)]
    assert videos(whole, 64.0) == expected
    for at in (10.05, 10.5, 40.0):
        broken = whole.copy()
        broken[round(64 * at) : round(64 * (at + 0.4))] = other
        assert videos(broken, 64.0) == expected
    broken[64 * 40 : 64 * 41] = 0  # longer than any glitch
    assert len(videos(broken, 64.0)) == 2
