"""DEAP's original recordings: one BDF file a person, 48 channels at 512 Hz, and the ratings beside them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording, Segment
from memhacl.stream.sources.deap import layout
from memhacl.stream.sources.deap.presentations import NAME, SCALES, Rated, find_ratings, read_ratings
from memhacl.stream.sources.deap.trials import trials, videos
from memhacl.stream.sources.files import by_person, few, fingerprint, of_person, places
from memhacl.stream.sources.formats.bdf import CODES, STATUS, Wanted, read_signals, read_words, stated_unit
from memhacl.stream.sources.formats.bdf_header import Header, read_header

PEOPLE: Final = 32
TWENTE: Final = 22  # people up to this number were recorded there, with the skin's conductance in nS
FOLDER: Final = "data_original"
# The channels of each signal, and whether each pair of them is one derivation, as in the preprocessed files.
LABELS: Final[dict[str, tuple[tuple[str, ...], bool]]] = {
    "EEG": (layout.ELECTRODES, False),
    "EOG": (("EXG1", "EXG2", "EXG3", "EXG4"), True),
    "EMG": (("EXG5", "EXG6", "EXG7", "EXG8"), True),
    "GSR": (("GSR1",), False),
    "Resp": (("Resp",), False),
    "BVP": (("Plet",), False),
    "Temp": (("Temp",), False),
}


class DeapOriginalSource:
    """People in DEAP's original BDF files; a file is read when its person is opened."""

    name = "DEAP original"
    one_file = False

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)
        self._ratings = find_ratings(next(iter(self._files.values())).parent)

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people, in the order of their numbers."""
        return tuple(self._files)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what is missing, as far as the list of files tells."""
        notes = []
        lacking = [name for number in range(1, PEOPLE + 1) if (name := f"s{number:02d}") not in self._files]
        if lacking and len(self._files) > 1:
            notes.append(f"{len(lacking)} of DEAP's {PEOPLE} people are not here: {few(lacking)}")
        if self._ratings is None or self._ratings.suffix.lower() != ".csv":
            notes.append(f"{NAME}.csv is missing: without it no person can be opened")
        return tuple(notes)

    def open(self, person: str) -> Recording:
        """Read one person's file: one continuous segment, float32.

        Raises
        ------
        DataError
            There is no such person, the file or the ratings are damaged, or the videos cannot be told apart.
        """
        path = of_person(self.name, self._files, person)
        number = int(person[1:])
        rows = self._rows(path, number)
        header = read_header(path)
        skin = "nS" if number <= TWENTE else "ohm"
        wanted = _wanted(skin)
        rate = header.channel(STATUS).rate
        found = videos(read_words(header, STATUS, CODES), rate)
        kept, excluded, unmatched = trials(path, found, rows, header.length)
        segment = Segment(read_signals(header, wanted), kept)
        notes = (*header.notes, *_odd(header, wanted, skin), *unmatched)
        return Recording(person, self.name, (segment,), scales=SCALES, excluded=excluded, notes=notes)

    def _rows(self, path: Path, number: int) -> tuple[Rated, ...]:
        if self._ratings is None:
            raise DataError(
                f"{path}: expected {NAME}.csv in its folder, the folder around that or metadata_csv beside it, "
                "found none; without it nobody knows which video was shown when"
            )
        people = read_ratings(self._ratings)
        if number not in people:
            raise DataError(
                f"{self._ratings}: expected rows of participant {number}, found participants "
                f"{', '.join(map(str, people)) or 'none'}"
            )
        return people[number]

    def fingerprint(self) -> str:
        """Return the sha256 of all files' content and of who they belong to, as hex."""
        ratings = [] if self._ratings is None else [(NAME, self._ratings)]
        return fingerprint([*self._files.items(), *ratings])


def _wanted(skin: str) -> list[Wanted]:
    """Return the signals to read; ``skin`` is the unit of GSR where the header states none."""
    wanted = []
    for form in layout.FORMATS:
        labels, bipolar = LABELS[form.modality]
        unit = skin if form.modality == "GSR" else form.unit
        made = replace(form, name=f"DEAP original {form.modality}", unit=unit, already_done=())
        # Belt and plethysmograph have no true unit, whatever the amplifier writes for every channel.
        wanted.append(Wanted(made, labels, bipolar, stated=unit != "a.u."))
    return wanted


def _odd(header: Header, wanted: list[Wanted], skin: str) -> tuple[str, ...]:
    (gsr,) = (one for one in wanted if one.format.modality == "GSR")
    stated = stated_unit(header.channel(*gsr.labels), gsr.format)
    if stated in (None, skin):
        return ()
    return (
        f"{header.path.name}: GSR1 is in {stated} by the header, in {skin} by DEAP's description: taken as the "
        "header says",
    )


def find(where: Path) -> "DeapOriginalSource | None":
    """Return the source at ``where``: one of DEAP's BDF files, their folder, or the folder around that."""
    if _person(where):
        return DeapOriginalSource({_person(where): where})
    for folder in places(where, FOLDER):
        if files := by_person(folder, _person):
            return DeapOriginalSource(files)
    return None


def _person(path: Path) -> str:
    matched = re.fullmatch(r"(s\d{2})\.bdf", path.name.lower())
    return matched[1] if matched and 1 <= int(matched[1][1:]) <= PEOPLE else ""
