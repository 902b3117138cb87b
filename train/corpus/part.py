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
from memhacl.train.corpus.window_file import WindowWriter, check_sum

_BATCH = 256  # windows that are kept in memory before they are written
ROWS = np.dtype([("trial", "i4"), ("hop", "i4"), ("start", "f8")])


class TrialRecord(Strict):
    """What is known of a trial; ``digest`` (hex) is that of its samples, empty where it has none.

    ``rest`` is when the rest period that it is compared with began and ended (s), equal where there is none.
    """

    stimulus: str
    ratings: Mapping[str, float]
    planted: Mapping[str, float]
    categories: Mapping[str, str]
    digest: str
    rest: tuple[float, float]


class Part(Strict):
    """One person's part: what the windows' file holds and what was left out.

    ``signals`` is the spec with what the owners had already done. ``unfit`` says why the person's signals do not
    fit the montage, and is empty where they do. ``key`` is that of the settings and data that it was cut under,
    ``check`` the crc32 of windows and rows.
    """

    person: str
    key: str
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


class PartWriter:
    """Writes one person's windows to ``folder`` as they come, so that they need not all be in memory."""

    def __init__(self, person: str, shape: tuple[int, int], folder: Path) -> None:
        self._stem = folder / _stem(person)
        self._json = self._stem.with_name(f"{self._stem.name}.json")
        self._json.unlink(missing_ok=True)  # by it the part counts as there
        self._windows = WindowWriter(Path(f"{self._stem}.windows.npy"), shape)
        self._batch: list[NDArray[np.float32]] = []
        self._rows: list[tuple[int, int, float]] = []
        self._check = 0

    def add(self, window: NDArray[np.float32], trial: int, hop: int, start: float) -> None:
        """Take a window (channels, samples) that starts at ``start`` (s), and its trial's and hop's number."""
        self._batch.append(window)
        self._rows.append((trial, hop, start))
        if len(self._batch) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            windows = np.stack(self._batch)
            self._check = check_sum(windows, self._check)
            self._windows.append(windows)
            self._batch.clear()

    def finish(self, part: Part) -> Part:
        """Write the rest and what is known of the part; return it with number and check sum of its windows."""
        self._flush()
        self._windows.close()
        rows = np.array(self._rows, dtype=ROWS)
        np.save(f"{self._stem}.rows.npy", rows)
        check = zlib.crc32(rows.tobytes(), self._check)
        whole = part.model_copy(update={"windows": len(rows), "check": check})
        temporary = self._json.with_name(f"{self._json.name}.partial")
        temporary.write_text(whole.model_dump_json(), encoding="utf-8")
        os.replace(temporary, self._json)
        return whole

    def abandon(self) -> None:
        """Close the file of a part that will not be finished."""
        self._windows.close()


def saved(person: str, folder: Path, key: str) -> Part | None:
    """Return the part that ``folder`` holds of ``person``, if it is whole and was cut under ``key``; else None."""
    try:
        text = (folder / f"{_stem(person)}.json").read_text(encoding="utf-8")
        part = Part.parse(json.loads(text), person, DataError)
        if part.key != key:
            return None
        windows, rows = contents(part, folder)
        return part if zlib.crc32(rows.tobytes(), check_sum(windows)) == part.check else None
    except (OSError, ValueError, EOFError, DataError):  # numpy: EOFError for an empty file
        return None


def contents(part: Part, folder: Path) -> tuple[NDArray[np.float32], NDArray[np.void]]:
    """Windows (rows, channels, samples) of a part, memory-mapped, and their rows (rows,)."""
    stem = folder / _stem(part.person)
    return np.load(f"{stem}.windows.npy", mmap_mode="r"), np.load(f"{stem}.rows.npy")


def _stem(person: str) -> str:
    """Return a file's name for any person's name."""
    return hashlib.sha256(person.encode("utf-8", "surrogateescape")).hexdigest()[:16]
