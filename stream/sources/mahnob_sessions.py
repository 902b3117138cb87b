"""MAHNOB-HCI's session.xml files: who watched which film in which session, and what was felt."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from memhacl.stream.errors import DataError
from memhacl.stream.sources.files import entries, is_file, natural
from memhacl.stream.sources.ratings import rated

XML: Final = "session.xml"
FELT: Final = {  # scale -> attribute
    "valence": "feltVlnc",
    "arousal": "feltArsl",
    "dominance": "feltCtrl",
    "predictability": "feltPred",
}
SCALES: Final = dict.fromkeys(FELT, (1.0, 9.0))
EMOTIONS: Final = {
    0: "neutral", 1: "anger", 2: "disgust", 3: "fear", 4: "joy", 5: "sadness", 6: "surprise",
    11: "amusement", 12: "anxiety",
}  # fmt: skip
_PART: Final = re.compile(r"part_(\d+)_([sn])_trial\d+", re.IGNORECASE)  # the beginning of a BDF file's name
_LARGEST: Final = 1 << 20  # bytes of a session.xml; they have some thousand


@dataclass(frozen=True)
class Session:
    """A session that can be a trial: one person who watched one film.

    ``seconds`` is how long the film is said to be, ``emotion`` the code that was chosen, None for none.
    """

    folder: Path
    person: str
    stimulus: str
    order: int
    seconds: float
    ratings: Mapping[str, float]
    emotion: int | None
    bdf: Path


@dataclass(frozen=True)
class Listing:
    """Each person's sessions in the order in which they were watched, and the counts of those left out, by reason.

    ``notes`` are sentences on what no person can be blamed for.
    """

    sessions: Mapping[str, tuple[Session, ...]]
    excluded: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]

    def incomplete(self) -> list[str]:
        """Return a sentence on each person who has fewer trials than there are films."""
        films = len({session.stimulus for sessions in self.sessions.values() for session in sessions})
        return [
            f"{person} saw {len(self.sessions.get(person, ()))} of {films} stimuli"
            for person in sorted({*self.sessions, *self.excluded}, key=natural)
            if len(self.sessions.get(person, ())) < films
        ]


def list_sessions(folders: Iterable[Path]) -> Listing:
    """Read the session.xml of each session's folder.

    Raises
    ------
    DataError
        A session.xml is damaged, lacks what it must say, or says what cannot be.
    """
    found = _Found()
    for folder in folders:
        found.take(folder)
    return found.listing()


@dataclass
class _Found:
    sessions: dict[str, list[Session]] = field(default_factory=dict)
    excluded: dict[str, Counter[str]] = field(default_factory=dict)
    nameless: list[str] = field(default_factory=list)

    def take(self, folder: Path) -> None:
        """Take a session, or count why it is left out."""
        recordings = [path for path in entries(folder) if path.suffix.lower() == ".bdf"]
        parts = [part for path in recordings if (part := _PART.match(path.name))]
        if not is_file(folder / XML):
            if parts:
                self._leave_out(_person(parts[0][1]), "no_session_xml")
            else:
                self.nameless.append(folder.name)
            return
        root = _root(folder / XML)
        person = _person(_subject(folder / XML, root))
        reason = _unfit(root, recordings, any(part[2].lower() == "n" for part in parts))
        if reason:
            self._leave_out(person, reason)
            return
        session = _session(folder, root, person, recordings)
        if any(other.stimulus == session.stimulus for other in self.sessions.get(person, ())):
            self._leave_out(person, "duplicate_session")  # folders come in the order of their ids
        else:
            self.sessions.setdefault(person, []).append(session)

    def _leave_out(self, person: str, reason: str) -> None:
        self.excluded.setdefault(person, Counter())[reason] += 1

    def listing(self) -> Listing:
        """Return all, people and their sessions in order."""
        people = sorted(self.sessions, key=natural)
        ordered = {
            person: tuple(sorted(self.sessions[person], key=lambda one: (one.order, natural(one.folder.name))))
            for person in people
        }
        totals = sum(self.excluded.values(), Counter[str]())
        notes = (
            [f"left out: {', '.join(f'{n} {reason}' for reason, n in sorted(totals.items()))}"] if totals else []
        )
        if self.nameless:
            notes.append(
                f"{len(self.nameless)} folders without {XML} are left out: {', '.join(self.nameless[:20])}"
            )
        return Listing(ordered, self.excluded, tuple(notes))


def _person(number: str) -> str:
    return f"P{int(number):02d}"


def _root(path: Path) -> ET.Element:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    if len(content) > _LARGEST:
        raise DataError(f"{path}: expected a session.xml of some kilobytes, found more than {_LARGEST} bytes")
    try:
        text = _decoded(content)
        if "<!doctype" in text.lower() or "<!entity" in text.lower():  # they can make a parser run for ever
            raise DataError(
                f"{path}: expected plain XML, found a document type or entities; get the original file"
            )
        root = ET.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))  # it is decoded already
    except (ValueError, ET.ParseError) as problem:
        raise DataError(
            f"{path}: expected XML ({problem}); copy the session again, or move its folder away"
        ) from None
    if root.tag != "session":
        raise DataError(f"{path}: expected a <session>, found <{root.tag:.40}>; copy the session again")
    return root


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # what is asked for is ASCII in any case


def _subject(path: Path, root: ET.Element) -> str:
    subject = root.find("subject")
    said = "" if subject is None else subject.get("id", "").strip()
    if not re.fullmatch(r"\d{1,6}", said, re.ASCII):
        raise DataError(f"{path}: expected <subject id=...> with a number, found '{said:.40}'")
    return said


def _unfit(root: ET.Element, recordings: list[Path], neutral: bool) -> str:
    """Return why a session is no trial, "" if it is one."""
    if root.get("isStim", "1").strip() == "0" or neutral:
        return "neutral_clip"
    if not root.get("feltArsl", "").strip() or any("tagging" in path.name.lower() for path in recordings):
        return "tagging_session"
    return "" if recordings else "no_bdf"


def _session(folder: Path, root: ET.Element, person: str, recordings: list[Path]) -> Session:
    path = folder / XML
    if len(recordings) > 1:
        raise DataError(f"{folder}: expected one BDF file, found {', '.join(one.name for one in recordings):.200}")
    stimulus = root.get("mediaFile", "").strip().casefold()  # one film is one stimulus, however it was spelt
    if not stimulus:
        raise DataError(f"{path}: expected the film's name in mediaFile, found none")
    values = {
        scale: _number(path, root, attribute)
        for scale, attribute in FELT.items()
        if root.get(attribute, "").strip()
    }
    emotion = root.get("feltEmo", "").strip()
    return Session(
        folder,
        person,
        stimulus,
        int(_number(path, root, "cutNr")),
        _number(path, root, "cutLenSec"),
        rated(f"{path}: trial '{stimulus}'", values, SCALES),
        int(_number(path, root, "feltEmo")) if emotion else None,
        recordings[0],
    )


def _number(path: Path, root: ET.Element, attribute: str) -> float:
    said = root.get(attribute, "").strip()
    if re.fullmatch(r"-?\d{1,9}(\.\d*)?", said, re.ASCII) is None:
        raise DataError(f"{path}: {attribute}: expected a number, found '{said:.40}'")
    return float(said)
