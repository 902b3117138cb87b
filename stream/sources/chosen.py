"""A source as a data file has it: without some people, and with one stream chosen for a modality."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat
from memhacl.stream.sources.files import of_person

if TYPE_CHECKING:
    from memhacl.stream.sources.registry import Source


class Chosen:
    """The people of ``source`` but those in ``leave_out``; ``streams`` says which stream is which modality.

    A stream is chosen by a shell pattern of its name or, where it was recorded live, of its source_id. Other
    streams of that modality stay, as '<modality> (other)', so that nobody is predicted from two.

    Raises
    ------
    DataError
        Somebody who is left out is not there, or nobody is left.
    """

    def __init__(
        self, source: "Source", origin: str, leave_out: Sequence[str], streams: Mapping[str, str]
    ) -> None:
        self._source, self._origin = source, origin
        self._leave_out, self._streams = tuple(leave_out), dict(streams)
        for person in leave_out:
            of_person(f"{origin}: leave_out", dict.fromkeys(source.people), person)
        if not self.people:
            raise DataError(f"{origin}: leave_out: expected somebody to be left, found everybody there")

    @property
    def name(self) -> str:
        """What the source is, in words."""
        return f"{self._source.name}, by {self._origin}"

    @property
    def one_file(self) -> bool:
        """Whether one file holds everybody."""
        return self._source.one_file

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people who are not left out."""
        return tuple(person for person in self._source.people if person not in self._leave_out)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the source says, and what the data file does."""
        left = [f"{self._origin} leaves out {', '.join(self._leave_out)}"] if self._leave_out else []
        chosen = [f"{self._origin}: {modality} is stream '{name}'" for modality, name in self._streams.items()]
        return *self._source.notes, *left, *chosen

    def open(self, person: str) -> Recording:
        """Return one person's recording, in which each modality of the data file is the stream that it says.

        Raises
        ------
        DataError
            There is no such person, no such stream, or several are such.
        """
        of_person(self.name, dict.fromkeys(self.people), person)
        recording = self._source.open(person)
        where = f"{self._origin}: person {person}"
        for modality, pattern in self._streams.items():
            if not any(_is_meant(signal, pattern) for part in recording.segments for signal in part.signals):
                raise DataError(
                    f"{where}: streams.{modality}: expected a stream '{pattern}', found {_listed(recording)}"
                )
        notes: list[str] = []
        segments = tuple(self._choose(segment, where, notes) for segment in recording.segments)
        return replace(recording, segments=segments, notes=(*recording.notes, *notes))

    def _choose(self, segment: Segment, where: str, notes: list[str]) -> Segment:
        chosen = {m: self._one(segment, m, pattern, where) for m, pattern in self._streams.items()}
        for modality in (modality for modality, signal in chosen.items() if signal is None):
            stream = self._streams[modality]
            notes.append(f"{where}, at {segment.start:.3f} s: no stream '{stream}', so no {modality}")
        signals = [new for signal in segment.signals for new in _as_chosen(signal, chosen)]
        return replace(segment, signals=tuple(signals))

    def _one(self, segment: Segment, modality: str, pattern: str, where: str) -> Signal | None:
        """Return the stream that is meant; None in a piece that lacks it."""
        fitting = meant(segment.signals, modality, pattern)
        if len(fitting) > 1:
            raise DataError(
                f"{where}, at {segment.start:.3f} s: streams.{modality}: expected one stream '{pattern}', found "
                f"{', '.join(map(_told, fitting))}; give a name or source_id that only one has"
            )
        return fitting[0] if fitting else None

    def fingerprint(self) -> str:
        """Return the sha256 of the source's fingerprint and of what the data file says of it, as hex."""
        said = json.dumps([self._source.fingerprint(), sorted(self._leave_out), sorted(self._streams.items())])
        return hashlib.sha256(said.encode()).hexdigest()


def meant(signals: Sequence[Signal], modality: str, pattern: str) -> list[Signal]:
    """Return those of ``signals`` whose name or source_id fits ``pattern``: of the modality where any is."""
    named = [signal for signal in signals if _is_meant(signal, pattern)]
    # one device often sends several types under one name
    return [signal for signal in named if signal.format.modality == modality] or named


def _is_meant(signal: Signal, pattern: str) -> bool:
    names = [signal.format.name] if signal.origin is None else [signal.format.name, signal.origin.source_id]
    return any(fnmatchcase(name, pattern) for name in names)


def _as_chosen(signal: Signal, chosen: Mapping[str, Signal | None]) -> Iterator[Signal]:
    """Yield ``signal`` once for each modality that it was chosen for; else under another name, or as it is."""
    own = signal.format.modality
    modalities = [modality for modality, stream in chosen.items() if stream is signal]
    for modality in modalities or [f"{own} (other)" if own in chosen else own]:
        yield signal if modality == own else _renamed(signal, modality, own in modalities)


def _renamed(signal: Signal, modality: str, also_own: bool) -> Signal:
    """Return ``signal`` under another modality: its channels too, unless it serves its own modality as well."""
    form = signal.format
    kinds = form.kinds
    if not also_own:
        kinds = tuple(modality if kind == form.modality else kind for kind in kinds)
    origin = None if signal.origin is None else replace(signal.origin, type=modality)
    return replace(signal, format=_named(form, modality, kinds), origin=origin)


def _named(form: StreamFormat, modality: str, kinds: tuple[str, ...]) -> StreamFormat:
    return replace(form, modality=modality, kinds=kinds)


def _listed(recording: Recording) -> str:
    found = dict.fromkeys(_told(signal) for part in recording.segments for signal in part.signals)
    return ", ".join(found) or "no signals"


def _told(signal: Signal) -> str:
    source_id = "" if signal.origin is None else signal.origin.source_id
    return f"'{signal.format.name}' ({signal.format.modality or 'no type'}{', ' + source_id if source_id else ''})"
