"""AMIGOS's preprocessed recordings: one file or a folder of Data_Preprocessed_PNN.mat."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording, Signal, StreamFormat, Trial
from memhacl.stream.sources.collect import Collected
from memhacl.stream.sources.files import FileEach, entries, few, is_dir, is_file, of_person, places
from memhacl.stream.sources.formats import mat_file
from memhacl.stream.sources.formats.mat_elements import Value
from memhacl.stream.sources.ratings import rated
from memhacl.stream.units import ARBITRARY

NAME: Final = "AMIGOS"
PEOPLE: Final = 40
RATE: Final = 128.0
REST: Final = 5.0  # s before each video
SHORT: Final = 16  # videos; the long ones, which some people did not see, follow
ELECTRODES: Final = tuple("AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4".split())
# The columns of labels_selfassessment, which are not in DEAP's order.
SCALES: Final = dict.fromkeys(("arousal", "valence", "dominance", "liking", "familiarity"), (1.0, 9.0)) | (
    dict.fromkeys(("neutral", "disgust", "happiness", "surprise", "anger", "fear", "sadness"), (0.0, 1.0))
)
EEG_DONE: Final = ("bandpass", "average-reference", "eog-removal", "downsample")
# In the order of joined_data's columns.
FORMATS: Final = (
    StreamFormat("AMIGOS EEG", "EEG", ELECTRODES, "uV", RATE, EEG_DONE),
    StreamFormat("AMIGOS ECG", "ECG", ("ECG right", "ECG left"), ARBITRARY, RATE, ("downsample",)),
    StreamFormat("AMIGOS GSR", "GSR", ("GSR",), ARBITRARY, RATE, ("downsample",)),
)
COLUMNS: Final = sum(len(form.channels) for form in FORMATS)


class AmigosSource(FileEach):
    """People in AMIGOS's preprocessed layout; a file is read when its person is opened."""

    name = NAME

    @property
    def notes(self) -> tuple[str, ...]:
        """Who is missing, where it is a folder."""
        missing = [name for n in range(PEOPLE) if (name := f"P{n + 1:02d}") not in self._files]
        if not missing or len(self._files) == 1:
            return ()
        return (f"{len(missing)} of AMIGOS's {PEOPLE} people are not here: {few(missing)}",)

    def open(self, person: str) -> Recording:
        """Read one person's file: one segment a video that was seen, float32.

        Raises
        ------
        DataError
            There is no such person, or the file is damaged or not in AMIGOS's layout.
        """
        path = of_person(self.name, self._files, person)
        content = mat_file.read(path, ("joined_data", "labels_selfassessment"), ("VideoIDs",))
        signals = mat_file.cells(f"{path}: joined_data", content["joined_data"])
        labels = mat_file.cells(
            f"{path}: labels_selfassessment", content["labels_selfassessment"], count=len(signals)
        )
        stimuli = _stimuli(path, content.get("VideoIDs"), len(signals))
        taken = Collected(path.name)
        for index, stimulus in enumerate(stimuli):
            if stimulus.startswith("#"):
                taken.say(stimulus, "no VideoIDs for the videos at these places")
            _take(path, taken, index + 1, stimulus, signals[index], labels[index])
        long = [value for value in signals[SHORT:] if not mat_file.is_empty(value)]
        notes = [] if long else ["no long videos (17 to 20)"]
        return taken.recording(person, self.name, SCALES, *notes)


def _stimuli(path: Path, value: Value | None, count: int) -> list[str]:
    """Name each video: by its id, which is the same for all people, else by its place, as '#03'."""
    names = [""] * count
    if value is not None and not mat_file.is_empty(value):
        names = [_video(video) for video in mat_file.cells(f"{path}: VideoIDs", value, count)]
    for name, often in Counter(names).items():
        if name and often > 1:
            raise DataError(
                f"{path}: VideoIDs: expected a video once, found '{name}' {often} times; is it the original file?"
            )
    return [name or f"#{index + 1:02d}" for index, name in enumerate(names)]


def _video(value: Value) -> str:
    if isinstance(value, np.ndarray) and value.size == 1 and np.isfinite(value).all():
        return f"{value.item():g}"
    return " ".join(value.split()) if isinstance(value, str) else ""


def _take(path: Path, taken: Collected, place: int, stimulus: str, value: Value, labels: Value) -> None:
    """Take the video at ``place``: its signals (samples, 17) and labels (1, 12)."""
    data = mat_file.table(f"{path}: joined_data{{{place}}} (video {stimulus})", value, COLUMNS)
    if reason := _unusable(data):
        taken.leave_out(stimulus, reason)
        return
    where = f"{path}: labels_selfassessment{{{place}}} (video {stimulus})"
    numbers = mat_file.vector(where, labels, len(SCALES)) or [np.nan] * len(SCALES)
    ratings = rated(where, dict(zip(SCALES, numbers, strict=True)), SCALES)
    if not ratings:
        taken.say(stimulus, "not rated")
    if np.isnan(data).any():
        taken.say(stimulus, "some samples are NaN")
    start = taken.start
    taken.keep(_signals(data, start), Trial(stimulus, start, start + REST, start + len(data) / RATE, ratings))


def _unusable(data: NDArray[np.float32]) -> str:
    """Why a video's signals (samples, 17) cannot be used; "" where they can."""
    if not len(data):
        return "no_data"
    if np.isnan(data).all():
        return "all_nan"
    return "too_short" if len(data) <= REST * RATE else ""


def _signals(data: NDArray[np.float32], start: float) -> tuple[Signal, ...]:
    signals = []
    first = 0
    for form in FORMATS:
        last = first + len(form.channels)
        signals.append(Signal(form, np.ascontiguousarray(data[:, first:last]), start))  # (samples, channels)
        first = last
    return tuple(signals)


def find(where: Path) -> AmigosSource | None:
    """Return the source at ``where``: one of AMIGOS's files, a folder of them or what lies around that folder.

    Each file may lie in a folder of its own name.

    Raises
    ------
    DataError
        A person's file is there twice.
    """
    if is_file(where):
        return AmigosSource({_person(where): where}) if _person(where) else None
    for folder in places(where, "data_preprocessed"):
        if files := _files(folder):
            return AmigosSource(files)
    return None


def _files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in entries(folder):
        if not (person := _person(path)):
            continue
        inside = entries(path) if is_dir(path) else [path]
        for file in (each for each in inside if is_file(each) and _person(each) == person):
            if person in found:
                raise DataError(
                    f"{folder}: expected one file of {person}, found {found[person]} and {file}; keep one"
                )
            found[person] = file
    return found


def _person(path: Path) -> str:
    name = re.fullmatch(r"data_preprocessed_(p\d{2,3})(\.mat)?", path.name.casefold())
    return name[1].upper() if name and (name[2] or not is_file(path)) else ""
