"""One person's part of a corpus as it lies on disk until all are there."""

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict
from memhacl.train.window_file import check_sum

ROWS = np.dtype([("trial", "i4"), ("hop", "i4"), ("start", "f8")])


class TrialRecord(Strict):
    """What is known of a trial; ``digest`` (hex) is that of its samples, empty where it has none."""

    stimulus: str
    ratings: Mapping[str, float]
    planted: Mapping[str, float]
    categories: Mapping[str, str]
    digest: str


class Part(Strict):
    """One person's part: what the windows' file holds and what was left out.

    ``signals`` is the spec with what the owners had already done. ``unfit`` says why the person's signals do not
    fit the montage, and is empty where they do. ``check`` is the crc32 of windows and rows.
    """

    person: str
    source: str
    simulated: bool
    signals: SignalSpec
    scales: Mapping[str, tuple[float, float]]
    trials: tuple[TrialRecord, ...]
    excluded: Mapping[str, int]
    excluded_trials: Mapping[str, int]
    notes: tuple[str, ...]
    unfit: str = ""
    windows: int = 0
    check: int = 0


def save(part: Part, windows: NDArray[np.float32], rows: NDArray[np.void], folder: Path) -> None:
    """Write a part's files to ``folder``; the one by which it counts as there comes last, and at once."""
    stem = folder / _stem(part.person)
    np.save(f"{stem}.windows.npy", windows)
    np.save(f"{stem}.rows.npy", rows)
    temporary = stem.with_name(f"{stem.name}.json.partial")
    temporary.write_text(part.model_dump_json(), encoding="utf-8")
    os.replace(temporary, stem.with_name(f"{stem.name}.json"))


def saved(person: str, folder: Path) -> Part | None:
    """Return the part that ``folder`` holds of ``person``, whole and unchanged; None otherwise."""
    try:
        text = (folder / f"{_stem(person)}.json").read_text(encoding="utf-8")
        part = Part.parse(json.loads(text), person, DataError)
        return part if part_check(*contents(part, folder)) == part.check else None
    except (OSError, ValueError, DataError):
        return None


def contents(part: Part, folder: Path) -> tuple[NDArray[np.float32], NDArray[np.void]]:
    """Windows (rows, channels, samples) of a part, memory-mapped, and their rows (rows,)."""
    stem = folder / _stem(part.person)
    return np.load(f"{stem}.windows.npy", mmap_mode="r"), np.load(f"{stem}.rows.npy")


def part_check(windows: NDArray[np.float32], rows: NDArray[np.void]) -> int:
    """Return the crc32 of a part's windows (rows, channels, samples) and rows (rows,)."""
    return zlib.crc32(rows.tobytes(), check_sum(windows))


def _stem(person: str) -> str:
    """Return a file's name for any person's name."""
    return hashlib.sha256(person.encode()).hexdigest()[:16]
