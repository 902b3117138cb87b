"""DEAP's preprocessed recordings: one file or a folder of sNN.dat, real or simulated in the same layout."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording
from memhacl.stream.sources.deap import layout
from memhacl.stream.sources.deap.layout import CHANNELS, SCALES, Shape, stimulus_name
from memhacl.stream.sources.deap.sidecar import read_sidecar
from memhacl.stream.sources.files import FileEach, by_person, few, fingerprint, of_person, places
from memhacl.stream.sources.formats.unpickle import read_pickle
from memhacl.stream.sources.simulated.source import NAME as SIMULATED

EXPECTED = "DEAP's preprocessed files, s01.dat to s32.dat"
PEOPLE = {f"s{number:02d}" for number in range(1, 33)}


class DeapSource(FileEach):
    """People in DEAP's preprocessed layout; a file is read when its person is opened."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        super().__init__(files)
        self._sidecar = read_sidecar(next(iter(self._files.values())).parent)
        absent = PEOPLE - files.keys() if self._sidecar is None else self._sidecar.missing(files)
        self._missing = tuple(sorted(absent))

    @property
    def notes(self) -> tuple[str, ...]:
        """Say whose files are missing, unless one was asked for."""
        if not self._missing or len(self._files) == 1:
            return ()
        every = len(PEOPLE) if self._sidecar is None else len(self._sidecar.planted)
        return (f"{len(self._missing)} of {self.name}'s {every} people are not here: {few(self._missing)}",)

    @property
    def name(self) -> str:
        """What the source is, in words."""
        return "DEAP" if self._sidecar is None else SIMULATED

    def open(self, person: str) -> Recording:
        """Read one person's file: one segment a trial, float32.

        Raises
        ------
        DataError
            There is no such person, or the file is damaged or not in DEAP's layout.
        """
        path = of_person(self.name, self._files, person)
        shape = Shape() if self._sidecar is None else self._sidecar.shape
        data, labels = read_arrays(path, shape)
        planted = [] if self._sidecar is None else self._sidecar.of(person)
        return layout.recording(person, self.name, data, labels, shape, planted)

    def fingerprint(self) -> str:
        """Return the sha256 of all files' content and of who they belong to, as hex."""
        said = "" if self._sidecar is None else self._sidecar.model_dump_json()
        return fingerprint(self._files.items(), said)


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


def find(where: Path) -> "DeapSource | None":
    """Return the source at ``where``: one of DEAP's files, a folder of them, or what lies around that folder."""
    if _person(where):
        return DeapSource({_person(where): where})
    for folder in places(where, "data_preprocessed_python"):
        if files := by_person(folder, _person):
            return DeapSource(files)
    return None


def _person(path: Path) -> str:
    matched = re.fullmatch(r"(s\d{2,3})\.dat", path.name.lower())
    return matched[1] if matched else ""
