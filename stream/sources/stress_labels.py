"""Stress-Predict's labels: one for each second of everyone, in one table, turned into trials."""

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Trial
from memhacl.stream.sources.formats.empatica import read_text
from memhacl.stream.sources.runs import runs

LABELS: Final = Path("Processed_data") / "Improved_All_Combined_hr_rsp_binary.csv"
COLUMNS: Final = ("Participant", "Time(sec)", "Label")
# The three tasks in the order in which everyone did them, with rest before, between and after.
USUAL: Final = ("rest-1", "stroop", "rest-2", "interview", "rest-3", "hyperventilation", "rest-4")
UNUSUAL: Final = "its labels are not four rests with three tasks between them; tasks are numbered, not named"
_KINDS: Final = ("rest", "stress")  # of label 0 and label 1
_HOLE: Final = 1.5  # s between seconds, at more than which something is missing

Table = dict[str, NDArray[np.float64]]


def read_labels(path: Path) -> Table:
    """Return each person's (seconds, 2) labels: time in seconds since 1970, and 0 or 1. Read once in a process.

    Raises
    ------
    DataError
        It cannot be read, or is not the table.
    """
    try:
        status = path.stat()
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
def _read(path: Path, changed: int, size: int) -> Table:
    lines = read_text(path).split("\n")
    header = [name.strip() for name in lines[0].split(",")]
    if not set(COLUMNS) <= set(header):
        raise DataError(f"{path}: expected the columns {', '.join(COLUMNS)}, found {lines[0].strip()!r:.80}")
    places = [header.index(name) for name in COLUMNS]
    rows = np.array([_row(path, index, line, places) for index, line in enumerate(lines[1:]) if line.strip()])
    if len(rows) == 0:
        raise DataError(f"{path}: expected a row for each second, found none")
    return {
        f"S{int(number):02d}": _in_order(path, number, rows[rows[:, 0] == number, 1:])
        for number in np.unique(rows[:, 0])
    }


def _row(path: Path, index: int, line: str, places: list[int]) -> tuple[float, float, float]:
    cells = line.split(",")
    try:
        person, time, label = (float(cells[place]) for place in places)
    except (ValueError, IndexError):
        raise DataError(
            f"{path}: line {index + 2}: expected numbers for {', '.join(COLUMNS)}, found {line.strip()!r:.80}"
        ) from None
    if not (person.is_integer() and np.isfinite(time) and label in (0, 1)):
        raise DataError(
            f"{path}: line {index + 2}: expected a person, a time and 0 or 1, found {line.strip()!r:.80}"
        )
    return person, time, label


def _in_order(path: Path, number: float, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    back = np.flatnonzero(np.diff(rows[:, 0]) <= 0)
    if len(back):
        raise DataError(
            f"{path}: participant {number:g}: expected rising times, found {rows[back[0] + 1, 0]:.0f} "
            f"after {rows[back[0], 0]:.0f}"
        )
    return rows


def trials_of(labels: NDArray[np.float64], zero: float, end: float) -> tuple[Trial, ...]:
    """Turn ``labels`` (seconds, 2) into a trial for each run of equal labels, as far as there are signals.

    ``zero`` is the recording's time 0 in seconds since 1970; signals last from 0 to ``end``. A run outside them
    becomes no trial.
    """
    found = _runs(labels)
    seen = [0, 0]
    trials = []
    for place, (first, stop) in enumerate(found):
        label = int(labels[first, 1])
        seen[label] += 1
        name = USUAL[place] if is_usual(labels) else f"{_KINDS[label]}-{seen[label]}"
        onset = max(float(labels[first, 0]) - zero, 0.0)
        last = min(float(labels[stop - 1, 0]) + 1.0 - zero, end)
        if onset < last:
            trials.append(Trial(name, onset, onset, last, categories={"stress": _KINDS[label]}))
    return tuple(trials)


def is_usual(labels: NDArray[np.float64]) -> bool:
    """Whether ``labels`` (seconds, 2) are four rests with three tasks between them: then the tasks are known."""
    return [int(labels[first, 1]) for first, _ in _runs(labels)] == [0, 1, 0, 1, 0, 1, 0]


def count_runs(labels: NDArray[np.float64]) -> int:
    """Return the number of runs of equal ``labels`` (seconds, 2)."""
    return len(_runs(labels))


def _runs(labels: NDArray[np.float64]) -> list[tuple[int, int]]:
    return runs(labels[:, 1], np.diff(labels[:, 0]) > _HOLE)
