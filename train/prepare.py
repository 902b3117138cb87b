"""Stage 'prepare': recordings → the signal path → the corpus; the same windows that a live server would see."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.path.window import Window
from memhacl.stream.signals import Recording, Trial
from memhacl.stream.sources.registry import Source
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.corpus import INDEX, Manifest, WindowWriter
from memhacl.train.labels import SCALES
from memhacl.train.progress import Bar

_PHASE = 0.05  # hops: clocks drift within a stimulus, and one on the grid must not slip below it
_SLACK = 1e-6  # s: stamps carry rounding, and a window that ends on the stimulus's end belongs to it


@dataclass
class _Tally:
    """What has been seen while people go by: numbers for names, rows of the index, reasons of exclusion."""

    stimuli: dict[str, int] = field(default_factory=dict)
    trials: int = 0
    rows: list[NDArray[np.void]] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)


def prepare(source: Source, spec: SignalSpec, folder: Path, bar: Bar) -> None:
    """Write the corpus of ``source`` to the empty ``folder``; only valid windows wholly inside a stimulus stay.

    Raises
    ------
    DataError
        There are no people, people differ in what was done to their signals, or no window is left.
    """
    if not source.people:
        raise DataError(f"{source.name}: holds no people; expected at least one recording")
    tally = _Tally()
    resolved: SignalSpec | None = None
    bar.start(len(source.people))
    with WindowWriter(folder / "windows.npy", spec.shape) as writer:
        for number, person in enumerate(source.people):
            recording = source.open(person)
            found = resolve(spec, recording)
            if resolved is not None and found != resolved:
                raise DataError(_differs(recording, resolved, found))
            resolved = found
            windows = _windows_of(recording, resolved, number, tally)
            if windows:
                writer.append(np.stack(windows))
            bar.step(f"{person}: {len(windows)} windows")
    if resolved is None or writer.rows == 0:
        raise DataError(f"{source.name}: no valid window in any stimulus; left out: {_said(tally.excluded)}")
    index = np.concatenate(tally.rows)
    np.save(folder / "index.npy", index)
    manifest = Manifest(
        source=source.name,
        fingerprint=source.fingerprint(),
        simulated=recording.simulated,
        signals=resolved,
        people=source.people,
        stimuli=tuple(tally.stimuli),
        trials=tally.trials,
        windows=len(index),
        excluded=dict(tally.excluded),
    )
    text = json.dumps(manifest.model_dump(mode="json"), indent=2)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    bar.finish(f"{len(index)} windows of {len(source.people)} people; left out: {_said(tally.excluded)}")


def resolve(spec: SignalSpec, recording: Recording) -> SignalSpec:
    """Return ``spec`` with what ``recording``'s owners had already done to each modality written into it.

    Raises
    ------
    DataError
        The recording lacks a modality of the spec.
    """
    formats = recording.formats

    def one(modality: ModalitySpec) -> ModalitySpec:
        if modality.modality not in formats:
            raise DataError(
                f"{recording.source}: expected {modality.modality} for person '{recording.person}', found only "
                f"{', '.join(formats)}; take {modality.modality} out of signals.modalities or use other data"
            )
        done = (*formats[modality.modality].already_done, *modality.already_done)
        return modality.model_copy(update={"already_done": tuple(dict.fromkeys(done))})

    return spec.model_copy(update={"modalities": tuple(one(modality) for modality in spec.modalities)})


def _windows_of(recording: Recording, spec: SignalSpec, subject: int, tally: _Tally) -> list[NDArray[np.float32]]:
    """Windows (channels, samples) of one person's trials; their index rows and the excluded go to ``tally``."""
    kept: list[NDArray[np.float32]] = []
    rows: list[tuple[float, ...]] = []
    numbers = _number_trials(recording, tally)
    for segment, window in recording_windows(recording, spec):
        trial = _trial_around(recording.segments[segment].trials, window)
        if trial is None:
            tally.excluded["outside_stimulus"] += 1
        elif not window.valid:
            tally.excluded.update(window.reasons)
            tally.excluded["invalid"] += 1
        else:
            kept.append(window.data)
            number, stimulus = numbers[segment, trial.onset], tally.stimuli[trial.stimulus]
            place = math.floor((window.start - trial.onset) / spec.hop + _PHASE)
            rows.append((subject, stimulus, number, place, window.start, *_scales(trial)))
    tally.rows.append(np.array(rows, dtype=INDEX))
    return kept


def _number_trials(recording: Recording, tally: _Tally) -> dict[tuple[int, float], int]:
    """Give every trial a number that is unique in the corpus, and every stimulus one that people share."""
    numbers: dict[tuple[int, float], int] = {}
    for segment, trial in recording.trials():
        numbers[segment, trial.onset] = tally.trials
        tally.trials += 1
        tally.stimuli.setdefault(trial.stimulus, len(tally.stimuli))
    return numbers


def _trial_around(trials: tuple[Trial, ...], window: Window) -> Trial | None:
    """Return the trial whose stimulus holds the whole window."""
    for trial in trials:
        if trial.onset - _SLACK <= window.start and window.end <= trial.end + _SLACK:
            return trial
    return None


def _scales(trial: Trial) -> Iterator[float]:
    for values in (trial.ratings, trial.planted):
        for scale in SCALES:
            yield values.get(scale, float("nan"))


def _differs(recording: Recording, first: SignalSpec, found: SignalSpec) -> str:
    before, now = next(pair for pair in zip(first.modalities, found.modalities, strict=True) if pair[0] != pair[1])
    had, has = (", ".join(modality.already_done) or "nothing" for modality in (before, now))
    return (
        f"{recording.source}: person '{recording.person}' has {now.modality} with {has} already done, the people "
        f"before have {had}; prepare them apart"
    )


def _said(excluded: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(excluded.items())) or "none"
