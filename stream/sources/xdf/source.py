"""A laboratory's own sessions: XDF files as LabRecorder writes them, one or a folder of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording, Segment, Trial
from memhacl.stream.sources.files import fingerprint, of_person
from memhacl.stream.sources.xdf.compare import uneven
from memhacl.stream.sources.xdf.conventions import Conventions
from memhacl.stream.sources.xdf.folder import SUFFIX, Found, xdf_files
from memhacl.stream.sources.xdf.people import own
from memhacl.stream.sources.xdf.ratings_csv import read_table
from memhacl.stream.sources.xdf.ratings_table import RatingsTable
from memhacl.stream.sources.xdf.run import Run, heard, read_run

_MEMHACL: Final = Conventions()  # nothing said: our own markers, people by the files' names


def find(where: Path) -> "XdfSource | None":
    """Return the source of the XDF files at ``where`` and below; None where there are none.

    Raises
    ------
    DataError
        The folder or a file cannot be read.
    """
    found = xdf_files(where)
    return XdfSource(where, found) if found.files or any(map(_is_xdf, found.absent)) else None


def _is_xdf(path: Path) -> bool:
    return SUFFIX.search(path.name) is not None


class XdfSource:
    """People whose live streams were recorded; a file is read when its person is opened.

    A file is a person, named by the file. Files whose names begin with the same sub-XX are one person's, in the
    natural order of their paths (run-2 before run-10). ``conventions`` and ``table`` say it otherwise; ``streams``
    are the patterns of streams that will be chosen for modalities, by which runs are compared.
    """

    name = "XDF"
    one_file = False

    def __init__(
        self,
        where: Path,
        found: Found,
        conventions: Conventions = _MEMHACL,
        table: RatingsTable | None = None,
        streams: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._where, self._found = where, found
        self._conventions, self._table, self._streams = conventions, table, dict(streams)
        self._owned = own(where, found, conventions)

    def described(self, conventions: Conventions, folder: Path, streams: Mapping[str, str]) -> "XdfSource":
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
        return XdfSource(self._where, self._found, conventions, table, streams)

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people.

        Raises
        ------
        DataError
            None of the files counts.
        """
        if not self._owned.files:
            why = "; ".join(self._owned.notes)
            raise DataError(f"{self._where}: expected XDF files of somebody, found none that counts: {why}")
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
        excluded = Counter(self._owned.excluded.get(person, {}))
        for run in runs:
            excluded.update(run.excluded)
        labelled, said = self._labelled(person, runs)
        notes = (
            *(note for run in runs for note in run.notes),
            *heard(person, runs, self._conventions),
            *uneven(runs, self._streams),
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

    def _labelled(self, person: str, runs: Sequence[Run]) -> tuple[Sequence[Trial], tuple[str, ...]]:
        trials = [trial for run in runs for trial in run.segment.trials]
        if self._table is None:
            return trials, ()
        self._table.trust(person, [*self._owned.lost.get(person, ()), *_doubts(runs)])
        return self._table.label(person, trials)

    def fingerprint(self) -> str:
        """Return the sha256 of all files' content, of who they belong to and of what is said of them, as hex."""
        owned = ((person, path) for person, paths in self._owned.files.items() for path in paths)
        said = () if self._conventions == _MEMHACL else (self._conventions.meaning(),)
        return fingerprint(owned, *said, *(() if self._table is None else (self._table.hash,)))


def _doubts(runs: Sequence[Run]) -> Iterator[str]:
    """Say why trials may be missing in ``runs``."""
    for run in runs:
        yield from (f"{run.name}: {count} {reason}" for reason, count in run.excluded.items())
        if run.damaged:
            yield f"{run.name}: damaged or cut off"
        elif not run.segment.trials:
            yield f"{run.name}: no trials"


def _segments(runs: Sequence[Run], trials: Sequence[Trial]) -> Iterator[Segment]:
    """Yield the segments of ``runs`` with their share of ``trials``, which are all runs' in order."""
    first = 0
    for run in runs:
        last = first + len(run.segment.trials)
        yield replace(run.segment, trials=tuple(trials[first:last]))
        first = last
