"""Raw sessions of Kalunga's SSVEP exoskeleton set: MNE's .fif files with their events beside them."""

import re
import struct
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import TRIAL_GAP, Recording, Segment, Signal, StreamFormat, Trial
from memhacl.stream.sources.files import entries, fingerprint, is_dir, is_file, of_person

NAME: Final = "kalunga-ssvep"
SECONDS: Final = 5.0  # of a trial
CODES: Final = {1: "rest", 2: "13 Hz", 3: "21 Hz", 4: "17 Hz"}
# Sessions, by their stamp, that no one should learn from, and the reason by which their trials are counted.
OMITTED: Final = dict.fromkeys(
    ("2013.04.06-16.22.32", "2014.02.26-15.10.48", "2014.02.26-15.50.09", "2014.02.24-17.56.37",
     "2014.02.24-18.02.40"), "omitted_by_owners",
) | {"2012.07.11-15.33.08": "same_session_of_two_people"}  # fmt: skip
_PERSON: Final = re.compile(r"subject\d{2}")
_STAMP: Final = re.compile(
    r"(?:(subject\d{2})_)?(?:record-)?\[?(\d{4}(?:\.\d\d){2}-(?:\d\d\.){2}\d\d)\]?_raw\.fif"
)
_TAG: Final = struct.Struct(">iiii")  # kind, type, size and place of the next


def trial(stimulus: str, onset: float, seconds: float) -> Trial:
    """Return the trial that begins at ``onset`` (s); before it nothing was shown, but nobody was asked to rest."""
    return Trial(stimulus, onset, onset, onset + seconds, categories={"flicker": stimulus})


def raw_sessions(where: Path) -> dict[str, list[Path]]:
    """Return the raw sessions at ``where`` (a file, a folder, or one of folders named subjectNN), by person."""
    paths = [where] if is_file(where) else entries(where)
    if is_dir(where):
        folders = [path for path in paths if _PERSON.fullmatch(path.name) and is_dir(path)]
        paths += [path for folder in folders for path in entries(folder)]
    found: dict[str, list[Path]] = {}
    for path in paths:
        match = _STAMP.fullmatch(path.name)
        person = (match[1] or path.absolute().parent.name) if match else ""
        if _PERSON.fullmatch(person) and is_file(path):
            found.setdefault(person, []).append(path)
    return dict(sorted(found.items()))


class KalungaRawSource:
    """People whose sessions are files of their own; they are read when their person is opened.

    Sessions that no one should learn from are left out and counted, unless they were ``asked`` for by name.
    """

    name = NAME
    one_file = False
    notes: tuple[str, ...] = ()

    def __init__(self, sessions: Mapping[str, Sequence[Path]], asked: bool) -> None:
        self._sessions = dict(sessions)
        self._asked = asked

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people, in the order of their numbers."""
        return tuple(self._sessions)

    def open(self, person: str) -> Recording:
        """Read one person's sessions: one continuous segment each, with trials of 5 s.

        Raises
        ------
        DataError
            There is no such person, mne is not installed, or a file is damaged or lacks its events.
        """
        segments: list[Segment] = []
        excluded: Counter[str] = Counter()
        notes = []
        for path in of_person(self.name, self._sessions, person):
            reason = OMITTED.get(_stamp(path), "")
            if reason and not self._asked:
                excluded[reason] += len(_events(path))
                notes.append(f"{path.name}: left out: {reason.replace('_', ' ')}")
                continue
            start = segments[-1].end + TRIAL_GAP if segments else 0.0
            segments.append(_segment(path, start, excluded))
        if not segments:
            raise DataError(f"{person}: every session is left out: {'; '.join(notes)}; leave this person out")
        return Recording(person, self.name, tuple(segments), excluded=dict(excluded), notes=tuple(notes))

    def fingerprint(self) -> str:
        """Return the sha256 of all files' content and of who they belong to, as hex."""
        pairs = [(person, path) for person, paths in self._sessions.items() for path in paths]
        return fingerprint(
            (person, file) for person, path in pairs for file in (path, _beside(path)) if is_file(file)
        )


def _stamp(path: Path) -> str:
    match = _STAMP.fullmatch(path.name)
    return match[2] if match else ""


def _beside(path: Path) -> Path:
    """Return the file of a session's events."""
    return path.with_name(path.name.removesuffix("_raw.fif") + "-eve.fif")


def _segment(path: Path, start: float, excluded: Counter[str]) -> Segment:
    """Read a session that begins at ``start`` (s); count the events that make no trial."""
    data, channels, rate, first = _read(path)
    signal = Signal(StreamFormat(f"{NAME} EEG", "EEG", channels, "arbitrary", rate), data, start)
    trials = []
    for sample, _, code in _events(path).tolist():
        place = sample - first
        if code not in CODES:
            excluded["unknown_event"] += 1
        elif not 0 <= place <= len(data) - SECONDS * rate:
            excluded["outside_recording"] += 1
        else:
            trials.append(trial(CODES[code], start + place / rate, SECONDS))
    return Segment((signal,), tuple(trials))


def _read(path: Path) -> tuple[NDArray[np.float32], tuple[str, ...], float, int]:
    """Return a session's EEG (samples, channels), its channels, rate in Hz and the number of its first sample."""
    mne = _mne(path)
    _check_tags(path)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            raw = mne.io.read_raw_fif(path, preload=True, verbose="critical").pick("eeg")
            data = np.ascontiguousarray(raw.get_data().T, dtype=np.float32)
            channels, rate, first = tuple(raw.ch_names), float(raw.info["sfreq"]), int(raw.first_samp)
    except Exception as problem:  # mne promises no fixed set for a malformed file
        raise _malformed(path, "a session in MNE's .fif format", problem) from None
    if len(data) == 0 or not 0 < rate <= 1e5:
        raise DataError(f"{path}: expected EEG samples and a rate, found {len(data)} samples at {rate:g} Hz")
    return data, channels, rate, first


def _events(path: Path) -> NDArray[Any]:
    """Return a session's events (n, 3): sample, 0, code."""
    mne = _mne(path)
    events = _beside(path)
    if not is_file(events):
        raise DataError(f"{path}: expected its events in {events.name} beside it, found no such file")
    _check_tags(events)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(mne.read_events(events, verbose="critical"))
    except Exception as problem:
        raise _malformed(events, "events in MNE's .fif format", problem) from None


def _mne(path: Path) -> Any:
    try:
        import mne  # here: only who reads raw sessions needs it
    except ImportError:
        raise DataError(
            f"{path}: .fif files are read by mne, which is not installed: pip install 'memhacl[data]'"
        ) from None
    return mne


def _check_tags(path: Path) -> None:
    """Refuse a file whose chain of tags runs in a circle or out of the file: mne would follow it for ever."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    place = 0
    while place >= 0:  # the last names no next
        if place + _TAG.size > len(content):
            raise _malformed(path, "a .fif file", f"no tag at byte {place} of {len(content)}")
        _, _, size, following = _TAG.unpack_from(content, place)
        after = place + _TAG.size + size
        if size < 0 or after > len(content) or 0 < following < after:
            raise _malformed(path, "a .fif file", f"a broken tag at byte {place} of {len(content)}")
        place = after if following == 0 else following


def _malformed(path: Path, expected: str, problem: Exception | str) -> DataError:
    reason = " ".join(str(problem).split())[:120] or type(problem).__name__
    return DataError(f"{path}: expected {expected}, found a truncated or damaged file ({reason}); copy it again")
