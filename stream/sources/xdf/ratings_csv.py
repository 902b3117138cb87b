"""Reading a CSV file of ratings, and every mistake in it told with its line."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from memhacl.stream.errors import DataError
from memhacl.stream.sources.files import hash_of
from memhacl.stream.sources.ratings import Scales, rated
from memhacl.stream.sources.xdf.ratings_table import RatingsFile, RatingsTable, Row


def read_table(path: Path, wanted: RatingsFile, stimuli: Mapping[str, str], scales: Scales) -> RatingsTable:
    """Read the CSV file at ``path``; ``stimuli`` renames what stands in its column of stimuli.

    Raises
    ------
    DataError
        The file cannot be read, lacks a column, has two rows for one trial, or a cell that is no number or lies
        outside its range in ``scales``.
    """
    table = _Reader(path, wanted, stimuli, scales)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table.read(_numbered(file, wanted.delimiter))
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected text in UTF-8, found another encoding; save it as CSV UTF-8") from None
    except (OSError, csv.Error) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise DataError(f"{path}: cannot be read as CSV ({reason}); export it again") from None
    return RatingsTable(path.name, wanted.stimulus is not None, table.rows, hash_of(path))


class _Reader:
    def __init__(self, path: Path, wanted: RatingsFile, stimuli: Mapping[str, str], scales: Scales) -> None:
        self.rows: dict[str, dict[str | int, Row]] = {}
        self._path, self._wanted, self._stimuli, self._scales = path, wanted, stimuli, scales

    def read(self, lines: Iterator[tuple[int, list[str]]]) -> None:
        """Take the header and all rows, each with the number of its line."""
        header: list[str] | None = None
        for number, cells in lines:
            if header is None:
                header = [cell.strip() for cell in cells]
                self._check(header)
            elif len(cells) != len(header):
                raise DataError(
                    f"{self._path}, line {number}: expected {len(header)} cells as in the first line, found "
                    f"{len(cells)}; is '{self._wanted.delimiter}' the right delimiter?"
                )
            else:
                self._take(number, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
        if header is None:
            raise DataError(f"{self._path}: expected a line with the columns' names, found an empty file")

    def _check(self, header: Sequence[str]) -> None:
        for column in self._wanted.columns:
            if header.count(column) != 1:
                found = ", ".join(header)
                raise DataError(
                    f"{self._path}: expected one column '{column}', found {found:.200}; mend the names in the "
                    f"data file, or its delimiter ('{self._wanted.delimiter}')"
                )

    def _take(self, line: int, cells: Mapping[str, str]) -> None:
        wanted, where = self._wanted, f"{self._path}, line {line}"
        person = cells[wanted.person]
        key = self._key(where, cells[wanted.key])
        if not person:
            raise DataError(f"{where}: expected a person in column '{wanted.person}', found an empty cell")
        rows = self.rows.setdefault(person, {})
        if key in rows:
            raise DataError(
                f"{where}: expected one row for '{person}', {wanted.key} {key!r}, found another in line "
                f"{rows[key].line}; keep one"
            )
        numbers = {
            scale: number_in(self._dotted(cells[column]), where, scale) for scale, column in wanted.scales.items()
        }
        words = {kind: cells[column] for kind, column in wanted.categories.items() if cells[column]}
        rows[key] = Row(line, rated(where, numbers, self._scales), words)

    def _key(self, where: str, cell: str) -> str | int:
        if self._wanted.stimulus is not None:
            if not cell:
                raise DataError(
                    f"{where}: expected a stimulus in column '{self._wanted.key}', found an empty cell"
                )
            return self._stimuli.get(cell, cell)
        number = number_in(self._dotted(cell), where, "trial")
        if not (number >= 1 and number.is_integer()):
            raise DataError(f"{where}: expected a trial's number from 1 on, found '{cell:.40}'")
        return int(number)

    def _dotted(self, cell: str) -> str:
        """Read 6,5 as 6.5, as spreadsheets of many countries write it, where the comma parts no cells."""
        return cell if self._wanted.delimiter == "," else cell.replace(",", ".")


def _numbered(file: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that has a cell with something in it, with the number of the line that it ends in."""
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def number_in(text: str, where: str, what: str) -> float:
    """Return the number in ``text``, NaN where it is empty.

    Raises
    ------
    DataError
        It is none; ``where`` names file and line, ``what`` the scale.
    """
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise DataError(f"{where}: {what}: expected a number, found {text!r:.60}; leave it empty if there is none")
    return value
