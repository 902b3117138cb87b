"""MAHNOB-HCI: sessions of one film each, a folder with session.xml and a BDF file for each."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import TRIAL_GAP, Recording, Segment, StreamFormat, Trial
from memhacl.stream.sources.deap.layout import ELECTRODES
from memhacl.stream.sources.files import entries, fingerprint, is_dir, is_file, of_person, places
from memhacl.stream.sources.formats.bdf import CODES, STATUS, Wanted, read_signals, read_words
from memhacl.stream.sources.formats.bdf_header import read_header
from memhacl.stream.sources.mahnob_sessions import EMOTIONS, SCALES, XML, Listing, Session, list_sessions

_SLACK: Final = 1.0  # s that a film may end after its recording; edges nearer than this are one


def _wanted(modality: str, channels: tuple[str, ...], labels: tuple[str, ...], unit: str) -> Wanted:
    form = StreamFormat(f"MAHNOB-HCI {modality}", modality, channels, unit, 0.0)
    return Wanted(form, labels, stated=unit != "a.u.")


# Belt and amplifier give respiration no true unit: 'a.u.', the same for all people.
WANTED: Final = (
    _wanted("EEG", ELECTRODES, ELECTRODES, "uV"),
    _wanted("ECG", ("ECG1", "ECG2", "ECG3"), ("EXG1", "EXG2", "EXG3"), "uV"),
    _wanted("GSR", ("GSR",), ("GSR1",), "ohm"),
    _wanted("Resp", ("Resp",), ("Resp",), "a.u."),
    _wanted("Temp", ("Temp",), ("Temp",), "degC"),
)


class MahnobSource:
    """People of MAHNOB-HCI's emotion experiment; their session.xml files are read when people are asked for."""

    name = "MAHNOB-HCI"
    one_file = False

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    @cached_property
    def _listing(self) -> Listing:
        listing = list_sessions(self._folders)
        if not listing.sessions:
            reasons = "; ".join(listing.notes) or "none"
            raise DataError(
                f"{self._folders[0].parent}: expected sessions of the emotion experiment, with ratings and a BDF "
                f"file, found none among {len(self._folders)} ({reasons})"
            )
        return listing

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people, in the order of their numbers."""
        return tuple(self._listing.sessions)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on sessions that are left out and people who lack some."""
        return (*self._listing.notes, *self._listing.incomplete())

    def open(self, person: str) -> Recording:
        """Read one person's sessions in the order they were watched: one segment each, float32.

        Raises
        ------
        DataError
            There is no such person, a file is damaged, or no session has its film marked.
        """
        sessions = of_person(self.name, self._listing.sessions, person)
        excluded = Counter(self._listing.excluded.get(person, {}))
        segments: list[Segment] = []
        notes: list[str] = []
        for session in sessions:
            start = segments[-1].end + TRIAL_GAP if segments else 0.0
            part = _segment(session, start, notes)
            if isinstance(part, Segment):
                segments.append(part)
            else:
                excluded[part] += 1
        if not segments:
            raise DataError(
                f"{sessions[0].folder.parent}: person {person}: expected a film's start in the status of a BDF "
                f"file, found none in {len(sessions)}; {'; '.join(notes)}"
            )
        return Recording(
            person, self.name, tuple(segments), scales=SCALES, excluded=dict(excluded), notes=tuple(notes)
        )

    def fingerprint(self) -> str:
        """Return the sha256 of all sessions' files and of who they belong to, as hex."""
        return fingerprint(
            (f"{person} {path.name}", path)
            for person, sessions in self._listing.sessions.items()
            for session in sessions
            for path in (session.folder / XML, session.bdf)
        )


def _segment(session: Session, start: float, notes: list[str]) -> Segment | str:
    """Return the session as a segment that begins at ``start`` (s), or the reason why it is no trial."""
    header = read_header(session.bdf)
    notes.extend(header.notes)
    words = read_words(header, STATUS, CODES)
    onset, end = edges(words, header.channel(STATUS).rate)
    if onset is None:
        notes.append(f"{session.bdf.name}: the status has no edge that marks the film's start: left out")
        return "no_status_edge"
    if end is None:
        end = onset + session.seconds
        notes.append(
            f"{session.bdf.name}: the film's end is not marked: taken {session.seconds:g} s after its start"
        )
    if end > header.length + _SLACK or end <= onset:
        notes.append(f"{session.bdf.name}: the film would end at {end:g} s of {header.length:g} s: left out")
        return "cut_off"
    categories = {}
    if session.emotion is not None:
        if session.emotion in EMOTIONS:
            categories["emotion"] = EMOTIONS[session.emotion]
        else:
            notes.append(f"{session.folder.name}: feltEmo {session.emotion} is no emotion that is known")
    trial = Trial(
        session.stimulus,
        start,
        start + onset,
        start + min(end, header.length),
        session.ratings,
        categories=categories,
    )
    return Segment(read_signals(header, WANTED, start), (trial,))


def edges(words: NDArray[np.uint32], rate: float) -> tuple[float | None, float | None]:
    """Return the times (s) of the first two rising edges in status ``words`` (samples,) at ``rate`` Hz, if any."""
    rising = (np.flatnonzero(words[1:] > words[:-1]) + 1) / rate
    if not len(rising):
        return None, None
    later = rising[rising > rising[0] + _SLACK]  # bits that settle one after the other are one edge
    return float(rising[0]), float(later[0]) if len(later) else None


def find(where: Path) -> "MahnobSource | None":
    """Return the source at ``where``: the data set's folder, its Sessions, or one session's folder or file."""
    if is_file(where):
        fits = where.name.lower() == XML or where.suffix.lower() == ".bdf"
        return MahnobSource([where.parent]) if fits and _is_session(where.parent) else None
    if _is_session(where):
        return MahnobSource([where])
    for folder in places(where, "Sessions"):
        numbered = [path for path in entries(folder) if path.name.isdecimal() and is_dir(path)]
        if any(map(_is_session, numbered)):
            return MahnobSource(numbered)
    return None


def _is_session(folder: Path) -> bool:
    try:
        with (folder / XML).open("rb") as file:
            return b"<session" in file.read(4096)
    except OSError:
        return False
