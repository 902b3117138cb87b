"""DEAP's participant_ratings: which stimulus each person saw in which trial, and how it was rated."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from memhacl.stream.errors import DataError
from memhacl.stream.sources.deap.layout import RANGES, stimulus_name
from memhacl.stream.sources.files import entries
from memhacl.stream.sources.ratings import number_in, rated

NAME: Final = "participant_ratings"
STIMULI: Final = 40
SCALES: Final = RANGES | {"familiarity": (1.0, 5.0)}
_KEYS: Final = ("participant_id", "trial", "experiment_id")
_FOLDERS: Final = ("", "metadata_csv", "metadata_xls")


@dataclass(frozen=True)
class Rated:
    """One trial: its number in the order of presentation, its stimulus, and the ratings that were given.

    ``begun`` is the file's Start_time, in the file's own unit; NaN where there is none.
    """

    trial: int
    stimulus: str
    begun: float
    ratings: Mapping[str, float]


def find_ratings(folder: Path) -> Path | None:
    """Return participant_ratings.csv in ``folder`` of BDF files, around it or in a metadata folder of either.

    Where there is none, another file of that name (.xls, .ods) is returned.
    """
    other = None
    for place in (folder, folder.absolute().parent):
        for inner in _FOLDERS:
            for path in _ratings_in(place / inner):
                if path.suffix.lower() == ".csv":
                    return path
                other = other or path
    return other


def _ratings_in(folder: Path) -> list[Path]:
    try:
        return [path for path in entries(folder) if path.stem.casefold() == NAME]
    except DataError:  # there is none, or nobody may look into what lies around the files
        return []


def read_ratings(path: Path) -> dict[int, tuple[Rated, ...]]:
    """Return each person's trials, by the person's number, in the order of presentation.

    Raises
    ------
    DataError
        The file is no CSV file, lacks a column, or a row is not what it should be.
    """
    if path.suffix.lower() != ".csv":
        raise DataError(f"{path}: expected {NAME}.csv, found a spreadsheet; open it and save it as CSV beside it")
    people: dict[int, list[Rated]] = {}
    for line, row in _rows(path):
        where = f"{path}: line {line}"
        person, trial, stimulus = (_whole(where, key, row[key]) for key in _KEYS)
        if not 1 <= stimulus <= STIMULI:
            raise DataError(f"{where}: expected an experiment_id from 1 to {STIMULI}, found {stimulus}")
        values = {scale: number_in(row.get(scale, ""), where, scale) for scale in SCALES}
        begun = number_in(row.get("start_time", ""), where, "start_time")
        people.setdefault(person, []).append(
            Rated(trial, stimulus_name(stimulus - 1), begun, rated(where, values, SCALES))
        )
    return {person: _in_order(path, person, trials) for person, trials in people.items()}


def _in_order(path: Path, person: int, trials: Sequence[Rated]) -> tuple[Rated, ...]:
    for what in ("trial", "stimulus"):
        values = [getattr(trial, what) for trial in trials]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise DataError(
                f"{path}: participant {person}: expected each {what} once, found {what} {twice} again; "
                "give the original file"
            )
    return tuple(sorted(trials, key=lambda trial: trial.trial))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return each row by the columns' names in lower case, with its line's number."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        head, _, _ = text.partition("\n")
        separator = max(",;\t", key=head.count)  # spreadsheets of some languages write ; and a decimal comma
        found = list(csv.reader(io.StringIO(text), delimiter=separator, strict=True))
    except (OSError, ValueError, csv.Error) as problem:
        raise DataError(f"{path}: expected a CSV file in UTF-8; it cannot be read ({problem})") from None
    columns = [name.strip().lower() for name in found[0]] if found else []
    lacking = [key for key in (*_KEYS, *RANGES) if key not in columns]
    if lacking:
        raise DataError(
            f"{path}: expected the columns {', '.join((*_KEYS, *SCALES))}, found no {', '.join(lacking)} among "
            f"{', '.join(columns):.200}; give DEAP's {NAME} as CSV"
        )
    rows = []
    for line, cells in enumerate(found[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            raise DataError(f"{path}: line {line}: expected {len(columns)} values, found {len(cells)}")
        plain = (cell.strip() if separator == "," else cell.strip().replace(",", ".") for cell in cells)
        rows.append((line, dict(zip(columns, plain, strict=True))))
    return rows


def _whole(where: str, column: str, text: str) -> int:
    if re.fullmatch(r"\d{1,9}(\.0*)?", text, re.ASCII) is None:
        raise DataError(f"{where}: {column}: expected a whole number, found '{text:.40}'")
    return int(float(text))
