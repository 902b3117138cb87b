"""A laboratory's own sessions: XDF files as LabRecorder writes them, one or a folder of them."""

import logging
import re
from collections import Counter
from pathlib import Path
from typing import Final

from memhacl.stream.errors import DataError
from memhacl.stream.events import recorded_markers, trials_of
from memhacl.stream.signals import Recording, Segment, Signal, Texts
from memhacl.stream.sources.files import fingerprint, of_person
from memhacl.stream.sources.xdf_file import load
from memhacl.stream.sources.xdf_streams import read_streams

EXPECTED: Final = "XDF files (.xdf, .xdfz)"
_SUFFIX = re.compile(r"\.(xdf|xdfz|xdf\.gz)$", re.IGNORECASE)
_REPLACED = re.compile(r"_old\d+$")  # LabRecorder's name for the file that a repeated run replaced
_BIDS = re.compile(r"sub-[^\W_]+")

_log = logging.getLogger(__name__)


def xdf_files(where: Path) -> tuple[Path, ...]:
    """Return ``where`` itself if it is an XDF file, else those in the folder and below, in the order of names.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    if not where.is_dir():
        return (where,) if _SUFFIX.search(where.name) else ()
    try:
        found = sorted(path for path in where.rglob("*") if _SUFFIX.search(path.name) and path.is_file())
    except OSError as problem:
        raise DataError(f"{where}: expected a folder; it cannot be read ({problem.strerror})") from None
    replaced = [path for path in found if _REPLACED.search(_stem(path))]
    for path in replaced:
        _log.warning("%s: left out: a later recording of the same run replaced it", path.relative_to(where))
    return tuple(path for path in found if path not in replaced)


def find(where: Path) -> "XdfSource | None":
    """Return the source of the XDF files at ``where`` and below; None where there are none."""
    files = xdf_files(where)
    return XdfSource(where, files) if files else None


class XdfSource:
    """People whose live streams were recorded; a file is read when its person is opened.

    A file is a person, named by the file. Files whose names begin with the same sub-XX are one person's, in the
    order of their names.
    """

    name = "XDF"
    one_file = False
    notes: tuple[str, ...] = ()

    def __init__(self, where: Path, files: tuple[Path, ...]) -> None:
        self._files = _by_person(where, files)

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people."""
        return tuple(self._files)

    def open(self, person: str) -> Recording:
        """Read one person's files: one segment a file, every stream at the times it was recorded with.

        Raises
        ------
        DataError
            There is no such person, pyxdf is not installed, or a file is damaged or holds no samples.
        """
        files = of_person(self.name, self._files, person)
        parts = [_segment(path) for path in files]
        source = files[0].name if len(files) == 1 else f"{self.name}, {len(files)} files"
        return Recording(person, source, tuple(part for part, _ in parts), any(said for _, said in parts))

    def fingerprint(self) -> str:
        """Return the sha256 of all files' content and of who they belong to, as hex."""
        return fingerprint((person, path) for person, paths in self._files.items() for path in paths)


def _segment(path: Path) -> tuple[Segment, bool]:
    """Read a file; tell too whether its streams say that they are simulated."""
    streams, simulated = read_streams(load(path), path.name)
    if not streams:
        raise DataError(f"{path}: expected recorded samples, found none in any stream; leave the file out")
    signals = tuple(stream for stream in streams if isinstance(stream, Signal))
    texts = tuple(stream for stream in streams if isinstance(stream, Texts))
    trials = trials_of(recorded_markers(streams), path.name)
    return Segment(signals, trials, texts), simulated


def _by_person(where: Path, files: tuple[Path, ...]) -> dict[str, tuple[Path, ...]]:
    stems = Counter(map(_stem, files))
    people: dict[str, tuple[Path, ...]] = {}
    for path in files:
        subject = _BIDS.match(path.name)
        person = subject[0] if subject else _stem(path)
        if subject is None and stems[person] > 1:  # one name in several folders
            person = (path.relative_to(where).parent / person).as_posix()
        people[person] = (*people.get(person, ()), path)
    return people


def _stem(path: Path) -> str:
    return _SUFFIX.sub("", path.name)
