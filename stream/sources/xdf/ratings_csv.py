"""Reading a CSV file of ratings, and every mistake in it told with its line."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TextIO

from memhacl.stream.errors import DataError
from memhacl.stream.sources.files import hash_of
from memhacl.stream.sources.ratings import Scales, is_empty, number_in, rated
from memhacl.stream.sources.xdf.ratings_table import RatingsFile, RatingsTable, Row

_EXCEL = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # a first line that tells a spreadsheet the delimiter


def read_table(path: Path, wanted: RatingsFile, stimuli: Mapping[str, str], scales: Scales) -> RatingsTable:
    """Read the CSV file at ``path``.

    Its column of stimuli may hold names that ``stimuli`` gives, or those that they replace, of markers.

    Raises
    ------
    DataError
        The file cannot be read, lacks a column, has two rows for one trial, a cell that is no number or lies
        outside its range in ``scales``, or a stimulus that may be either of two.
    """
    table = _Reader(path, wanted, stimuli, scales)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table.read(file)
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
        self._delimiter = wanted.delimiter

    def read(self, file: TextIO) -> None:
        """Take the header and all rows of ``file``."""
        first = file.readline()
        if said := _EXCEL.fullmatch(first):
            self._delimiter = said[1]
        lines = chain([] if said else [first], file)
        header: list[str] | None = None
        for number, cells in _numbered(lines, self._delimiter, 1 if said else 0):
            if header is None:
                header = [cell.strip() for cell in cells]
                self._check(header)
            elif len(cells) != len(header):
                raise DataError(
                    f"{self._path}, line {number}: expected {len(header)} cells as in the first line, found "
                    f"{len(cells)}; is '{self._delimiter}' the right delimiter?"
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
                    f"data file, or its delimiter ('{self._delimiter}')"
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
        words = {kind: cells[column] for kind, column in wanted.categories.items() if not is_empty(cells[column])}
        rows[key] = Row(line, rated(where, numbers, self._scales), words)

    def _key(self, where: str, cell: str) -> str | int:
        if self._wanted.stimulus is not None:
            if not cell:
                raise DataError(
                    f"{where}: expected a stimulus in column '{self._wanted.key}', found an empty cell"
                )
            return self._renamed(where, cell)
        number = number_in(self._dotted(cell), where, "trial")
        if not (number >= 1 and number.is_integer()):
            raise DataError(f"{where}: expected a trial's number from 1 on, found '{cell:.40}'")
        return int(number)

    def _renamed(self, where: str, cell: str) -> str:
        """Return the stimulus that is meant: by its final name, or by that of its markers."""
        name = self._stimuli.get(cell, cell)
        if name != cell and cell in self._stimuli.values():
            raise DataError(
                f"{where}: '{cell:.40}' may be the marker's name of '{name}' or the name that 'stimuli' of the "
                "data file gives another: nobody can tell which; give the stimuli names that no marker has"
            )
        return name

    def _dotted(self, cell: str) -> str:
        """Read 6,5 as 6.5, as spreadsheets of many countries write it, where the comma parts no cells."""
        return cell if self._delimiter == "," else cell.replace(",", ".")


def _numbered(lines: Iterable[str], delimiter: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that has a cell with something in it, with the number of the line that it ends in.

    ``before`` is the number of lines before the first of ``lines``.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num + before, cells
