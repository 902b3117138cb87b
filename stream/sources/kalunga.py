"""Kalunga's SSVEP exoskeleton set: EEG of people who look at flickering lights; all trials in one .npz file.

The frequency of the flicker is the stimulus. Raw sessions are read by kalunga_raw.py.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zipfile import is_zipfile

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import TRIAL_GAP, Recording, Segment, Signal, StreamFormat
from memhacl.stream.sources.files import entries, fingerprint, is_dir, is_file, of_person
from memhacl.stream.sources.kalunga_raw import NAME, KalungaRawSource, raw_sessions, trial

DONE: Final = ("zero-phase-1-45-hz", "downsample")
KEYS: Final = ("x", "y", "subject", "fs", "ch", "classes", "t0")
_FLICKER: Final = {"rest": "rest", "13Hz": "13 Hz", "21Hz": "21 Hz", "17Hz": "17 Hz"}


def find(where: Path) -> "KalungaSource | KalungaRawSource | None":
    """Return the source at ``where``: kalunga*.npz or its folder, a raw session, or a folder of raw sessions.

    A folder that holds both is read from the .npz, which has everybody.
    """
    if is_file(where):
        return KalungaSource(where, ()) if _is_epochs(where) else _raw(where)
    if not is_dir(where):
        return None
    epochs = [path for path in entries(where) if _is_epochs(path)]
    sessions = raw_sessions(where)
    if not epochs:
        return _raw(where)
    notes = [f"{path.name}: left out: {epochs[0].name} is read" for path in epochs[1:]]
    if sessions:
        names = [path.name for paths in sessions.values() for path in paths]
        notes.append(
            f"{epochs[0].name} is read, {len(names)} raw session(s) beside it are not; give the file itself "
            f"for that ({', '.join(names[:2])}{', ...' if names[2:] else ''})"
        )
    return KalungaSource(epochs[0], tuple(notes))


def _raw(where: Path) -> KalungaRawSource | None:
    sessions = raw_sessions(where)
    return KalungaRawSource(sessions, asked=is_file(where)) if sessions else None


def _is_epochs(path: Path) -> bool:
    return bool(re.fullmatch(r"kalunga.*\.npz", path.name)) and is_file(path)


class KalungaSource:
    """People whose trials are in one file, filtered and at a lower rate than they were recorded with."""

    name = NAME
    one_file = True

    def __init__(self, path: Path, notes: tuple[str, ...]) -> None:
        self._path = path
        self.notes = notes
        self._rows = _rows(path, load(path, ("subject",))["subject"])

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people, in the order of their numbers."""
        return tuple(self._rows)

    def open(self, person: str) -> Recording:
        """Return one person's trials in the file's order: one segment a trial, float32.

        Raises
        ------
        DataError
            There is no such person, or the file is damaged or not in the layout.
        """
        rows = of_person(self.name, self._rows, person)
        content = load(self._path, KEYS)
        form, flicker = _checked(self._path, content)
        segments = []
        for index, row in enumerate(rows):
            data = np.ascontiguousarray(content["x"][row].T, dtype=np.float32)  # (samples, channels)
            start = index * (len(data) / form.rate + TRIAL_GAP)
            stimulus = flicker[int(content["y"][row])]
            segments.append(
                Segment((Signal(form, data, start),), (trial(stimulus, start, len(data) / form.rate),))
            )
        return Recording(person, self.name, tuple(segments))

    def fingerprint(self) -> str:
        """Return the sha256 of the file's content, as hex."""
        return fingerprint([("all", self._path)])


def load(path: Path, keys: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Return the arrays ``keys`` of an .npz file; pickled ones are refused.

    Raises
    ------
    DataError
        It cannot be read, is damaged or lacks one of them.
    """
    try:
        with path.open("rb") as file:
            if not is_zipfile(file):
                raise ValueError("no zip archive, or one that was cut off")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {key: arrays[key] for key in keys}
    except Exception as problem:  # numpy and zipfile promise no fixed set for a damaged file
        reason = " ".join(str(problem).split())[:120] or type(problem).__name__
        raise DataError(
            f"{path}: expected an .npz file with the arrays {', '.join(KEYS)}, found {reason}; copy it again"
        ) from None


def _rows(path: Path, subjects: NDArray[Any]) -> Mapping[str, list[int]]:
    """Return the rows of each person's trials, by name."""
    if subjects.ndim != 1 or len(subjects) == 0 or subjects.dtype.kind not in "iu":
        raise DataError(f"{path}: subject: expected whole numbers, one a trial, found {_kind(subjects)}")
    return {f"subject{n:02d}": np.flatnonzero(subjects == n).tolist() for n in np.unique(subjects).tolist()}


def _checked(path: Path, content: Mapping[str, NDArray[Any]]) -> tuple[StreamFormat, tuple[str, ...]]:
    """Return the signals' format and each class's flicker; what does not fit together is refused."""
    trials, channels = len(content["subject"]), tuple(map(str, content["ch"].ravel()))
    x, y, fs, t0 = (content[key] for key in ("x", "y", "fs", "t0"))
    if x.dtype.kind != "f" or x.ndim != 3 or x.shape[:2] != (trials, len(channels)) or x.size == 0:
        raise DataError(
            f"{path}: x: expected ({trials} trials, {len(channels)} channels, samples) as floats, found {_kind(x)}"
        )
    classes = tuple(map(str, content["classes"].ravel()))
    if unknown := [name for name in classes if name not in _FLICKER]:
        raise DataError(f"{path}: classes: expected {', '.join(_FLICKER)}, found {unknown[0]!r:.40}")
    if y.dtype.kind not in "iu" or y.shape != (trials,) or not ((y >= 0) & (y < len(classes))).all():
        raise DataError(
            f"{path}: y: expected a number from 0 to {len(classes) - 1} for each of {trials} trials, "
            f"found {_kind(y)} with {np.unique(y)[:6]}"
        )
    if fs.size != 1 or fs.dtype.kind not in "fiu" or not 0 < fs <= 1e4 or t0.size != 1 or t0 != 0:
        raise DataError(f"{path}: expected a rate fs in Hz and trials that begin at t0 = 0 s, found {fs} and {t0}")
    form = StreamFormat(f"{NAME} EEG", "EEG", channels, "arbitrary", float(fs), DONE)
    return form, tuple(_FLICKER[name] for name in classes)


def _kind(array: NDArray[Any]) -> str:
    return f"{array.dtype} of shape {array.shape}"
