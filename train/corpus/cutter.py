"""One person's recording → the signal path → windows with what is known of each; what is left out is counted."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memhacl.stream.errors import StreamError
from memhacl.stream.events import events
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.path.window import Window
from memhacl.stream.signals import ANCHOR, REST_END, REST_START, Marker, Recording, Segment, Trial
from memhacl.stream.sources.registry import Source
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.stream.trim import trimmed
from memhacl.train.config import TrialConfig
from memhacl.train.corpus.part import Part, PartWriter, TrialRecord

_PHASE = 0.05  # hops: clocks drift within a stimulus, and one on the grid must not slip below it
_TELLING = 50  # changes from sample to sample from which on two trials do not agree by chance
_SLACK = 1e-6  # s: stamps carry rounding, and a window that ends on the stimulus's end belongs to it


@dataclass(frozen=True)
class Cutter:
    """Cuts people of ``source`` into parts that lie in ``folder``; it can be sent to another process.

    ``key`` is that of the settings and the data.
    """

    source: Source
    spec: SignalSpec
    trials: TrialConfig
    folder: Path
    key: str

    def __call__(self, person: str) -> Part:
        """Cut one person's recording, and write the part."""
        recording = trimmed(self.source.open(person), self.trials.rest_within, self.trials.seconds)
        writer = PartWriter(person, self.spec.shape, self.folder)
        try:
            spec = resolve(self.spec, recording)
            return writer.finish(self._part(recording, spec, _cut(recording, spec, writer)))
        except StreamError as problem:
            writer.abandon()
            writer = PartWriter(person, self.spec.shape, self.folder)
            return writer.finish(self._part(recording, self.spec, Counter(), str(problem)))
        finally:
            writer.abandon()

    def _part(self, recording: Recording, spec: SignalSpec, excluded: Counter[str], unfit: str = "") -> Part:
        return Part(
            person=recording.person,
            key=self.key,
            source=recording.source,
            simulated=recording.simulated,
            signals=spec,
            scales=recording.scales,
            trials=tuple(
                record for segment in recording.segments for record in _records(recording.person, segment, spec)
            ),
            excluded=excluded,
            excluded_trials=recording.excluded,
            notes=recording.notes,
            unfit=unfit,
        )


def resolve(spec: SignalSpec, recording: Recording) -> SignalSpec:
    """Return ``spec`` with what ``recording``'s owners had already done to each modality written into it.

    Raises
    ------
    StreamError
        The recording lacks a modality of the spec, or its parts differ in what was done to one.
    """
    formats = recording.formats
    done_to: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for signal in (signal for segment in recording.segments for signal in segment.signals):
        done_to[signal.format.modality].add(signal.format.already_done)

    def one(modality: ModalitySpec) -> ModalitySpec:
        if modality.modality not in formats:
            raise StreamError(
                f"{recording.source}: expected {modality.modality} for person '{recording.person}', found only "
                f"{', '.join(formats) or 'no signals'}; take {modality.modality} out of 'use' or use other data"
            )
        if len(done_to[modality.modality]) > 1:
            found = " and ".join(sorted(", ".join(done) or "nothing" for done in done_to[modality.modality]))
            raise StreamError(
                f"{recording.source}: expected {modality.modality} of person '{recording.person}' to be treated "
                f"alike in all parts, found {found} already done; leave the other files out"
            )
        done = (*formats[modality.modality].already_done, *modality.already_done)
        return modality.model_copy(update={"already_done": tuple(dict.fromkeys(done))})

    return spec.model_copy(update={"modalities": tuple(one(modality) for modality in spec.modalities)})


def _cut(recording: Recording, spec: SignalSpec, writer: PartWriter) -> Counter[str]:
    """Give ``writer`` the windows that lie wholly inside a stimulus; count the others by reason."""
    excluded: Counter[str] = Counter()
    first = np.cumsum([0, *(len(segment.trials) for segment in recording.segments)]).tolist()
    for segment, window in recording_windows(recording, spec, assessed=False):
        trials = recording.segments[segment].trials
        place = _place_around(trials, window)
        if place is None:
            excluded["outside_stimulus"] += 1
        elif not window.valid:
            excluded.update(window.reasons)
            excluded["invalid"] += 1
        else:
            hop = math.floor((window.start - trials[place].onset) / spec.hop + _PHASE)
            writer.add(window.data, first[segment] + place, hop, window.start)
    return excluded


def _place_around(trials: tuple[Trial, ...], window: Window) -> int | None:
    """Return the place of the trial whose stimulus holds the whole window."""
    for place, trial in enumerate(trials):
        if trial.onset - _SLACK <= window.start and window.end <= trial.end + _SLACK:
            return place
    return None


def _records(person: str, segment: Segment, spec: SignalSpec) -> Iterator[TrialRecord]:
    markers = events(person, segment)
    for trial in segment.trials:
        yield _record(segment, trial, spec, rest_before(trial.onset, markers))


def rest_before(onset: float, markers: Sequence[Marker]) -> tuple[float, float]:
    """Start and end (s) of the rest period that the signal path knows at ``onset`` (s): the last one that ended.

    It may be an earlier trial's: a trial without one of its own is compared with that.
    """
    rest, began = (onset, onset), None
    for marker in markers:
        if marker.time > onset + _SLACK:
            break
        if marker.text == ANCHOR:
            rest, began = (onset, onset), None
        elif marker.text == REST_START:
            began = marker.time
        elif marker.text == REST_END and began is not None:
            rest, began = (began, marker.time), None
    return rest


def _record(segment: Segment, trial: Trial, spec: SignalSpec, rest: tuple[float, float]) -> TrialRecord:
    return TrialRecord(
        stimulus=trial.stimulus,
        ratings={scale: value for scale, value in trial.ratings.items() if not math.isnan(value)},
        planted=trial.planted,
        categories=trial.categories,
        digest=digest(segment, trial, tuple(modality.modality for modality in spec.modalities)),
        rest=rest,
    )


def digest(segment: Segment, trial: Trial, modalities: tuple[str, ...]) -> str:
    """Return the sha256 (hex) of the samples of ``modalities`` during the stimulus, "" where they prove nothing.

    Two people whose trials share it were recorded once: one of them is a copy. Samples that hardly change are the
    same for many: a lost sensor's, or a few of a slow one's.
    """
    found = hashlib.sha256()
    changes = 0
    for signal in segment.signals:
        if signal.format.modality in modalities:
            inside = np.ascontiguousarray(signal.between(trial.onset, trial.end).data)
            known = np.where(np.isfinite(inside), inside, 0)
            changes += int((known[1:] != known[:-1]).sum())
            found.update(signal.format.modality.encode() + inside.tobytes())
    return found.hexdigest() if changes >= _TELLING else ""
