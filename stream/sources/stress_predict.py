"""Stress-Predict: skin conductance and temperature from a wristband, and a stress label for every second."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat
from memhacl.stream.sources.files import by_person, few, fingerprint, is_dir, is_file, of_person, places
from memhacl.stream.sources.formats.empatica import read_column
from memhacl.stream.sources.stress_labels import LABELS, UNUSUAL, count_runs, is_usual, read_labels, trials_of

NAME: Final = "stress-predict"
PEOPLE: Final = tuple(f"S{number:02d}" for number in range(1, 36))
# (file, modality, unit); the heart rate in HR.csv is computed from other signals and no modality
_FILES: Final = (("EDA.csv", "GSR", "uS"), ("TEMP.csv", "Temp", "degC"))


def find(where: Path) -> "StressPredictSource | None":
    """Return the source at ``where``: the data set's folder, its Raw_data, or one person's folder in that."""
    if not is_dir(where):
        return None
    if _is_person(where):
        return StressPredictSource({where.name: where}, where.resolve().parent.parent / LABELS, ())
    for raw in reversed(places(where, "Raw_data")):
        if folders := by_person(raw, lambda path: path.name if _is_person(path) else ""):
            return StressPredictSource(folders, raw.resolve().parent / LABELS, _missing(folders))
    return None


def _is_person(path: Path) -> bool:
    """Whether this is one person's folder: other wristband exports hold no file of the person's name."""
    return bool(re.fullmatch(r"S\d{2}", path.name)) and all(
        is_file(path / name) for name in ("EDA.csv", "TEMP.csv", f"tags_{path.name}.csv")
    )


def _missing(folders: Mapping[str, Path]) -> tuple[str, ...]:
    absent = [person for person in PEOPLE if person not in folders]
    return (f"{len(absent)} of {len(PEOPLE)} people have no folder with EDA.csv, TEMP.csv and tags "
            f"that can be read: {few(absent)}",) if absent else ()  # fmt: skip


class StressPredictSource:
    """People who wore a wristband at rest and in three stressful tasks; files are read when a person is opened."""

    name = NAME
    one_file = False

    def __init__(self, folders: Mapping[str, Path], labels: Path, notes: tuple[str, ...]) -> None:
        self._folders = dict(folders)
        self._labels = labels
        self.notes = notes if is_file(labels) else (*notes, f"no labels: expected {LABELS} beside Raw_data")

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people, in the order of their numbers."""
        return tuple(self._folders)

    def open(self, person: str) -> Recording:
        """Read one person's files: one continuous segment, a trial for each run of equal labels.

        Time 0 is the first sample's, by the wristband's clock.

        Raises
        ------
        DataError
            There is no such person, or a file is damaged or not what it should be.
        """
        folder = of_person(self.name, self._folders, person)
        tracks = [(read_column(folder / file), modality, unit) for file, modality, unit in _FILES]
        zero = min(track.start for track, _, _ in tracks)
        signals = tuple(
            Signal(
                StreamFormat(f"{NAME} {modality}", modality, (modality,), unit, track.rate),
                track.samples,
                track.start - zero,
            )
            for track, modality, unit in tracks
        )
        labels = read_labels(self._labels).get(person) if is_file(self._labels) else None
        if labels is None:
            note = f"{person}: has no labels in {self._labels.name}, so no trials"
            return Recording(person, NAME, (Segment(signals, ()),), excluded={"no_labels": 1}, notes=(note,))
        trials = trials_of(labels, zero, max(signal.end for signal in signals))
        notes = () if is_usual(labels) else (f"{person}: {UNUSUAL}",)
        lost = count_runs(labels) - len(trials)
        excluded = {"no_signals": lost} if lost else {}
        return Recording(person, NAME, (Segment(signals, trials),), excluded=excluded, notes=notes)

    def fingerprint(self) -> str:
        """Return the sha256 of the files that are read and of who they belong to, as hex."""
        files = [(person, folder / file) for person, folder in self._folders.items() for file, _, _ in _FILES]
        return fingerprint([*files, ("labels", self._labels)] if is_file(self._labels) else files)
