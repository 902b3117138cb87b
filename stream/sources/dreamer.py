"""DREAMER: one MATLAB file with everybody's EEG and ECG, read person by person."""

from collections import deque
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any, Final

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording
from memhacl.stream.sources import dreamer_layout
from memhacl.stream.sources.dreamer_layout import NAME
from memhacl.stream.sources.files import entries, fingerprint, is_dir, is_file, of_person
from memhacl.stream.sources.formats import mat_file
from memhacl.stream.sources.formats.mat_elements import Element, Value

PEOPLE: Final = 23
MOST: Final = 1000  # people that a file may state
FILE: Final = "dreamer.mat"


class DreamerSource:
    """The people in DREAMER.mat, in the order in which they lie there.

    Whoever opens them in that order reads the file once; one who lies before the last that was opened is looked
    for from the file's beginning. Only the person asked for is held in memory.
    """

    name = NAME
    one_file = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ahead: Iterator[Element] | None = None  # the people from the one at `_at` on
        self._at = 0

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_ahead": None}  # another process opens the file for itself

    @cached_property
    def people(self) -> tuple[str, ...]:
        """Names of the people: their places in the file.

        Raises
        ------
        DataError
            The file is damaged or not in DREAMER's layout.
        """
        found = _people(self._path)
        count = prod(next(found).shape)
        return tuple(f"S{number + 1:02d}" for number in range(count))

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether the file holds fewer people than DREAMER has."""
        count = len(self.people)
        return () if count == PEOPLE else (f"{self._path.name}: {count} people, DREAMER has {PEOPLE}",)

    def open(self, person: str) -> Recording:
        """Read one person: one segment a film, float32.

        Raises
        ------
        DataError
            There is no such person, or the file is damaged or not in DREAMER's layout.
        """
        number = of_person(self.name, {name: n for n, name in enumerate(self.people)}, person)
        return dreamer_layout.recording(self._path, person, number + 1, self._content(number))

    def _content(self, number: int) -> Value:
        if self._ahead is None or self._at > number:
            self._ahead, self._at = _people(self._path), 0
            next(self._ahead)
        ahead, self._ahead = self._ahead, None  # not to be used again where reading it fails
        with mat_file.told(self._path):
            value = next(islice(ahead, number - self._at, None)).value()
        self._at = number + 1
        if self._at < len(self.people):
            self._ahead = ahead
        else:
            deque(ahead, maxlen=0)  # to the end, so that the checksum is verified
        return value

    def fingerprint(self) -> str:
        """Return the sha256 of the file's content, as hex."""
        return fingerprint([(NAME, self._path)])


def find(where: Path) -> DreamerSource | None:
    """Return the source at ``where``: DREAMER.mat, in any case, or the folder that it lies in."""
    files = entries(where) if is_dir(where) else [where]
    for path in files:
        if path.name.casefold() == FILE and is_file(path):
            return DreamerSource(path)
    return None


def _people(path: Path) -> Iterator[Element]:
    """Yield DREAMER's cell of people, then each of them, to be read before the next is asked for."""
    with mat_file.opened(path) as variables:
        there = []
        for variable in variables:
            there.append(variable.name)
            if variable.name == NAME:
                yield from _data(path, variable)
        mat_file.must_hold(str(path), "variables", [NAME], there)


def _data(path: Path, variable: Element) -> Iterator[Element]:
    where = f"{path}: {NAME}"
    if not variable.is_struct:
        raise DataError(f"{where}: expected a struct, found {variable.words}; is it the original file?")
    mat_file.must_hold(where, "fields", ["Data"], variable.fields)
    for field, part in variable.members():
        if field != "Data":
            continue
        if not part.is_cell or not 0 < prod(part.shape) <= MOST:
            raise DataError(
                f"{where}.Data: expected a cell for each person, found {part.words}; is it the original file?"
            )
        yield part
        yield from (person for _, person in part.members())
