"""A laboratory's own sessions: XDF files as LabRecorder writes them, one or a folder of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording, Segment, Trial
from memhacl.stream.sources.files import fingerprint, of_person
from memhacl.stream.sources.xdf.conventions import Conventions
from memhacl.stream.sources.xdf.people import SUFFIX, own
from memhacl.stream.sources.xdf.ratings_csv import read_table
from memhacl.stream.sources.xdf.ratings_table import RatingsTable
from memhacl.stream.sources.xdf.run import Run, heard, read_run, uneven

COPY: Final = "duplicate_file"
_MEMHACL: Final = Conventions()  # nothing said: our own markers, people by the files' names


def xdf_files(where: Path) -> tuple[Path, ...]:
    """Return ``where`` itself if it is an XDF file, else those in the folder and below; hidden ones are none.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    if not where.is_dir():
        return (where,) if SUFFIX.search(where.name) else ()
    try:
        found = [path for path in where.rglob("*") if SUFFIX.search(path.name) and path.is_file()]
    except OSError as problem:
        raise DataError(f"{where}: expected a folder; it cannot be read ({problem.strerror})") from None
    return tuple(p for p in found if not any(part.startswith(".") for part in p.relative_to(where).parts))


def find(where: Path) -> "XdfSource | None":
    """Return the source of the XDF files at ``where`` and below; None where there are none."""
    files = xdf_files(where)
    source = XdfSource(where, files) if files else None
    return source if source is not None and source.people else None


class XdfSource:
    """People whose live streams were recorded; a file is read when its person is opened.

    A file is a person, named by the file. Files whose names begin with the same sub-XX are one person's, in the
    natural order of their paths (run-2 before run-10). ``conventions`` and ``table`` say it otherwise.
    """

    name = "XDF"
    one_file = False

    def __init__(
        self,
        where: Path,
        files: Sequence[Path],
        conventions: Conventions = _MEMHACL,
        table: RatingsTable | None = None,
    ) -> None:
        self._where, self._found = where, tuple(files)
        self._conventions, self._table = conventions, table
        self._owned = own(where, files, conventions)

    def described(self, conventions: Conventions, folder: Path) -> "XdfSource":
        """Return the same files as ``conventions`` have them; the CSV file of ratings lies in ``folder``.

        Raises
        ------
        DataError
            The CSV file is wrong, or the conventions fit no file.
        """
        table = None
        if conventions.ratings is not None:
            path = folder / conventions.ratings.file
            table = read_table(path, conventions.ratings, conventions.stimuli, conventions.scales)
        return XdfSource(self._where, self._found, conventions, table)

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people."""
        return tuple(self._owned.files)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on files that are left out and ratings of nobody."""
        strangers = () if self._table is None else self._table.strangers(self.people)
        return *self._owned.notes, *strangers

    def open(self, person: str) -> Recording:
        """Read one person's files: one segment a file, every stream at the times it was recorded with.

        Raises
        ------
        DataError
            There is no such person, pyxdf is not installed, a file is damaged or holds no samples, or what was
            said of markers and ratings does not fit.
        """
        files = of_person(self.name, self._owned.files, person)
        runs = [read_run(path, self._owned.named(path), self._conventions) for path in files]
        excluded = Counter({COPY: self._owned.copies[person]} if self._owned.copies.get(person) else {})
        for run in runs:
            excluded.update(run.excluded)
        trials = [trial for run in runs for trial in run.segment.trials]
        labelled, said = self._labelled(person, trials, excluded)
        notes = (
            *(note for run in runs for note in run.notes),
            *heard(person, runs, self._conventions),
            *uneven(runs),
            *said,
        )
        return Recording(
            person,
            files[0].name if len(files) == 1 else f"{self.name}, {len(files)} files",
            tuple(_segments(runs, labelled)),
            any(run.simulated for run in runs),
            self._conventions.scales,
            dict(excluded),
            notes,
        )

    def _labelled(
        self, person: str, trials: Sequence[Trial], excluded: Counter[str]
    ) -> tuple[Sequence[Trial], tuple[str, ...]]:
        if self._table is None:
            return trials, ()
        lost = {reason: count for reason, count in excluded.items() if reason != COPY}
        if lost and not self._table.by_stimulus:
            said = ", ".join(f"{count} {reason}" for reason, count in lost.items())
            raise DataError(
                f"{self._table.name}: tells trials apart by their numbers, but some of '{person}' are left out "
                f"({said}): numbers are uncertain; give a column of stimuli, or leave the person or file out"
            )
        return self._table.label(person, trials)

    def fingerprint(self) -> str:
        """Return the sha256 of all files' content, of who they belong to and of what is said of them, as hex."""
        owned = ((person, path) for person, paths in self._owned.files.items() for path in paths)
        said = () if self._conventions == _MEMHACL else (self._conventions.meaning(),)
        return fingerprint(owned, *said, *(() if self._table is None else (self._table.hash,)))


def _segments(runs: Sequence[Run], trials: Sequence[Trial]) -> Iterator[Segment]:
    """Yield the segments of ``runs`` with their share of ``trials``, which are all runs' in order."""
    first = 0
    for run in runs:
        last = first + len(run.segment.trials)
        yield replace(run.segment, trials=tuple(trials[first:last]))
        first = last
