"""One person's recording → the signal path → windows with what is known of each; what is left out is counted."""

import hashlib
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import StreamError
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.path.window import Window
from memhacl.stream.signals import Recording, Segment, Trial
from memhacl.stream.sources.registry import Source
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.stream.trim import trimmed
from memhacl.train.config import TrialConfig
from memhacl.train.part import ROWS, Part, TrialRecord, part_check, save

_PHASE = 0.05  # hops: clocks drift within a stimulus, and one on the grid must not slip below it
_SLACK = 1e-6  # s: stamps carry rounding, and a window that ends on the stimulus's end belongs to it


@dataclass(frozen=True)
class Cutter:
    """Cuts people of ``source`` into parts that lie in ``folder``; it can be sent to another process."""

    source: Source
    spec: SignalSpec
    trials: TrialConfig
    folder: Path

    def __call__(self, person: str) -> Part:
        """Cut one person's recording, and write the part."""
        recording = trimmed(self.source.open(person), self.trials.rest_within, self.trials.seconds)
        try:
            spec = resolve(self.spec, recording)
            windows, rows, excluded = _windows_of(recording, spec)
            unfit = ""
        except StreamError as problem:
            spec, unfit, excluded = self.spec, str(problem), Counter()
            windows, rows = np.empty((0, *spec.shape), np.float32), np.empty(0, ROWS)
        part = Part(
            person=person,
            source=recording.source,
            simulated=recording.simulated,
            signals=spec,
            scales=recording.scales,
            trials=tuple(_record(recording.segments[number], trial, spec) for number, trial in recording.trials()),
            excluded=excluded,
            excluded_trials=recording.excluded,
            notes=recording.notes,
            unfit=unfit,
            windows=len(windows),
            check=part_check(windows, rows),
        )
        save(part, windows, rows, self.folder)
        return part


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


def _windows_of(
    recording: Recording, spec: SignalSpec
) -> tuple[NDArray[np.float32], NDArray[np.void], Counter[str]]:
    """Windows (rows, channels, samples) wholly inside a stimulus, their rows, and those left out by reason."""
    kept: list[NDArray[np.float32]] = []
    rows: list[tuple[int, int, float]] = []
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
            kept.append(window.data)
            hop = math.floor((window.start - trials[place].onset) / spec.hop + _PHASE)
            rows.append((first[segment] + place, hop, window.start))
    windows = np.stack(kept) if kept else np.empty((0, *spec.shape), np.float32)
    return windows, np.array(rows, dtype=ROWS), excluded


def _place_around(trials: tuple[Trial, ...], window: Window) -> int | None:
    """Return the place of the trial whose stimulus holds the whole window."""
    for place, trial in enumerate(trials):
        if trial.onset - _SLACK <= window.start and window.end <= trial.end + _SLACK:
            return place
    return None


def _record(segment: Segment, trial: Trial, spec: SignalSpec) -> TrialRecord:
    return TrialRecord(
        stimulus=trial.stimulus,
        ratings=trial.ratings,
        planted=trial.planted,
        categories=trial.categories,
        digest=digest(segment, trial, tuple(modality.modality for modality in spec.modalities)),
    )


def digest(segment: Segment, trial: Trial, modalities: tuple[str, ...]) -> str:
    """Return the sha256 (hex) of the samples of ``modalities`` during the stimulus; "" where there are none.

    Two people whose trials share it were recorded once: one of them is a copy.
    """
    found = hashlib.sha256()
    count = 0
    for signal in segment.signals:
        if signal.format.modality in modalities:
            inside = signal.between(trial.onset, trial.end).data
            count += len(inside)
            found.update(signal.format.modality.encode() + np.ascontiguousarray(inside).tobytes())
    return found.hexdigest() if count else ""
