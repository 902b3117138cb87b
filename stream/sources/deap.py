"""DEAP's preprocessed recordings: one file or a folder of sNN.dat, real or simulated in the same layout."""

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording
from memhacl.stream.sources import deap_layout
from memhacl.stream.sources.deap_layout import CHANNELS, SCALES, Shape, stimulus_name
from memhacl.stream.sources.deap_sidecar import read_sidecar
from memhacl.stream.sources.simulated import NAME as SIMULATED
from memhacl.stream.sources.unpickle import read_pickle

EXPECTED = "DEAP's preprocessed files, s01.dat to s32.dat"


class DeapSource:
    """People in DEAP's preprocessed layout; a file is read when its person is opened."""

    def __init__(self, where: Path) -> None:
        self._files = _find(where)
        self._sidecar = read_sidecar(next(iter(self._files.values())).parent)
        if self._sidecar is not None:
            self._sidecar.must_cover(self._files)

    @property
    def name(self) -> str:
        """What the source is, in words."""
        return "DEAP" if self._sidecar is None else SIMULATED

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people, in the order of their numbers."""
        return tuple(self._files)

    def open(self, person: str) -> Recording:
        """Read one person's file: one segment a trial, float32.

        Raises
        ------
        DataError
            There is no such person, or the file is damaged or not in DEAP's layout.
        """
        if person not in self._files:
            raise DataError(f"{self.name}: expected a person of {', '.join(self.people)}, found '{person}'")
        shape = Shape() if self._sidecar is None else self._sidecar.shape
        data, labels = read_arrays(self._files[person], shape)
        planted = [] if self._sidecar is None else self._sidecar.of(person)
        return deap_layout.recording(person, self.name, data, labels, shape, planted)

    def fingerprint(self) -> str:
        """Return the sha256 of all files' content and of who they belong to, as hex."""
        digest = hashlib.sha256()
        for person, path in self._files.items():
            digest.update(f"{person} {_hash(path)}\n".encode())
        if self._sidecar is not None:
            digest.update(self._sidecar.model_dump_json().encode())
        return digest.hexdigest()


def read_arrays(path: Path, shape: Shape) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return a file's data (trials, 40 channels, samples) and labels (trials, 4 scales), both checked.

    Raises
    ------
    DataError
        The file is damaged, or its content is not what DEAP's layout promises.
    """
    content = read_pickle(path)
    if not isinstance(content, dict) or not {"data", "labels"} <= content.keys():
        found = f"the keys {sorted(map(str, content))}" if isinstance(content, dict) else type(content).__name__
        raise DataError(
            f"{path}: expected a dictionary with 'data' and 'labels', found {found[:80]}; "
            f"give one of {EXPECTED} (data_preprocessed_python)"
        )
    data = _checked(path, "data", content["data"], shape.data, "trials, channels, samples")
    labels = _checked(path, "labels", content["labels"], shape.labels, "trials, ratings").astype(np.float64)
    outside = np.argwhere((labels < 1) | (labels > 9))
    if len(outside):
        trial, scale = outside[0]
        raise DataError(
            f"{path}: labels: trial {stimulus_name(trial)} rates {SCALES[scale]} {labels[trial, scale]:g}, "
            "expected 1 to 9; unpack the file again from its original"
        )
    with np.errstate(over="ignore"):  # what overflows is refused below
        samples = data.astype(np.float32)
    broken = np.argwhere(~np.isfinite(samples).all(axis=2))
    if len(broken):
        trial, channel = broken[0]
        raise DataError(
            f"{path}: data: trial {stimulus_name(trial)}, channel {CHANNELS[channel]} holds values that are "
            f"not finite ({len(broken)} such trials and channels in all); unpack the file again, "
            "or leave this person out"
        )
    return samples, labels


def _checked(path: Path, key: str, array: object, shape: tuple[int, ...], axes: str) -> NDArray[Any]:
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: {key}: expected an array, found {type(array).__name__}")
    if array.shape != shape:
        raise DataError(
            f"{path}: {key}: expected the shape {shape} ({axes}), found {array.shape}; "
            "give DEAP's preprocessed Python files, or keep the simulated.json beside simulated ones"
        )
    if array.dtype.kind not in "fiu" or (key == "labels" and not np.isfinite(array).all()):
        raise DataError(f"{path}: {key}: expected finite numbers, found {array.dtype} with values that are none")
    return np.asarray(array)


def holds_deap(where: Path) -> bool:
    """Tell whether ``where`` is one of DEAP's files, or a folder with some."""
    return bool(_person(where)) or (where.is_dir() and any(map(_person, where.glob("s*.dat"))))


def _find(where: Path) -> dict[str, Path]:
    """Return the files by person, in the order of their numbers."""
    if where.is_file():
        if not _person(where):
            raise DataError(
                f"{where}: expected a name such as s01.dat, which says whose recording it is, or an .xdf file"
            )
        return {_person(where): where}
    try:
        entries = list(where.iterdir())
    except OSError as problem:
        reason = problem.strerror or problem
        raise DataError(
            f"{where}: expected {EXPECTED}, or a folder of them; it cannot be read ({reason})"
        ) from None
    found = sorted(filter(_person, entries), key=lambda path: int(path.stem[1:]))
    if not found:
        raise DataError(
            f"{where}: expected {EXPECTED}, or XDF files in this folder, found {len(entries)} other files; "
            "give their folder"
        )
    return {_person(path): path for path in found}


def _person(path: Path) -> str:
    return path.stem if re.fullmatch(r"s\d{2,3}\.dat", path.name) else ""


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None
