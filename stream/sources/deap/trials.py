"""Trials of an original DEAP recording: the videos that its status marks, put to the rows of the ratings."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Trial
from memhacl.stream.sources.deap.presentations import STIMULI, Rated

BEFORE: Final = 3  # status: the fixation cross before a video
VIDEO: Final = 4
AFTER: Final = 5  # the fixation cross after it
SECONDS: Final = 60.0  # a video lasts
_REST: Final = 30.0  # s; a fixation longer before the video than this belongs to something else
_GLITCH: Final = 0.5  # s; what interrupts a code for less than this is none
_UNITS: Final = (1e-4, 1e-6, 1e-3, 1.0)  # s, that Start_time may count
_NEAR: Final = 1.0  # s, between a marker and its Start_time once they are aligned


@dataclass(frozen=True)
class Video:
    """A video that was shown: start of the rest before it, its own start and end, in seconds."""

    rest: float
    onset: float
    end: float


def videos(words: NDArray[np.uint32], rate: float) -> list[Video]:
    """Return the videos that status ``words`` (samples,) at ``rate`` Hz mark, in time order.

    Without a fixation before it, a video has no rest; without one after it, it lasts 60 s.
    """
    marks = _marks(words, rate)
    found = []
    for (before, rest), (code, onset), (after, end) in zip(
        [(0, 0.0), *marks], marks, [*marks[1:], (0, np.inf)], strict=False
    ):
        if code == VIDEO:
            rests = before == BEFORE and onset - rest <= _REST
            ends = end if after == AFTER else min(onset + SECONDS, end)
            found.append(Video(rest if rests else onset, onset, ends))
    return found


def _marks(words: NDArray[np.uint32], rate: float) -> list[tuple[int, float]]:
    """Return the codes around and of videos, each with the time (s) at which it begins."""
    runs = sorted(run for code in (BEFORE, VIDEO, AFTER) for run in _runs(words == code, code, _GLITCH * rate))
    marks = []
    until = 0
    for first, after, code in runs:
        if first >= until and first > 0:  # not within another code, which it only interrupts
            marks.append((code, first / rate))
        until = max(until, after)
    return marks


def _runs(there: NDArray[np.bool_], code: int, least: float) -> list[tuple[int, int, int]]:
    """Return each run of ``code``, which is ``there`` (samples,): its first sample, the one after it, the code.

    An interruption of fewer than ``least`` samples is none.
    """
    edges = np.flatnonzero(np.diff(there, prepend=False, append=False))
    if not len(edges):
        return []
    begins, ends = edges[::2], edges[1::2]
    apart = begins[1:] - ends[:-1] >= least
    firsts, afters = begins[np.r_[True, apart]].tolist(), ends[np.r_[apart, True]].tolist()
    return [(first, after, code) for first, after in zip(firsts, afters, strict=True)]


def trials(
    path: Path, found: Sequence[Video], rows: Sequence[Rated], length: float
) -> tuple[tuple[Trial, ...], dict[str, int], tuple[str, ...]]:
    """Return trials of the videos in a recording of ``length`` s, what was left out by reason, and notes.

    Raises
    ------
    DataError
        No video is marked, or it cannot be told which row belongs to which video.
    """
    if not found:
        raise DataError(
            f"{path}: expected video markers (status {VIDEO}), found none in {length:g} s; copy the file again "
            "from its original, or leave this person out"
        )
    pairs = match(path, found, rows)
    excluded = Counter(
        no_rating=len(found) - len(pairs),
        no_video_marker=len(rows) - len(pairs),
        cut_off=sum(found[video].end > length for video, _ in pairs),
    )
    kept = tuple(
        Trial(rows[row].stimulus, found[video].rest, found[video].onset, found[video].end, rows[row].ratings)
        for video, row in pairs
        if found[video].end <= length
    )
    left_out = {reason: count for reason, count in excluded.items() if count}
    return kept, left_out, _notes(path, found, rows, kept, left_out)


def _notes(
    path: Path, found: Sequence[Video], rows: Sequence[Rated], kept: Sequence[Trial], left_out: dict[str, int]
) -> tuple[str, ...]:
    notes = []
    if len(found) != len(rows):
        notes.append(f"{path.name}: {len(found)} videos are marked, {len(rows)} are rated")
    if left_out:
        what = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        notes.append(f"{path.name}: trials left out: {what}")
    restless = sum(trial.rest == trial.onset for trial in kept)
    if restless:
        notes.append(f"{path.name}: {restless} videos have no fixation before them, so no rest")
    return tuple(notes)


def match(path: Path, found: Sequence[Video], rows: Sequence[Rated]) -> list[tuple[int, int]]:
    """Return pairs (video, row) of those that belong together, in time order.

    Raises
    ------
    DataError
        Start_time agrees with no pairing or with several or, where it is not there, counts do not tell which.
    """
    onsets = np.array([video.onset for video in found])
    begun = np.array([row.begun for row in rows])
    pairs = _numbered(found, rows)
    timed = [(video, row) for video, row in pairs if np.isfinite(begun[row])]
    told = len(timed) == len(pairs) > 1  # by all of Start_time; otherwise the counts must tell it too
    if pairs and (told or _complete(found, rows)) and (len(timed) < 2 or _agree(onsets, begun, timed)):
        return pairs
    aligned = align(onsets, begun)
    if aligned is None:
        raise DataError(
            f"{path}: expected a video marker (status {VIDEO}) for each of {len(rows)} rated trials, found "
            f"{len(found)}, and Start_time does not tell which belong together; leave this person out"
        )
    return aligned


def _numbered(found: Sequence[Video], rows: Sequence[Rated]) -> list[tuple[int, int]]:
    """Pair by number where each presentation seems to have its marker, else by order; [] where neither can be."""
    if rows and len(found) in (rows[-1].trial, STIMULI) and 1 <= rows[0].trial and rows[-1].trial <= len(found):
        return [(row.trial - 1, index) for index, row in enumerate(rows)]
    return [(index, index) for index in range(len(rows))] if len(found) == len(rows) else []


def _complete(found: Sequence[Video], rows: Sequence[Rated]) -> bool:
    """Whether no marker is missing, as far as the counts alone tell."""
    numbers = [row.trial for row in rows]
    every = list(range(1, len(found) + 1))
    return numbers == every or (len(found) == STIMULI and set(numbers) <= set(every))


def _agree(onsets: NDArray[np.float64], begun: NDArray[np.float64], pairs: Sequence[tuple[int, int]]) -> bool:
    """Whether ``pairs`` of ``onsets`` (s) and ``begun`` (another unit and zero) keep one distance."""
    videos, rows = np.array(pairs).T
    apart = onsets[videos] - np.multiply.outer(_UNITS, begun[rows])  # (units, pairs)
    return bool((np.abs(apart - np.median(apart, axis=1, keepdims=True)) <= _NEAR).all(axis=1).any())


def align(onsets: NDArray[np.float64], begun: NDArray[np.float64]) -> list[tuple[int, int]] | None:
    """Pair ``onsets`` (s) with ``begun`` (another unit and zero), so that the shorter has all its partners.

    Returns
    -------
    pairs (onset, begun) in time order; None where no alignment or more than one is that good.
    """
    fewer = min(len(onsets), len(begun))
    if fewer < 2 or not np.isfinite(begun).all():
        return None
    good: dict[tuple[tuple[int, int], ...], None] = {}
    for unit in _UNITS:
        for shift in (onsets[:, None] - begun * unit).ravel().tolist():
            apart = np.abs(onsets[:, None] - (begun * unit + shift))  # (onsets, begun)
            nearest = apart.argmin(axis=1)
            pairs = [(video, int(row)) for video, row in enumerate(nearest) if apart[video, row] <= _NEAR]
            if len(pairs) == fewer and len({row for _, row in pairs}) == fewer:
                good[tuple(pairs)] = None
    return list(next(iter(good))) if len(good) == 1 else None
