"""WESAD: chest and wrist signals of people under stress and amused, one pickle S<k>.pkl for each person."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat
from memhacl.stream.sources.files import FileEach, entries, few, is_dir, is_file, of_person, places
from memhacl.stream.sources.formats.unpickle import read_pickle
from memhacl.stream.sources.wesad_labels import RATE, ignored, trials_of

NAME: Final = "WESAD"
PEOPLE: Final = tuple(f"S{number}" for number in (*range(2, 12), *range(13, 18)))  # S1 and S12 were never given
_PERSON: Final = re.compile(r"S\d{1,3}")


def _format(device: str, modality: str, channel: str, unit: str, rate: float) -> StreamFormat:
    return StreamFormat(f"{NAME} {device} {channel}", modality, (channel,), unit, rate)


# (device, key) in the file. The belt gives per cent of its range, the plethysmograph no unit: 'a.u.'.
# The wrist's conductance and temperature stand apart from the chest's, so that nobody is predicted from both.
FORMATS: Final = {
    ("chest", "ECG"): _format("chest", "ECG", "ECG", "mV", RATE),
    ("chest", "EMG"): _format("chest", "EMG", "EMG", "mV", RATE),
    ("chest", "EDA"): _format("chest", "GSR", "GSR", "uS", RATE),
    ("chest", "Temp"): _format("chest", "Temp", "Temp", "degC", RATE),
    ("chest", "Resp"): _format("chest", "Resp", "Resp", "a.u.", RATE),
    ("wrist", "BVP"): _format("wrist", "BVP", "BVP", "a.u.", 64.0),
    ("wrist", "EDA"): _format("wrist", "GSR (wrist)", "GSR", "uS", 4.0),
    ("wrist", "TEMP"): _format("wrist", "Temp (wrist)", "Temp", "degC", 4.0),
}
_APART: Final = 1.0  # s by which the signals' durations may differ unremarked


def find(where: Path) -> "WesadSource | None":
    """Return the source at ``where``: WESAD's folder or the one around it, a person's folder or file."""
    if is_file(where):
        return WesadSource({where.stem: where}, ()) if _is_file(where) else None
    for folder in places(where, NAME):
        if files := {path.stem: path for path in entries(folder) if _is_file(path)}:  # a person's folder
            return WesadSource(files, ())
        inside = [path for path in entries(folder) if _PERSON.fullmatch(path.name) and is_dir(path)]
        pickles = {path.name: path / f"{path.name}.pkl" for path in inside}
        if files := {person: path for person, path in pickles.items() if _is_file(path)}:
            return WesadSource(files, _missing(files, inside))
    return None


def _is_file(path: Path) -> bool:
    return path.suffix == ".pkl" and bool(_PERSON.fullmatch(path.stem)) and is_file(path)


def _missing(files: Mapping[str, Path], folders: list[Path]) -> tuple[str, ...]:
    notes = [
        f"{path.name}: holds no {path.name}.pkl that can be read; left out"
        for path in folders
        if path.name not in files
    ]
    absent = [person for person in PEOPLE if person not in {path.name for path in folders}]
    if absent:
        notes.append(f"{len(absent)} of {len(PEOPLE)} people have no folder: {few(absent)}")
    return tuple(notes)


class WesadSource(FileEach):
    """People in WESAD's layout; a file is read when its person is opened."""

    name = NAME

    def __init__(self, files: Mapping[str, Path], notes: tuple[str, ...]) -> None:
        super().__init__(files)
        self.notes = notes

    def open(self, person: str) -> Recording:
        """Read one person's file: one continuous segment, all signals from 0 s on, a trial for each condition.

        Raises
        ------
        DataError
            There is no such person, or the file is damaged or not in WESAD's layout.
        """
        path = of_person(self.name, self._files, person)
        content = _checked(path, read_pickle(path))
        labels = _labels(path, content.pop("label"))
        signals = tuple(
            Signal(form, _column(path, device, key, content["signal"][device].pop(key)), 0.0)
            for (device, key), form in FORMATS.items()
        )
        notes = [*_differing(path, signals, len(labels) / RATE), *ignored(path.name, labels)]
        subject = str(content.get("subject", person))
        if subject != person:
            notes.append(f"{path.name}: says that its subject is {subject!r:.40}; is it {person}?")
        segment = Segment(signals, trials_of(labels))
        return Recording(person, self.name, (segment,), notes=tuple(notes))


def _checked(path: Path, content: object) -> dict[str, Any]:
    """Return the file's dictionary, which has all keys; accelerations are let go of, with their memory."""
    if not isinstance(content, dict) or not {"signal", "label"} <= content.keys():
        raise DataError(f"{path}: expected a dictionary with 'signal' and 'label', found {_found(content)}")
    signal = content["signal"]
    for device in ("chest", "wrist"):
        part = signal.get(device) if isinstance(signal, dict) else None
        wanted = {key for owner, key in FORMATS if owner == device}
        if not isinstance(part, dict) or not wanted <= part.keys():
            raise DataError(
                f"{path}: signal: {device}: expected {', '.join(sorted(wanted))}, found {_found(part)}; "
                "give WESAD's own S<k>.pkl"
            )
        part.pop("ACC", None)
    return content


def _found(value: object) -> str:
    if isinstance(value, dict):
        return f"the keys {', '.join(f'{key!r:.20}' for key in list(value)[:8])}" if value else "an empty one"
    return "nothing" if value is None else type(value).__name__


def _column(path: Path, device: str, key: str, array: object) -> NDArray[np.float32]:
    """Return one signal's samples as (samples, 1)."""
    flat = _flat(f"{path}: signal: {device}: {key}", array, "fiu")
    with np.errstate(over="ignore"):  # infinite: the signal path takes it for missing
        return np.ascontiguousarray(flat.reshape(-1, 1), dtype=np.float32)


def _labels(path: Path, array: object) -> NDArray[Any]:
    """Return the labels as (samples,)."""
    labels = _flat(f"{path}: label", array, "iu")
    wrong = np.flatnonzero((labels < 0) | (labels > 7))
    if len(wrong):
        raise DataError(
            f"{path}: label: expected 0 to 7, found {labels[wrong[0]]} at {wrong[0] / RATE:.1f} s; "
            "unpack the file again from its original"
        )
    return labels


def _flat(where: str, array: object, kinds: str) -> NDArray[Any]:
    """Return a column, or what is flat already, as (samples,); ``kinds`` are numpy's letters of its numbers."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
        found = f"one of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise DataError(f"{where}: expected an array of {'' if 'f' in kinds else 'whole '}numbers, found {found}")
    if array.size == 0 or array.shape not in ((array.size,), (array.size, 1)):
        raise DataError(f"{where}: expected the shape (samples, 1), found {array.shape}")
    return np.asarray(array).reshape(-1)


def _differing(path: Path, signals: tuple[Signal, ...], labelled: float) -> list[str]:
    """Say it where signals and labels do not last equally long."""
    lasting = {signal.format.name.removeprefix(f"{NAME} "): signal.end for signal in signals}
    lasting["labels"] = labelled
    shortest, longest = min(lasting, key=lasting.__getitem__), max(lasting, key=lasting.__getitem__)
    if lasting[longest] - lasting[shortest] <= _APART:
        return []
    return [
        f"{path.name}: durations differ: {shortest} {lasting[shortest]:.1f} s, {longest} {lasting[longest]:.1f} s"
    ]
